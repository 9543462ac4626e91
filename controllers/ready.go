package controllers

import (
	"fmt"
	"net/http"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// cached are the kinds that the reconcilers read from the cache.
func cached() []client.Object {
	namespaces := &metav1.PartialObjectMetadata{}
	namespaces.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	return []client.Object{
		&v1alpha1.WampCluster{}, &v1alpha1.WampRealm{}, &v1alpha1.WampProcedure{}, namespaces,
		&appsv1.StatefulSet{}, &corev1.Service{}, &corev1.ConfigMap{}, &corev1.ServiceAccount{}, &corev1.Pod{},
		&policyv1.PodDisruptionBudget{}, &networkingv1.NetworkPolicy{},
	}
}

// Ready is the check that an operator can work at once, the one that waits for its turn as well: it has
// seen all that there is.
func Ready(caches cache.Cache) healthz.Checker {
	return func(request *http.Request) error {
		for _, kind := range cached() {
			informer, err := caches.GetInformer(request.Context(), kind, cache.BlockUntilSynced(false))
			if err != nil {
				return fmt.Errorf("watching %T: %w", kind, err)
			}
			if !informer.HasSynced() {
				return fmt.Errorf("%T: not everything was read yet", kind)
			}
		}
		return nil
	}
}
