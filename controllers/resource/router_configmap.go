package resource

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// Where the router finds things in its container.
const (
	ConfigFile = "router.yaml"

	configDir    = "/etc/wamp/router"
	documentsDir = "/etc/wamp/documents"
	gossipDir    = "/etc/wamp/gossip"
	adminDir     = "/etc/wamp/admin"
	tlsDir       = "/etc/wamp/tls"
	clientCADir  = "/etc/wamp/client-ca"
)

// RouterConfiguration is the configuration file of every router of the cluster. It says nothing
// of replicas, realms and procedures.
func RouterConfiguration(cluster *v1alpha1.WampCluster) *v1alpha1.RouterConfiguration {
	config := &v1alpha1.RouterConfiguration{
		TypeMeta: metav1.TypeMeta{
			APIVersion: v1alpha1.GroupVersion.String(),
			Kind:       v1alpha1.KindRouterConfiguration,
		},
		Listen: listen(clientPort(cluster)),
		Admin: v1alpha1.RouterAdmin{
			Listen:    listen(PortAdmin),
			TokenFile: adminDir + "/" + AdminToken,
		},
		Cluster: &v1alpha1.RouterClusterConfiguration{
			Name:    cluster.Namespace + "/" + cluster.Name,
			Gossip:  listen(PortGossip),
			Links:   listen(PortLinks),
			Join:    []string{HeadlessServiceName(cluster.Name) + "." + cluster.Namespace + ".svc"},
			KeyFile: gossipDir + "/" + GossipKey,
		},
		Documents:    []string{documentsDir},
		DrainTimeout: &metav1.Duration{Duration: drainTimeout(cluster)},
	}
	clientOptions(config, cluster)
	return config
}

// RouterConfigMap carries the configuration file into the pods.
func RouterConfigMap(cluster *v1alpha1.WampCluster) *corev1ac.ConfigMapApplyConfiguration {
	return corev1ac.ConfigMap(ConfigName(cluster.Name), cluster.Namespace).
		WithLabels(Labels(cluster.Name)).
		WithOwnerReferences(ownerReference(cluster)).
		WithData(map[string]string{ConfigFile: string(routerConfigFile(cluster))})
}

func routerConfigFile(cluster *v1alpha1.WampCluster) []byte {
	content, err := yaml.Marshal(RouterConfiguration(cluster))
	if err != nil {
		// Plain strings and numbers: only a change of the type could make this fail.
		panic(fmt.Sprintf("marshalling a RouterConfiguration: %v", err))
	}
	return content
}

func listen(port int32) string {
	return fmt.Sprintf(":%d", port)
}

func drainTimeout(cluster *v1alpha1.WampCluster) time.Duration {
	if d := cluster.Spec.DrainTimeout; d != nil {
		return d.Duration
	}
	return 20 * time.Second
}
