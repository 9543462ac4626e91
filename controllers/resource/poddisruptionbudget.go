package resource

import (
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	policyv1ac "k8s.io/client-go/applyconfigurations/policy/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// PodDisruptionBudget lets a drained node evict one router at a time; a router that is not ready
// holds up nobody.
func PodDisruptionBudget(cluster *v1alpha1.WampCluster) *policyv1ac.PodDisruptionBudgetApplyConfiguration {
	return policyv1ac.PodDisruptionBudget(PodDisruptionBudgetName(cluster.Name), cluster.Namespace).
		WithLabels(Labels(cluster.Name)).
		WithOwnerReferences(ownerReference(cluster)).
		WithSpec(policyv1ac.PodDisruptionBudgetSpec().
			WithMaxUnavailable(intstr.FromInt32(1)).
			WithUnhealthyPodEvictionPolicy(policyv1.AlwaysAllow).
			WithSelector(metav1ac.LabelSelector().WithMatchLabels(Selector(cluster.Name))))
}
