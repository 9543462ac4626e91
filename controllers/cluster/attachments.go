package cluster

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/index"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
)

// compile decides about realms and procedures when one of them, or a Secret that they refer to,
// changed.
func (r *Reconciler) compile(ctx context.Context, s *scope) error {
	m := s.memory
	routers := routersToCount(s)
	if m.generation != s.cluster.Generation || m.routers != routers {
		m.dirty.Store(true)
	}
	if m.compiled != nil && !m.dirty.Load() {
		return nil
	}
	if wait := m.pace.wait(s.now); wait > 0 {
		s.again(wait)
		return nil
	}
	// Cleared before reading: what changes from here on marks it again.
	m.dirty.Store(false)
	compiled, err := r.read(ctx, s, routers)
	if err != nil {
		m.dirty.Store(true)
		return err
	}
	m.compiled, m.generation, m.routers = compiled, s.cluster.Generation, routers
	m.pace.done(s.now)
	r.Book.Decide(s.name, compiled)
	return nil
}

// routersToCount is how many routers there are or shall be, whichever is more: two halves of a cluster
// that shrinks must not both take themselves for the majority.
func routersToCount(s *scope) int32 {
	if s.cluster.Spec.PartitionPolicy != v1alpha1.PartitionMajority {
		return 0
	}
	there := int32(0)
	for i := range s.pods {
		if phase := s.pods[i].Status.Phase; phase != corev1.PodFailed && phase != corev1.PodSucceeded {
			there++
		}
	}
	return max(there, resource.Replicas(s.cluster))
}

func (r *Reconciler) read(ctx context.Context, s *scope, routers int32) (*snapshot.Snapshot, error) {
	if err := r.recallCredentials(ctx, s); err != nil {
		return nil, err
	}
	// They are only read: thousands of them are not copied each time that one changed.
	selector := client.MatchingFields{index.Cluster: index.ByCluster(s.name)}
	var realms v1alpha1.WampRealmList
	if err := r.Client.List(ctx, &realms, selector, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing WampRealms: %w", err)
	}
	var procedures v1alpha1.WampProcedureList
	if err := r.Client.List(ctx, &procedures, selector, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing WampProcedures: %w", err)
	}
	door := snapshot.Door{Cluster: s.cluster, Routers: routers, NamespaceLabels: func(name string) (map[string]string, bool) {
		return r.namespaceLabels(ctx, name)
	}}
	compiled := s.memory.compiler.Compile(door, realms.Items, procedures.Items)
	secrets, err := r.secretsOf(ctx, s, compiled)
	if err != nil {
		return nil, err
	}
	compiled.Resolve(s.memory.salt, secrets)
	return compiled, nil
}

func (r *Reconciler) namespaceLabels(ctx context.Context, name string) (map[string]string, bool) {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	if err := r.Client.Get(ctx, types.NamespacedName{Name: name}, namespace); err != nil {
		return nil, false
	}
	return namespace.Labels, true
}
