package cluster

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/conditions"
	"github.com/wamp-operator/wamp-operator/controllers/index"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
	"github.com/wamp-operator/wamp-operator/controllers/ssa"
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
	selector := client.MatchingFields{index.Cluster: index.ByCluster(s.name)}
	var realms v1alpha1.WampRealmList
	if err := r.Client.List(ctx, &realms, selector); err != nil {
		return nil, fmt.Errorf("listing WampRealms: %w", err)
	}
	var procedures v1alpha1.WampProcedureList
	if err := r.Client.List(ctx, &procedures, selector); err != nil {
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

// publish puts the snapshot and its credentials where the routers read them.
func (r *Reconciler) publish(ctx context.Context, s *scope) error {
	compiled := s.memory.compiled
	if compiled.TooLarge() {
		state := conditions.False(ReasonSnapshotTooLarge, fmt.Sprintf(
			"%d realms and %d procedures make a snapshot of %d bytes, and their Secrets %d; a ConfigMap and a Secret hold %d each: the routers keep those before. Move some to another WampCluster.",
			compiled.Realms, compiled.Procedures, len(compiled.Content), len(compiled.Credentials), snapshot.MaxBytes))
		s.problem = &state
		return nil
	}
	current := &corev1.ConfigMap{}
	name := types.NamespacedName{Namespace: s.name.Namespace, Name: resource.SnapshotName(s.name.Name)}
	err := r.Client.Get(ctx, name, current)
	there := err == nil && metav1.IsControlledBy(current, s.cluster)
	if there {
		r.Book.Recall(s.name, current.Data[resource.SnapshotFile], s.memory.left)
		s.memory.left = nil // it is known now, and secrets are kept no longer than they are needed
		if err := r.removeForeignFiles(ctx, current); err != nil {
			return err
		}
	}
	// Recorded first: a router may report the new hash before the API server has answered.
	r.recordPublished(s, compiled)
	// Credentials first: a principal that a router knows can log in.
	if err := r.publishCredentials(ctx, s); err != nil {
		return err
	}
	hash := compiled.ContentHash()
	if there && current.Annotations[resource.AnnotationSnapshot] == hash && current.Data[resource.SnapshotFile] == string(compiled.Content) {
		return nil
	}
	desired := resource.SnapshotConfigMap(s.cluster, compiled.Content, hash)
	if err := r.applier.Apply(ctx, s.cluster, desired, &corev1.ConfigMap{}); err != nil {
		return err
	}
	ctrl.LoggerFrom(ctx).Info("snapshot published", "hash", compiled.Hash,
		"realms", compiled.Realms, "procedures", compiled.Procedures, "bytes", len(compiled.Content))
	return nil
}

// removeForeignFiles takes out of the ConfigMap what somebody else put beside the snapshot: routers
// would read it as well, and server-side apply leaves it alone.
func (r *Reconciler) removeForeignFiles(ctx context.Context, current *corev1.ConfigMap) error {
	data, binary := map[string]any{}, map[string]any{}
	for name := range current.Data {
		if name != resource.SnapshotFile {
			data[name] = nil
		}
	}
	for name := range current.BinaryData {
		binary[name] = nil
	}
	if len(data) == 0 && len(binary) == 0 {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"data": data, "binaryData": binary})
	if err != nil {
		return err
	}
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: current.Namespace, Name: current.Name}}
	err = r.Client.Patch(ctx, object, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(ssa.FieldOwner))
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("removing foreign files from ConfigMap %s: %w", client.ObjectKeyFromObject(current), err)
	}
	return nil
}

func (r *Reconciler) recordPublished(s *scope, compiled *snapshot.Snapshot) {
	if !r.Book.Published(s.name, compiled) {
		r.Book.Publish(s.name, compiled)
	}
}
