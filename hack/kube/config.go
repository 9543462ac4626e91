package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// writeConfig renders every configuration file of the cluster below the run directory.
func writeConfig(l layout, bin, runc string, list []node) error {
	files := map[string]string{
		l.Conf("Corefile"):    corefile(l, list[0]),
		l.Conf("addons.yaml"): addons(list[0]),
		// Pods must not inherit the name servers of this machine: they could not be reached.
		l.Conf("resolv.conf"): "",
	}
	for _, n := range list {
		files[l.Conf(n.component("kubelet")+".yaml")] = kubeletConfig(l, n)
		files[l.Conf(n.component("kube-proxy")+".yaml")] = proxyConfig(l, n)
		files[l.Conf(n.component("containerd")+".toml")] = containerdConfig(n, bin, runc)
		files[filepath.Join(n.Dir(), "cni", "10-pods.conflist")] = cniConfig(n)
	}
	for path, text := range files {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}

	inside := "https://" + list[0].Addr() + ":" + apiPort
	users := []string{"kube-controller-manager", "kube-scheduler", "kube-proxy", "coredns"}
	for _, n := range list {
		users = append(users, n.component("kubelet"))
	}
	for _, user := range users {
		if err := writeKubeconfig(l, l.Conf(user+".kubeconfig"), inside, user); err != nil {
			return err
		}
	}
	return writeKubeconfig(l, l.Kubeconfig(), "https://"+uplinkAddr+":"+apiPort, "admin")
}

// writeKubeconfig embeds the credentials, so that the file can be copied elsewhere. JSON is YAML.
func writeKubeconfig(l layout, path, server, user string) error {
	var embedded [3]string
	for i, file := range []string{"ca.crt", user + ".crt", user + ".key"} {
		data, err := os.ReadFile(l.Pki(file))
		if err != nil {
			return err
		}
		embedded[i] = base64.StdEncoding.EncodeToString(data)
	}
	const name = "wamp-kube"
	type object = map[string]any
	data, err := json.MarshalIndent(object{
		"apiVersion":      "v1",
		"kind":            "Config",
		"current-context": name,
		"clusters":        []object{{"name": name, "cluster": object{"server": server, "certificate-authority-data": embedded[0]}}},
		"users":           []object{{"name": user, "user": object{"client-certificate-data": embedded[1], "client-key-data": embedded[2]}}},
		"contexts":        []object{{"name": name, "context": object{"cluster": name, "user": user}}},
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}

// kubeletConfig turns off all that reacts to a full disk (a percentage says little on a shared
// development machine), reports often, and restarts crashed containers within seconds, since
// tests crash them on purpose.
func kubeletConfig(l layout, n node) string {
	return fmt.Sprintf(`apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: %[1]s}
authorization: {mode: Webhook}
tlsCertFile: %[2]s
tlsPrivateKeyFile: %[3]s
containerRuntimeEndpoint: unix://%[4]s
clusterDNS: [%[5]s]
clusterDomain: %[6]s
resolvConf: %[7]s
podLogsDir: %[8]s
volumePluginDir: %[9]s
cgroupDriver: cgroupfs
cgroupRoot: %[10]s
failCgroupV1: false
failSwapOn: false
healthzBindAddress: %[11]s
containerLogMaxSize: 5Mi
containerLogMaxFiles: 2
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard:
  memory.available: 0%%
  nodefs.available: 0%%
  nodefs.inodesFree: 0%%
  imagefs.available: 0%%
  imagefs.inodesFree: 0%%
  pid.available: 0%%
nodeStatusUpdateFrequency: 4s
nodeStatusReportFrequency: 1m0s
nodeLeaseDurationSeconds: 12
crashLoopBackOff: {maxContainerRestartPeriod: 2s}
serializeImagePulls: false
`, l.Pki("ca.crt"), l.Pki(n.component("kubelet-server")+".crt"), l.Pki(n.component("kubelet-server")+".key"),
		n.Containerd(), dnsAddr, domain, l.Conf("resolv.conf"), filepath.Join(n.Dir(), "pod-logs"),
		filepath.Join(n.Dir(), "volume-plugins"), n.Cgroup(), n.Addr())
}

// proxyConfig leaves the conntrack limits alone: they belong to the whole machine.
func proxyConfig(l layout, n node) string {
	return fmt.Sprintf(`apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: %s}
mode: nftables
clusterCIDR: %s
hostnameOverride: %s
healthzBindAddress: %s:10256
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
nftables: {minSyncPeriod: 100ms}
`, l.Conf("kube-proxy.kubeconfig"), l.families(podCIDR, podCIDR6), n.Name(), n.Addr())
}

// containerdConfig keeps every path inside the node's directory. The score adjustment is
// restricted because CAP_SYS_RESOURCE is often missing in virtual machines and containers, and
// runc then dies with a message that says nothing of it.
func containerdConfig(n node, bin, runc string) string {
	dir := n.Dir()
	return fmt.Sprintf(`version = 4
root = '%[1]s/containerd'
state = '%[1]s/containerd-state'
imports = []
disabled_plugins = ['io.containerd.nri.v1.nri', 'io.containerd.internal.v1.opt', 'io.containerd.image-verifier.v1.bindir']

[plugins.'io.containerd.server.v1.grpc']
address = '%[2]s'
[plugins.'io.containerd.server.v1.ttrpc']
address = '%[2]s.ttrpc'
[plugins.'io.containerd.metadata.v1.bolt']
no_sync = true

[plugins.'io.containerd.cri.v1.images']
snapshotter = '%[6]s'
[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = '%[3]s'

[plugins.'io.containerd.cri.v1.runtime']
restrict_oom_score_adj = true
cdi_spec_dirs = []
[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ['%[4]s']
conf_dir = '%[1]s/cni'
use_internal_loopback = true
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = 'io.containerd.runc.v2'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
BinaryName = '%[5]s'
SystemdCgroup = false
`, dir, n.Containerd(), pauseImage, bin, runc, snapshotter(n.l.Cache))
}

// cniConfig routes every pod over a link of its own. A bridge would need br_netfilter, which
// not every kernel has, for two pods of one node to talk through a Service.
func cniConfig(n node) string {
	return fmt.Sprintf(`{
  "cniVersion": "1.0.0",
  "name": "pods",
  "plugins": [
    {
      "type": "ptp",
      "ipMasq": false,
      "ipam": {
        "type": "host-local",
        "dataDir": %q,
        "ranges": [%s],
        "routes": [%s]
      }
    },
    {"type": "portmap", "backend": "nftables", "capabilities": {"portMappings": true}}
  ]
}
`, filepath.Join(n.Dir(), "cni-leases"),
		n.l.families(`[{"subnet": "`+n.PodSubnet()+`"}]`, `[{"subnet": "`+n.PodSubnet6()+`"}]`),
		n.l.families(`{"dst": "0.0.0.0/0"}`, `{"dst": "::/0"}`))
}

// corefile answers for the cluster's own names and says at once of all others that they do not
// exist: there is no route to a name server that would know them.
func corefile(l layout, n node) string {
	return fmt.Sprintf(`%[1]s in-addr.arpa {
    bind %[2]s
    errors
    ready %[2]s:8181
    kubernetes {
        kubeconfig %[3]s
        pods insecure
        ttl 5
    }
    cache 5 {
        disable denial
    }
}
. {
    bind %[2]s
    template ANY ANY {
        rcode NXDOMAIN
    }
}
`, domain, n.Addr(), l.Conf("coredns.kubeconfig"))
}

// addons are the objects that make CoreDNS, a plain process on the first node, reachable under
// the Service address that every pod has in its resolv.conf.
func addons(n node) string {
	return fmt.Sprintf(`apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: system:coredns}
rules:
- apiGroups: [""]
  resources: [services, pods, namespaces]
  verbs: [list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: system:coredns}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: system:coredns}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: User, name: system:coredns}
---
apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system}
spec:
  clusterIP: %[1]s
  ports:
  - {name: dns, port: 53, protocol: UDP}
  - {name: dns-tcp, port: 53, protocol: TCP}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: kube-dns
  namespace: kube-system
  labels: {kubernetes.io/service-name: kube-dns}
addressType: IPv4
endpoints:
- addresses: [%[2]s]
ports:
- {name: dns, port: 53, protocol: UDP}
- {name: dns-tcp, port: 53, protocol: TCP}
`, dnsAddr, n.Addr())
}
