package cluster

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/controllers/resource"
	"github.com/wamp-operator/wamp-operator/controllers/ssa"
)

// objects applies what the cluster owns, the StatefulSet after all that pods mount. What nobody waits
// for comes last.
func (r *Reconciler) objects(ctx context.Context, s *scope) error {
	image := s.cluster.Spec.Image
	if image == "" {
		image = r.Image
	}
	for _, o := range []struct {
		desired ssa.Object
		current client.Object
	}{
		{resource.ServiceAccount(s.cluster), &corev1.ServiceAccount{}},
		{resource.RouterConfigMap(s.cluster), &corev1.ConfigMap{}},
		{resource.HeadlessService(s.cluster), &corev1.Service{}},
		{resource.ClientService(s.cluster), &corev1.Service{}},
		{resource.PodDisruptionBudget(s.cluster), &policyv1.PodDisruptionBudget{}},
	} {
		if err := r.applier.Apply(ctx, s.cluster, o.desired, o.current); err != nil {
			return err
		}
	}
	if err := r.networkPolicy(ctx, s); err != nil {
		return err
	}
	certified, err := r.certificate(ctx, s)
	if err != nil {
		return err
	}
	if certified {
		parts, err := r.partsInPods(ctx, s, image)
		if err != nil {
			return err
		}
		if err := r.applier.Apply(ctx, s.cluster, resource.StatefulSet(s.cluster, image, parts), &appsv1.StatefulSet{}); err != nil {
			return err
		}
	}
	return r.podMonitor(ctx, s)
}

// networkPolicy applies the NetworkPolicy, or removes the one that was made before.
func (r *Reconciler) networkPolicy(ctx context.Context, s *scope) error {
	if resource.WantsNetworkPolicy(s.cluster) {
		return r.applier.Apply(ctx, s.cluster, resource.NetworkPolicy(s.cluster), &networkingv1.NetworkPolicy{})
	}
	return r.applier.Remove(ctx, s.cluster, client.ObjectKey{
		Namespace: s.name.Namespace, Name: resource.NetworkPolicyName(s.name.Name)}, &networkingv1.NetworkPolicy{})
}
