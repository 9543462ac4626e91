package ssa

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// Object is an apply configuration of one object.
type Object interface {
	runtime.ApplyConfiguration
	GetName() *string
	GetNamespace() *string
}

// NameTakenError says that an object of that name is there and belongs to somebody else.
type NameTakenError struct {
	Kind      string
	Name      types.NamespacedName
	Owner     string
	Collected bool
}

func (e *NameTakenError) Error() string {
	if e.Collected {
		return fmt.Sprintf("%s %s still belongs to a deleted %s: it is made anew as soon as the garbage collector has removed it", e.Kind, e.Name, e.Owner)
	}
	if e.Owner != "" {
		return fmt.Sprintf("%s %s belongs to %s: rename one of the two", e.Kind, e.Name, e.Owner)
	}
	return fmt.Sprintf("%s %s is there already and was not made by the operator: delete it, or give the WampCluster another name", e.Kind, e.Name)
}

// Applier applies owned objects, and skips what is already as it should be. It is safe for
// concurrent use.
type Applier struct {
	// Client reads from the cache, which holds the operator's own objects only.
	Client client.Client
	// Live reads from the API server: an object that the cache does not hold may still exist.
	Live client.Reader

	mu      sync.Mutex
	applied map[objectKey]application
}

type objectKey struct {
	kind string
	name types.NamespacedName
}

// application remembers what was applied and the version of the object that came of it: as long
// as both stay, there is nothing to do.
type application struct {
	owner   types.UID
	desired [sha256.Size]byte
	version string
}

// Apply makes the object that owner controls look as desired says. current is an empty object of
// its type; it is filled from the cache. It returns a *NameTakenError when the name is taken.
func (a *Applier) Apply(ctx context.Context, owner client.Object, desired Object, current client.Object) error {
	gvk, err := apiutil.GVKForObject(current, a.Client.Scheme())
	if err != nil {
		return err
	}
	key := objectKey{kind: gvk.Kind, name: types.NamespacedName{Namespace: *desired.GetNamespace(), Name: *desired.GetName()}}
	data, err := json.Marshal(desired)
	if err != nil {
		return fmt.Errorf("marshalling %s %s: %w", key.kind, key.name, err)
	}
	next := application{owner: owner.GetUID(), desired: sha256.Sum256(data)}

	exists := true
	err = a.Client.Get(ctx, key.name, current)
	switch {
	case err == nil:
		if err := controlledBy(current, owner, key); err != nil {
			return err
		}
		next.version = current.GetResourceVersion()
		if a.recall(key) == next {
			return nil
		}
	case apierrors.IsNotFound(err):
		foreign := &metav1.PartialObjectMetadata{}
		foreign.SetGroupVersionKind(gvk)
		if err := a.Live.Get(ctx, key.name, foreign); err == nil {
			if err := controlledBy(foreign, owner, key); err != nil {
				return err
			}
		} else if !apierrors.IsNotFound(err) {
			return fmt.Errorf("reading %s %s: %w", key.kind, key.name, err)
		} else {
			exists = false
		}
	default:
		return fmt.Errorf("reading %s %s: %w", key.kind, key.name, err)
	}

	err = a.Client.Apply(ctx, desired, client.FieldOwner(FieldOwner), client.ForceOwnership)
	if apierrors.IsInvalid(err) && exists && a.replaceSpec(ctx, current, key, data) {
		err = a.Client.Apply(ctx, desired, client.FieldOwner(FieldOwner), client.ForceOwnership)
	}
	if err != nil {
		return fmt.Errorf("applying %s %s: %w", key.kind, key.name, err)
	}
	if next.version, err = resourceVersion(desired); err != nil {
		return err
	}
	a.remember(key, next)
	return nil
}

// replaceSpec puts the spec of desired in the place of the one that is there, and tells whether
// that was taken. Server-side apply leaves alone what others added, and that may contradict what
// is applied: a second port of the same name, minAvailable besides maxUnavailable.
func (a *Applier) replaceSpec(ctx context.Context, current client.Object, key objectKey, desired []byte) bool {
	var parts struct {
		Spec json.RawMessage `json:"spec"`
	}
	if json.Unmarshal(desired, &parts) != nil || parts.Spec == nil {
		return false
	}
	patch := fmt.Appendf(nil, `[{"op":"replace","path":"/spec","value":%s}]`, parts.Spec)
	object := current.DeepCopyObject().(client.Object)
	object.SetNamespace(key.name.Namespace)
	object.SetName(key.name.Name)
	return a.Client.Patch(ctx, object, client.RawPatch(types.JSONPatchType, patch), client.FieldOwner(FieldOwner)) == nil
}

// Refused gives the answer of an API server that finds an object invalid, and nil when err is
// something else: trying again does not help, another spec does.
func Refused(err error) error {
	var status *apierrors.StatusError
	if errors.As(err, &status) && apierrors.IsInvalid(status) {
		return status
	}
	return nil
}

// Forget drops what is remembered of the objects of a cluster.
func (a *Applier) Forget(owner types.UID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, application := range a.applied {
		if application.owner == owner {
			delete(a.applied, key)
		}
	}
}

func (a *Applier) recall(key objectKey) application {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.applied[key]
}

func (a *Applier) remember(key objectKey, next application) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.applied == nil {
		a.applied = map[objectKey]application{}
	}
	a.applied[key] = next
}

func controlledBy(object metav1.Object, owner client.Object, key objectKey) error {
	controller := metav1.GetControllerOf(object)
	switch {
	case controller == nil:
		return &NameTakenError{Kind: key.kind, Name: key.name}
	case controller.UID == owner.GetUID():
		return nil
	}
	return &NameTakenError{
		Kind: key.kind, Name: key.name,
		Owner:     controller.Kind + " " + controller.Name,
		Collected: controller.Name == owner.GetName() && controller.Kind == "WampCluster",
	}
}

// resourceVersion reads the version that the API server answered with: apply configurations have
// it in a field that no interface gives.
func resourceVersion(applied Object) (string, error) {
	data, err := json.Marshal(applied)
	if err != nil {
		return "", err
	}
	var object metav1.PartialObjectMetadata
	if err := json.Unmarshal(data, &object); err != nil {
		return "", err
	}
	return object.ResourceVersion, nil
}
