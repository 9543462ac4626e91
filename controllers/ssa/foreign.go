package ssa

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// KindMissingError says that the Kubernetes cluster does not know a kind.
type KindMissingError struct {
	Kind schema.GroupVersionKind
	// Again is after how long it is looked for again.
	Again time.Duration
}

func (e *KindMissingError) Error() string {
	return fmt.Sprintf("the Kubernetes cluster does not know the kind %s of %s", e.Kind.Kind, e.Kind.GroupVersion())
}

// Foreign writes objects of kinds that other projects define and that need not be installed. Such
// kinds cannot be watched, since a watch on a kind that is missing keeps a manager from starting:
// objects are looked at now and then instead, and so is whether a missing kind is there by now. It is
// safe for concurrent use.
type Foreign struct {
	// Client writes and knows the kinds; Live reads from the API server.
	Client client.Client
	Live   client.Reader
	// Every is how often a missing kind is looked for.
	Every time.Duration
	Now   func() time.Time

	mu      sync.Mutex
	missing map[schema.GroupVersionKind]time.Time
	seen    map[foreignKey]sighting
}

type foreignKey struct {
	kind schema.GroupVersionKind
	name types.NamespacedName
}

// sighting is what was applied, or that nothing shall be there, and what was seen then.
type sighting struct {
	owner   types.UID
	desired [sha256.Size]byte
	object  *unstructured.Unstructured
	at      time.Time
}

// unsure is the sum of no object: what was applied last is not known.
var unsure = sha256.Sum256(nil)

// Apply makes the object that owner controls look as desired says, and returns it as it was seen last,
// with its status, less than maxAge ago. It returns a *KindMissingError where there is no such kind, and
// a *NameTakenError where the object belongs to somebody else.
func (f *Foreign) Apply(ctx context.Context, owner client.Object, desired *unstructured.Unstructured, maxAge time.Duration) (*unstructured.Unstructured, error) {
	key := foreignKey{kind: desired.GroupVersionKind(), name: client.ObjectKeyFromObject(desired)}
	data, err := json.Marshal(desired)
	if err != nil {
		return nil, fmt.Errorf("marshalling %s %s: %w", key.kind.Kind, key.name, err)
	}
	next := sighting{owner: owner.GetUID(), desired: sha256.Sum256(data), at: f.Now()}
	last := f.recall(key)
	same := last.owner == next.owner && last.desired == next.desired
	if same && next.at.Sub(last.at) < maxAge {
		return last.object, nil
	}
	if err := f.known(key.kind); err != nil {
		return nil, err
	}
	current, err := f.read(ctx, key)
	if err != nil {
		return nil, err
	}
	if current != nil {
		if err := controlledBy(current, owner, objectKey{kind: key.kind.Kind, name: key.name}); err != nil {
			return nil, err
		}
	}
	if !same || current == nil || current.GetResourceVersion() != last.object.GetResourceVersion() {
		current = desired.DeepCopy()
		f.remember(key, sighting{owner: next.owner, at: next.at, desired: unsure}) // a write that fails may have been done all the same
		err := f.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(current), client.FieldOwner(FieldOwner), client.ForceOwnership)
		if apierrors.IsNotFound(err) {
			return nil, f.lacks(key.kind) // it was removed since: a patch makes what is not there
		}
		if err != nil {
			return nil, fmt.Errorf("applying %s %s: %w", key.kind.Kind, key.name, err)
		}
	}
	next.object = current
	f.remember(key, next)
	return current, nil
}

// Remove deletes the object of that name if owner controls it. That it is gone is looked at once for
// an owner: nobody else makes it anew.
func (f *Foreign) Remove(ctx context.Context, owner client.Object, kind schema.GroupVersionKind, name types.NamespacedName) error {
	key := foreignKey{kind: kind, name: name}
	if last := f.recall(key); last.owner == owner.GetUID() && last.desired == [sha256.Size]byte{} {
		return nil
	}
	if err := f.known(kind); err != nil {
		return err
	}
	current, err := f.read(ctx, key)
	if err != nil {
		return err
	}
	if current != nil {
		if err := remove(ctx, f.Client, owner, current, kind.Kind); err != nil {
			return err
		}
	}
	f.remember(key, sighting{owner: owner.GetUID(), at: f.Now()})
	return nil
}

// Forget drops what is remembered of the objects of a cluster.
func (f *Foreign) Forget(owner types.UID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, s := range f.seen {
		if s.owner == owner {
			delete(f.seen, key)
		}
	}
}

// known returns a *KindMissingError when there is no such kind.
func (f *Foreign) known(kind schema.GroupVersionKind) error {
	f.mu.Lock()
	since, missing := f.missing[kind]
	f.mu.Unlock()
	if again := f.Every - f.Now().Sub(since); missing && again > 0 {
		return &KindMissingError{Kind: kind, Again: again}
	}
	_, err := f.Client.RESTMapper().RESTMapping(kind.GroupKind(), kind.Version)
	switch {
	case meta.IsNoMatchError(err):
		return f.lacks(kind)
	case err != nil:
		return fmt.Errorf("looking for the kind %s of %s: %w", kind.Kind, kind.GroupVersion(), err)
	}
	return nil
}

func (f *Foreign) lacks(kind schema.GroupVersionKind) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.missing == nil {
		f.missing = map[schema.GroupVersionKind]time.Time{}
	}
	f.missing[kind] = f.Now()
	for key := range f.seen {
		if key.kind == kind {
			delete(f.seen, key) // its objects went with it
		}
	}
	return &KindMissingError{Kind: kind, Again: f.Every}
}

// read gives the object as the API server has it, nil when there is none.
func (f *Foreign) read(ctx context.Context, key foreignKey) (*unstructured.Unstructured, error) {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(key.kind)
	switch err := f.Live.Get(ctx, key.name, object); {
	case apierrors.IsNotFound(err):
		return nil, nil
	case meta.IsNoMatchError(err):
		return nil, f.lacks(key.kind)
	case err != nil:
		return nil, fmt.Errorf("reading %s %s: %w", key.kind.Kind, key.name, err)
	}
	return object, nil
}

func (f *Foreign) recall(key foreignKey) sighting {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen[key]
}

func (f *Foreign) remember(key foreignKey, s sighting) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen == nil {
		f.seen = map[foreignKey]sighting{}
	}
	f.seen[key] = s
	delete(f.missing, key.kind)
}
