package attachment

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/controllers/conditions"
	"github.com/wamp-operator/wamp-operator/controllers/ssa"
)

// Write writes the status of a realm or a procedure, and tells of what changed in its conditions. desired has
// the version that the status was decided from: a transition that was written already is not one any more, so
// that nothing is told twice.
func Write(ctx context.Context, c client.Client, recorder events.EventRecorder, kind string, object client.Object, desired runtime.ApplyConfiguration, before, after []metav1.Condition) (ctrl.Result, error) {
	err := c.Status().Apply(ctx, desired, client.FieldOwner(ssa.StatusFieldOwner), client.ForceOwnership)
	switch {
	case apierrors.IsConflict(err):
		return ctrl.Result{RequeueAfter: CacheLag}, nil
	case apierrors.IsNotFound(err):
		return ctrl.Result{}, nil
	case err != nil:
		return ctrl.Result{}, fmt.Errorf("writing the status of %s %s: %w", kind, client.ObjectKeyFromObject(object), err)
	}
	conditions.EmitChanges(recorder, object, before, after)
	return ctrl.Result{}, nil
}
