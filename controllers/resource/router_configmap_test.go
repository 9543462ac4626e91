package resource

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// The file is what `wamp-router serve` reads. What a pod depends on is written out; of limits and
// the like just what the WampCluster says.
func TestRouterConfiguration(t *testing.T) {
	const want = `admin:
  listen: :9090
  tokenFile: /etc/wamp/admin/token
apiVersion: wamp-operator.io/v1alpha1
cluster:
  gossip: :7946
  join:
  - demo-headless.apps.svc
  keyFile: /etc/wamp/gossip/key
  links: :7947
  name: apps/demo
documents:
- /etc/wamp/documents
drainTimeout: 20s
kind: RouterConfiguration
listen: :8080
`
	cm := as[corev1.ConfigMap](t, RouterConfigMap(demo()))
	if got := cm.Data[ConfigFile]; got != want {
		t.Errorf("router.yaml is\n%s\nwant\n%s", got, want)
	}
	if cm.Name != "demo-config" {
		t.Errorf("name %s", cm.Name)
	}
}

func TestRouterConfigurationWithTLS(t *testing.T) {
	cluster := demo()
	cluster.Spec.Listener = v1alpha1.Listener{Port: 8443, TLS: &v1alpha1.ListenerTLS{SecretName: "demo-tls"}}
	var config v1alpha1.RouterConfiguration
	if err := yaml.UnmarshalStrict(routerConfigFile(cluster), &config); err != nil {
		t.Fatal(err)
	}
	if config.Listen != ":8443" || config.TLS == nil || config.TLS.CertFile != "/etc/wamp/tls/tls.crt" || config.TLS.KeyFile != "/etc/wamp/tls/tls.key" {
		t.Errorf("configuration %+v", config)
	}
}

// Every path in the configuration lies in a folder that is mounted.
func TestPathsAreMounted(t *testing.T) {
	cluster := demo()
	cluster.Spec.Listener.TLS = &v1alpha1.ListenerTLS{SecretName: "demo-tls", ClientCA: &v1alpha1.ClientCA{ConfigMapName: "authorities"}}
	spec := template(t, cluster).Spec
	mounted := map[string]string{}
	for _, m := range spec.Containers[0].VolumeMounts {
		mounted[m.MountPath] = m.Name
	}
	for path, volume := range map[string]string{
		configDir: "router", documentsDir: "documents", gossipDir: "gossip", adminDir: "admin", tlsDir: "tls", clientCADir: "client-ca",
	} {
		if mounted[path] != volume {
			t.Errorf("%s is a mount of %q, want %q", path, mounted[path], volume)
		}
	}
	sources := map[string]string{}
	var parts []string
	for _, v := range spec.Volumes {
		switch {
		case v.ConfigMap != nil:
			sources[v.Name] = v.ConfigMap.Name
		case v.Secret != nil:
			sources[v.Name] = v.Secret.SecretName
		case v.Projected != nil:
			for _, source := range v.Projected.Sources {
				switch {
				case source.ConfigMap != nil && source.ConfigMap.Optional != nil:
					parts = append(parts, source.ConfigMap.Name+" "+source.ConfigMap.Items[0].Path)
				case source.ConfigMap != nil:
					sources[v.Name] += source.ConfigMap.Name + " " + source.ConfigMap.Items[0].Path + " "
				case source.Secret != nil:
					sources[v.Name] += source.Secret.Name + " " + source.Secret.Items[0].Path
				}
			}
		}
	}
	for volume, name := range map[string]string{
		"router": "demo-config", "documents": "demo-snapshot snapshot.yaml demo-credentials credentials.yaml", "gossip": "demo-gossip",
		"admin": "demo-admin", "tls": "demo-tls", "client-ca": "authorities",
	} {
		if sources[volume] != name {
			t.Errorf("volume %s is %q, want %q", volume, sources[volume], name)
		}
	}
	// All parts that a snapshot can have are named from the beginning: one that grows restarts nobody.
	if len(parts) != v1alpha1.MaxSnapshotParts-1 || parts[0] != "demo-snapshot-1 snapshot-1.yaml" {
		t.Errorf("the other parts of the snapshot are %v", parts)
	}
}
