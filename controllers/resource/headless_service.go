package resource

import (
	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// HeadlessService is where routers find one another. It publishes addresses that are not ready,
// because a router becomes ready only after it has joined. It has the IP families of the client
// Service: where clients come by IPv6, so do routers.
func HeadlessService(cluster *v1alpha1.WampCluster) *corev1ac.ServiceApplyConfiguration {
	spec := corev1ac.ServiceSpec().
		WithClusterIP(corev1.ClusterIPNone).
		WithPublishNotReadyAddresses(true).
		WithSelector(Selector(cluster.Name)).
		WithPorts(
			servicePortOf(PortNameGossip, corev1.ProtocolTCP, PortGossip),
			servicePortOf(PortNameGossipUDP, corev1.ProtocolUDP, PortGossip),
			servicePortOf(PortNameLinks, corev1.ProtocolTCP, PortLinks),
			servicePortOf(PortNameAdmin, corev1.ProtocolTCP, PortAdmin),
		)
	withFamilies(spec, cluster)
	return corev1ac.Service(HeadlessServiceName(cluster.Name), cluster.Namespace).
		WithLabels(Labels(cluster.Name)).
		WithOwnerReferences(ownerReference(cluster)).
		WithSpec(spec)
}
