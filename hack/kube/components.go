package main

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"path/filepath"
	"time"
)

// component is one long-running program of the cluster.
type component struct {
	Name  string   // unique; also the name of its log
	Args  []string // program and arguments
	NetNS string   // network namespace to enter, "" for the cluster's own
	After []string // components that must answer before it is started
	Probe probe    // says when it answers

	// Once runs each time the component has come to answer, before those that wait for it start.
	Once []string
}

// probe is a URL that answers 200 or a unix socket that accepts a connection.
type probe struct {
	URL    string
	Socket string
}

func (p probe) ok(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if p.Socket != "" {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "unix", p.Socket)
		if err != nil {
			return false
		}
		_ = conn.Close()
		return true
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL, nil)
	if err != nil {
		return false
	}
	resp, err := probeClient.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// probeClient does not verify: it asks "does it answer" of processes that it started itself, and
// some of them serve a certificate that they have just made up.
var probeClient = &http.Client{Transport: &http.Transport{
	DisableKeepAlives: true,
	TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see above
}}

// components lists the programs of a cluster in the order in which they are shown.
func components(l layout, bin string, list []node) []component {
	first := list[0]
	prog := func(name string, args ...string) []string {
		return append([]string{filepath.Join(bin, name)}, args...)
	}
	kubeconfig := func(user string) string { return l.Conf(user + ".kubeconfig") }

	all := []component{
		{
			Name: "etcd",
			// The data is thrown away with the cluster, so there is nothing that a sync protects.
			Args: prog("etcd", "--data-dir="+l.path("etcd"), "--unsafe-no-fsync", "--log-level=warn",
				"--listen-client-urls=http://127.0.0.1:2379", "--advertise-client-urls=http://127.0.0.1:2379",
				"--listen-peer-urls=http://127.0.0.1:2380", "--initial-advertise-peer-urls=http://127.0.0.1:2380",
				"--initial-cluster=default=http://127.0.0.1:2380"),
			Probe: probe{URL: "http://127.0.0.1:2379/health"},
		},
		{
			Name:  "kube-apiserver",
			After: []string{"etcd"},
			Args: prog("kube-apiserver",
				"--etcd-servers=http://127.0.0.1:2379",
				"--advertise-address="+l.preferred(first.Addr(), first.Addr6()), "--secure-port="+apiPort,
				"--service-cluster-ip-range="+l.families(serviceCIDR, serviceCIDR6),
				"--tls-cert-file="+l.Pki("apiserver.crt"), "--tls-private-key-file="+l.Pki("apiserver.key"),
				"--cert-dir="+l.path("apiserver"),
				"--client-ca-file="+l.Pki("ca.crt"),
				"--kubelet-certificate-authority="+l.Pki("ca.crt"),
				"--kubelet-client-certificate="+l.Pki("apiserver-kubelet-client.crt"),
				"--kubelet-client-key="+l.Pki("apiserver-kubelet-client.key"),
				"--kubelet-preferred-address-types=InternalIP",
				"--service-account-issuer=https://kubernetes.default.svc."+domain,
				"--service-account-key-file="+l.Pki("service-account.pub"),
				"--service-account-signing-key-file="+l.Pki("service-account.key"),
				"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
				"--allow-privileged=true", "--profiling=false"),
			Probe: probe{URL: "https://127.0.0.1:" + apiPort + "/readyz"},
			Once:  prog("kubectl", append(kubectlFlags(l), "apply", "-f", l.Conf("addons.yaml"))...),
		},
		{
			Name:  "kube-controller-manager",
			After: []string{"kube-apiserver"},
			Args: prog("kube-controller-manager",
				"--kubeconfig="+kubeconfig("kube-controller-manager"),
				"--bind-address=127.0.0.1", "--cert-dir="+l.path("controller-manager"),
				"--flex-volume-plugin-dir="+l.path("controller-manager", "volume-plugins"),
				"--leader-elect=false", "--use-service-account-credentials=true",
				"--service-account-private-key-file="+l.Pki("service-account.key"),
				"--root-ca-file="+l.Pki("ca.crt"),
				"--cluster-signing-cert-file="+l.Pki("ca.crt"), "--cluster-signing-key-file="+l.Pki("ca.key"),
				"--cluster-cidr="+l.families(podCIDR, podCIDR6), "--allocate-node-cidrs=false", "--profiling=false",
				"--node-monitor-period=2s", "--node-monitor-grace-period=50s",
				"--horizontal-pod-autoscaler-sync-period=5s",
				// The default of 20 a second spends four seconds on making its controllers' tokens.
				"--kube-api-qps=200", "--kube-api-burst=400"),
			Probe: probe{URL: "https://127.0.0.1:10257/healthz"},
		},
		{
			Name:  "kube-scheduler",
			After: []string{"kube-apiserver"},
			Args: prog("kube-scheduler", "--kubeconfig="+kubeconfig("kube-scheduler"),
				"--bind-address=127.0.0.1", "--leader-elect=false", "--profiling=false"),
			Probe: probe{URL: "https://127.0.0.1:10259/healthz"},
		},
		{
			Name:  "coredns",
			After: []string{"kube-apiserver"},
			Args:  prog("coredns", "-conf="+l.Conf("Corefile")),
			Probe: probe{URL: "http://" + first.Addr() + ":8181/ready"},
		},
	}
	for _, n := range list {
		runtime := n.component("containerd")
		kubelet := n.component("kubelet")
		proxy := n.component("kube-proxy")
		all = append(all,
			component{
				Name:  runtime,
				NetNS: n.NetNS(),
				Args:  prog("containerd", "--config="+l.Conf(runtime+".toml"), "--log-level=warn"),
				Probe: probe{Socket: n.Containerd()},
				Once:  ctr(bin, n, "images", "import", "--local", l.path("pause.tar")),
			},
			component{
				Name:  kubelet,
				NetNS: n.NetNS(),
				After: []string{"kube-apiserver", runtime},
				Args: prog("kubelet", "--config="+l.Conf(kubelet+".yaml"), "--kubeconfig="+kubeconfig(kubelet),
					"--hostname-override="+n.Name(), "--node-ip="+l.families(n.Addr(), n.Addr6()),
					"--root-dir="+filepath.Join(n.Dir(), "kubelet")),
				Probe: probe{URL: "http://" + n.Addr() + ":10248/healthz"},
			},
			component{
				Name:  proxy,
				NetNS: n.NetNS(),
				// It reads its Node when it starts and would begin without node addresses.
				After: []string{kubelet},
				Args:  prog("kube-proxy", "--config="+l.Conf(proxy+".yaml")),
				Probe: probe{URL: "http://" + n.Addr() + ":10256/healthz"},
			})
	}
	return all
}

// ctr is a command line that speaks to a node's container runtime about Kubernetes' containers.
func ctr(bin string, n node, args ...string) []string {
	return append([]string{filepath.Join(bin, "ctr"), "--address=" + n.Containerd(), "--namespace=k8s.io"}, args...)
}

// kubectlFlags point kubectl to the cluster, and its cache away from the one of the person who
// may have another cluster at the same address tomorrow.
func kubectlFlags(l layout) []string {
	return []string{"--kubeconfig=" + l.Kubeconfig(), "--cache-dir=" + l.path("kubectl-cache")}
}

// argv is the command line that starts c: with nsenter in front where it has its own network.
// `ip netns exec` would not do: it mounts a fresh /sys, which hides the cgroups.
func (c component) argv() []string {
	if c.NetNS == "" {
		return c.Args
	}
	return append([]string{"nsenter", "--net=" + c.NetNS, "--"}, c.Args...)
}
