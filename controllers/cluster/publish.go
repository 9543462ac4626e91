package cluster

import (
	"context"
	"encoding/json"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/conditions"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
	"github.com/wamp-operator/wamp-operator/controllers/ssa"
)

// publish puts the snapshot and its credentials where the routers read them.
func (r *Reconciler) publish(ctx context.Context, s *scope) error {
	compiled := s.memory.compiled
	if compiled.TooLarge() {
		state := conditions.False(ReasonSnapshotTooLarge, tooLarge(compiled))
		s.problem = &state
		return nil
	}
	there, err := r.published(ctx, s)
	if err != nil {
		return err
	}
	if left := leftBefore(there); len(left) > 0 {
		r.Book.Recall(s.name, left, s.memory.left)
		s.memory.left = nil // it is known now, and secrets are kept no longer than they are needed
	}
	for part, current := range there {
		if current == nil {
			continue
		}
		if err := r.removeForeignFiles(ctx, current, v1alpha1.SnapshotFileName(part)); err != nil {
			return err
		}
	}
	// Recorded first: a router may report the new hash before the API server has answered.
	r.recordPublished(s, compiled)
	// Credentials first: a principal that a router knows can log in.
	if err := r.publishCredentials(ctx, s); err != nil {
		return err
	}
	return r.writeParts(ctx, s, there)
}

// tooLarge says what of a snapshot cannot be published, and what to do.
func tooLarge(compiled *snapshot.Snapshot) string {
	const keep = " Until then the routers serve what they did before."
	largest := 0
	for _, part := range compiled.Parts {
		largest = max(largest, len(part))
	}
	switch {
	case len(compiled.Credentials) > snapshot.MaxBytes:
		return fmt.Sprintf("The values in Secrets that its realms refer to make %d bytes, and one Secret, which has room for %d, holds them all for the routers: move realms to another WampCluster."+keep,
			len(compiled.Credentials), snapshot.MaxBytes)
	case largest > snapshot.MaxBytes:
		return fmt.Sprintf("One of its WampRealms makes %d bytes by itself, and a ConfigMap has room for %d: shorten its roles or its principals."+keep,
			largest, snapshot.MaxBytes)
	}
	return fmt.Sprintf("%d realms and %d procedures make a snapshot of %d bytes, and there is room for %d parts of %d bytes: move realms with their procedures to another WampCluster."+keep,
		compiled.Realms, compiled.Procedures, len(compiled.Content), v1alpha1.MaxSnapshotParts, snapshot.MaxBytes)
}

// writeParts writes the ConfigMaps that are not as they should be. The first part, which says how many
// there are, comes after the rest, and what is left over is emptied at last: a router that sees some of it
// waits for the others.
func (r *Reconciler) writeParts(ctx context.Context, s *scope, there []*corev1.ConfigMap) error {
	compiled, wrote := s.memory.compiled, false
	write := func(part int, content []byte, hash string) error {
		name := v1alpha1.SnapshotFileName(part)
		if current := there[part]; current != nil && current.Data[name] == string(content) &&
			(len(content) == 0 || current.Annotations[resource.AnnotationSnapshot] == hash) {
			return nil
		}
		wrote = true
		return r.applier.Apply(ctx, s.cluster, resource.SnapshotConfigMap(s.cluster, part, content, hash), &corev1.ConfigMap{})
	}
	for part := len(compiled.Parts) - 1; part >= 0; part-- {
		if err := write(part, compiled.Parts[part], compiled.PartHashes[part]); err != nil {
			return err
		}
	}
	for part := len(compiled.Parts); part < len(there); part++ {
		if there[part] == nil {
			continue
		}
		if err := write(part, nil, ""); err != nil {
			return err
		}
	}
	if wrote {
		r.Book.Wrote(s.name)
		ctrl.LoggerFrom(ctx).Info("snapshot published", "hash", compiled.Hash, "realms", compiled.Realms,
			"procedures", compiled.Procedures, "bytes", len(compiled.Content), "parts", len(compiled.Parts))
	}
	return nil
}

// published gives the ConfigMaps of the snapshot that are there and belong to the cluster, by part.
func (r *Reconciler) published(ctx context.Context, s *scope) ([]*corev1.ConfigMap, error) {
	there := make([]*corev1.ConfigMap, v1alpha1.MaxSnapshotParts)
	for part := range there {
		current := &corev1.ConfigMap{}
		name := types.NamespacedName{Namespace: s.name.Namespace, Name: resource.SnapshotName(s.name.Name, part)}
		err := r.Client.Get(ctx, name, current)
		switch {
		case err == nil && metav1.IsControlledBy(current, s.cluster):
			there[part] = current
		case err != nil && !apierrors.IsNotFound(err):
			return nil, fmt.Errorf("reading ConfigMap %s: %w", name, err)
		}
	}
	return there, nil
}

// leftBefore gives the parts of the snapshot that an earlier pass, or an earlier operator, has published.
func leftBefore(there []*corev1.ConfigMap) (parts [][]byte) {
	if there[0] == nil {
		return nil
	}
	first := []byte(there[0].Data[resource.SnapshotFile])
	n, _ := v1alpha1.SnapshotParts(first)
	parts = append(parts, first)
	for part := 1; part < min(n, len(there)); part++ {
		if there[part] == nil {
			break
		}
		parts = append(parts, []byte(there[part].Data[v1alpha1.SnapshotFileName(part)]))
	}
	return parts
}

// removeForeignFiles takes out of the ConfigMap what somebody else put beside the snapshot: routers
// would read it as well, and server-side apply leaves it alone.
func (r *Reconciler) removeForeignFiles(ctx context.Context, current *corev1.ConfigMap, own string) error {
	data, binary := map[string]any{}, map[string]any{}
	for name := range current.Data {
		if name != own {
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

// partsInPods is how many parts of a snapshot the pods are to take. New clusters take all that there can
// be, so that a snapshot that grows restarts nobody. One that was made by an operator that knew of one
// part keeps its pods until it needs more, or until they are replaced anyway for another image: an upgrade
// of the operator restarts no router.
func (r *Reconciler) partsInPods(ctx context.Context, s *scope, image string) (int, error) {
	set := &appsv1.StatefulSet{}
	name := types.NamespacedName{Namespace: s.name.Namespace, Name: resource.StatefulSetName(s.name.Name)}
	err := r.Client.Get(ctx, name, set)
	if apierrors.IsNotFound(err) || err == nil && len(s.memory.compiled.Parts) > 1 {
		return v1alpha1.MaxSnapshotParts, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading StatefulSet %s: %w", name, err)
	}
	spec := set.Spec.Template.Spec
	for i := range spec.Containers {
		if c := &spec.Containers[i]; c.Name == resource.ContainerName && c.Image != image {
			return v1alpha1.MaxSnapshotParts, nil
		}
	}
	for i := range spec.Volumes {
		if p := spec.Volumes[i].Projected; p != nil && spec.Volumes[i].Name == resource.DocumentsVolume {
			return max(1, len(p.Sources)-1), nil // the credentials are one of them
		}
	}
	return v1alpha1.MaxSnapshotParts, nil
}
