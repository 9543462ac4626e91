package ssa

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// Remove deletes the object of that name if owner controls it; one of somebody else stays. current is
// an empty object of its type. An object that the cache does not hold yet is found as soon as it
// does: whoever calls Remove has to watch objects of that type.
func (a *Applier) Remove(ctx context.Context, owner client.Object, name types.NamespacedName, current client.Object) error {
	gvk, err := apiutil.GVKForObject(current, a.Client.Scheme())
	if err != nil {
		return err
	}
	err = a.Client.Get(ctx, name, current)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("reading %s %s: %w", gvk.Kind, name, err)
	}
	return remove(ctx, a.Client, owner, current, gvk.Kind)
}

// remove deletes an object that owner controls, and no other that has taken its name since.
func remove(ctx context.Context, c client.Client, owner, object client.Object, kind string) error {
	if !metav1.IsControlledBy(object, owner) || !object.GetDeletionTimestamp().IsZero() {
		return nil
	}
	uid := object.GetUID()
	err := c.Delete(ctx, object, client.Preconditions{UID: &uid})
	if err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return fmt.Errorf("deleting %s %s: %w", kind, client.ObjectKeyFromObject(object), err)
}
