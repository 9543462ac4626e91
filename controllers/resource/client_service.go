package resource

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// ClientService is the address for WAMP clients: any router is as good as another.
func ClientService(cluster *v1alpha1.WampCluster) *corev1ac.ServiceApplyConfiguration {
	port := servicePortOf(PortNameClient, corev1.ProtocolTCP, servicePort(cluster)).
		WithTargetPort(intstr.FromString(PortNameClient))
	if nodePort := cluster.Spec.Service.NodePort; nodePort != 0 {
		port.WithNodePort(nodePort)
	}
	spec := corev1ac.ServiceSpec().
		WithType(serviceType(cluster)).
		WithSelector(Selector(cluster.Name)).
		WithPorts(port)
	shape := cluster.Spec.Service
	if shape.SessionAffinity != "" {
		spec.WithSessionAffinity(shape.SessionAffinity)
	}
	if shape.ExternalTrafficPolicy != "" {
		spec.WithExternalTrafficPolicy(shape.ExternalTrafficPolicy)
	}
	if shape.LoadBalancerClass != "" {
		spec.WithLoadBalancerClass(shape.LoadBalancerClass)
	}
	withFamilies(spec, cluster)
	return corev1ac.Service(ClientServiceName(cluster.Name), cluster.Namespace).
		WithLabels(Labels(cluster.Name)).
		WithAnnotations(cluster.Spec.Service.Annotations).
		WithOwnerReferences(ownerReference(cluster)).
		WithSpec(spec)
}

// withFamilies gives a Service the IP families that the cluster asks for, those of the Kubernetes
// cluster where it asks for none.
func withFamilies(spec *corev1ac.ServiceSpecApplyConfiguration, cluster *v1alpha1.WampCluster) {
	if policy := cluster.Spec.Service.IPFamilyPolicy; policy != "" {
		spec.WithIPFamilyPolicy(policy)
	}
	spec.WithIPFamilies(cluster.Spec.Service.IPFamilies...)
}

func servicePortOf(name string, protocol corev1.Protocol, port int32) *corev1ac.ServicePortApplyConfiguration {
	return corev1ac.ServicePort().
		WithName(name).
		WithProtocol(protocol).
		WithPort(port).
		WithTargetPort(intstr.FromInt32(port))
}
