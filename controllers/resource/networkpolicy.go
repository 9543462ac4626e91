package resource

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/ssa"
)

// operatorName is the label app.kubernetes.io/name of the operator's own pods.
const operatorName = "wamp-operator"

// WantsNetworkPolicy tells whether the cluster has a NetworkPolicy of the operator's.
func WantsNetworkPolicy(cluster *v1alpha1.WampCluster) bool {
	return cluster.Spec.NetworkPolicy.Mode != v1alpha1.NetworkPolicyNone
}

// NetworkPolicy says who may connect to the routers: among themselves they gossip and have links;
// the operator reads their state on the administration port, and whoever collects metrics may reach
// that too; clients have theirs. The probes of the kubelet come from the node, which no
// NetworkPolicy keeps out. What routers connect to is not limited: they look up names and talk to
// each other.
func NetworkPolicy(cluster *v1alpha1.WampCluster) *networkingv1ac.NetworkPolicyApplyConfiguration {
	routers := networkingv1ac.NetworkPolicyPeer().
		WithPodSelector(metav1ac.LabelSelector().WithMatchLabels(Selector(cluster.Name)))
	operator := networkingv1ac.NetworkPolicyPeer().
		WithNamespaceSelector(metav1ac.LabelSelector()).
		WithPodSelector(metav1ac.LabelSelector().WithMatchLabels(map[string]string{"app.kubernetes.io/name": operatorName}))

	monitoring := peers(cluster.Spec.NetworkPolicy.Monitoring)
	if len(monitoring) == 0 { // every pod, and nobody from outside
		monitoring = append(monitoring, networkingv1ac.NetworkPolicyPeer().WithNamespaceSelector(metav1ac.LabelSelector()))
	}
	clients := networkingv1ac.NetworkPolicyIngressRule().
		WithPorts(policyPort(corev1.ProtocolTCP, clientPort(cluster)))
	// A rule without peers lets everybody in.
	clients.WithFrom(peers(cluster.Spec.NetworkPolicy.Clients)...)

	return networkingv1ac.NetworkPolicy(NetworkPolicyName(cluster.Name), cluster.Namespace).
		WithLabels(Labels(cluster.Name)).
		WithOwnerReferences(ownerReference(cluster)).
		WithSpec(networkingv1ac.NetworkPolicySpec().
			WithPodSelector(metav1ac.LabelSelector().WithMatchLabels(Selector(cluster.Name))).
			WithPolicyTypes(networkingv1.PolicyTypeIngress).
			WithIngress(
				networkingv1ac.NetworkPolicyIngressRule().
					WithPorts(
						policyPort(corev1.ProtocolTCP, PortGossip),
						policyPort(corev1.ProtocolUDP, PortGossip),
						policyPort(corev1.ProtocolTCP, PortLinks)).
					WithFrom(routers),
				networkingv1ac.NetworkPolicyIngressRule().
					WithPorts(policyPort(corev1.ProtocolTCP, PortAdmin)).
					WithFrom(operator).
					WithFrom(monitoring...),
				clients,
			))
}

// peers are those of the spec, as they stand there.
func peers(in []networkingv1.NetworkPolicyPeer) []*networkingv1ac.NetworkPolicyPeerApplyConfiguration {
	out := make([]*networkingv1ac.NetworkPolicyPeerApplyConfiguration, 0, len(in))
	for i := range in {
		out = append(out, ssa.Convert[networkingv1ac.NetworkPolicyPeerApplyConfiguration](in[i]))
	}
	return out
}

func policyPort(protocol corev1.Protocol, port int32) *networkingv1ac.NetworkPolicyPortApplyConfiguration {
	return networkingv1ac.NetworkPolicyPort().WithProtocol(protocol).WithPort(intstr.FromInt32(port))
}
