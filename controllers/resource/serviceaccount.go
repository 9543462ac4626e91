package resource

import (
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// ServiceAccount of the router pods. Routers never speak to the API server: no token is mounted
// and no role is bound to it.
func ServiceAccount(cluster *v1alpha1.WampCluster) *corev1ac.ServiceAccountApplyConfiguration {
	return corev1ac.ServiceAccount(ServiceAccountName(cluster.Name), cluster.Namespace).
		WithLabels(Labels(cluster.Name)).
		WithOwnerReferences(ownerReference(cluster)).
		WithAutomountServiceAccountToken(false)
}
