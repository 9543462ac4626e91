package resource

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// Labels and annotations.
const (
	// LabelCluster has the name of the WampCluster on everything that it owns.
	LabelCluster = "wamp-operator.io/cluster"
	// LabelManagedBy tells the operator's objects from all others.
	LabelManagedBy = "app.kubernetes.io/managed-by"
	// AnnotationSnapshot is written on pods, not on their template: a changed pod makes the
	// kubelet refresh its ConfigMaps at once instead of within a minute or so.
	AnnotationSnapshot = "wamp-operator.io/snapshot"
	// AnnotationKeys does for the gossip key what AnnotationSnapshot does for the snapshot.
	AnnotationKeys = "wamp-operator.io/gossip-keys"
	// AnnotationListener does it for the Secrets of the port for clients.
	AnnotationListener = "wamp-operator.io/listener-secrets"
	// AnnotationKeyRequest, AnnotationKeyNext and AnnotationKeyDone are on the Secret of the gossip
	// key: the request for which it is being replaced, the fingerprint of the new key, and the
	// request that was fulfilled last.
	AnnotationKeyRequest = "wamp-operator.io/key-request"
	AnnotationKeyNext    = "wamp-operator.io/key-next"
	AnnotationKeyDone    = "wamp-operator.io/key-done"
	// AnnotationConfig is on the pod template: a changed router.yaml needs a restart.
	AnnotationConfig = "wamp-operator.io/config"

	managedBy  = "wamp-operator"
	routerName = "wamp-router"
)

// Ports of a router pod, with the names that they have in pods and Services.
const (
	PortAdmin  = 9090
	PortGossip = 7946
	PortLinks  = 7947

	PortNameClient    = "wamp"
	PortNameAdmin     = "admin"
	PortNameGossip    = "gossip"
	PortNameGossipUDP = "gossip-udp"
	PortNameLinks     = "links"
)

// Names of the owned objects. Pods, as a StatefulSet has it, are the name of the cluster and an
// ordinal.
func StatefulSetName(cluster string) string         { return cluster }
func ClientServiceName(cluster string) string       { return cluster }
func PodDisruptionBudgetName(cluster string) string { return cluster }
func ServiceAccountName(cluster string) string      { return cluster + "-router" }
func NetworkPolicyName(cluster string) string       { return cluster + "-router" }
func PodMonitorName(cluster string) string          { return cluster + "-router" }
func CertificateName(cluster string) string         { return cluster + "-tls" }
func HeadlessServiceName(cluster string) string     { return cluster + "-headless" }
func ConfigName(cluster string) string              { return cluster + "-config" }
func CredentialsName(cluster string) string         { return cluster + "-credentials" }
func GossipSecretName(cluster string) string        { return cluster + "-gossip" }
func AdminSecretName(cluster string) string         { return cluster + "-admin" }

// SnapshotName is the name of the ConfigMap with a part of the snapshot.
func SnapshotName(cluster string, part int) string {
	if part == 0 {
		return cluster + "-snapshot"
	}
	return cluster + "-snapshot-" + strconv.Itoa(part)
}

// Selector gives the labels by which a cluster's router pods are found.
func Selector(cluster string) map[string]string {
	return map[string]string{
		"app.kubernetes.io/name": routerName,
		LabelCluster:             cluster,
	}
}

// Labels gives the labels of every owned object.
func Labels(cluster string) map[string]string {
	return map[string]string{
		"app.kubernetes.io/name":      routerName,
		"app.kubernetes.io/instance":  cluster,
		"app.kubernetes.io/component": "router",
		LabelManagedBy:                managedBy,
		LabelCluster:                  cluster,
	}
}

// ManagedSelector selects what the operator owns, of any cluster; caches hold nothing else.
func ManagedSelector() labels.Selector {
	return labels.SelectorFromSet(labels.Set{LabelManagedBy: managedBy})
}

// ownerReference lets the garbage collector delete what a deleted WampCluster owned. It does not
// block the deletion of the WampCluster: nothing waits for anything.
func ownerReference(cluster *v1alpha1.WampCluster) *metav1ac.OwnerReferenceApplyConfiguration {
	return metav1ac.OwnerReference().
		WithAPIVersion(v1alpha1.GroupVersion.String()).
		WithKind(v1alpha1.KindWampCluster).
		WithName(cluster.Name).
		WithUID(cluster.UID).
		WithController(true).
		WithBlockOwnerDeletion(false)
}

// clientPort is the port for clients in the container.
func clientPort(cluster *v1alpha1.WampCluster) int32 {
	if port := cluster.Spec.Listener.Port; port != 0 {
		return port
	}
	return 8080
}

// servicePort is the port of the client Service.
func servicePort(cluster *v1alpha1.WampCluster) int32 {
	if port := cluster.Spec.Service.Port; port != 0 {
		return port
	}
	return clientPort(cluster)
}

func serviceType(cluster *v1alpha1.WampCluster) corev1.ServiceType {
	if t := cluster.Spec.Service.Type; t != "" {
		return t
	}
	return corev1.ServiceTypeClusterIP
}
