package procedure

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	applyconfiguration "github.com/wamp-operator/wamp-operator/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/attachment"
	"github.com/wamp-operator/wamp-operator/controllers/index"
	"github.com/wamp-operator/wamp-operator/controllers/routerstate"
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
	"github.com/wamp-operator/wamp-operator/controllers/ssa"
)

// +kubebuilder:rbac:groups=wamp-operator.io,resources=wampprocedures/status,verbs=patch

// Reconciler reconciles WampProcedures.
type Reconciler struct {
	Client  client.Client
	Finder  *attachment.Finder
	Watcher *routerstate.Watcher
	Events  events.EventRecorder
	// Now is the clock.
	Now func() time.Time
}

// Reconcile writes the status of one procedure if it is different.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	p := &v1alpha1.WampProcedure{}
	if err := r.Client.Get(ctx, request.NamespacedName, p); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !p.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	facts, known, err := r.Finder.Find(ctx, p, snapshot.ProcedureObjectKey(request.NamespacedName), p.Spec.ClusterRef)
	if err != nil || !known {
		return ctrl.Result{}, err
	}
	if wait := facts.Soon(p.Status.ObservedGeneration, p.Generation, r.Now()); wait > 0 {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	o := observation{Facts: facts, procedure: p}
	if facts.Accepted.IsTrue() && (facts.Hearing == routerstate.Heard) {
		o.live, _ = r.Watcher.Procedure(facts.Cluster, snapshot.ProcedureKeyOf(p))
	}
	next := status(o, r.Now())
	if equality.Semantic.DeepEqual(next, p.Status) {
		return ctrl.Result{}, nil
	}
	desired := applyconfiguration.WampProcedure(p.Name, p.Namespace).
		WithUID(p.UID).
		WithResourceVersion(p.ResourceVersion).
		WithStatus(ssa.Convert[applyconfiguration.WampProcedureStatusApplyConfiguration](next))
	return attachment.Write(ctx, r.Client, r.Events, v1alpha1.KindWampProcedure, p, desired, p.Status.Conditions, next.Conditions)
}

// SetupWithManager wires what wakes the reconciler.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager, options controller.Options) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("wampprocedure").
		WithOptions(options).
		// Its own writes wake it, too: what it decided from a status that was not the last one, because the
		// cache lags, is decided again.
		For(&v1alpha1.WampProcedure{}).
		Watches(&v1alpha1.WampCluster{}, handler.EnqueueRequestsFromMapFunc(r.ofCluster), builder.WithPredicates(attachment.ClusterGone)).
		WatchesRawSource(r.Finder.Source(v1alpha1.KindWampProcedure, r.all, r.registered)).
		Complete(r)
}

func (r *Reconciler) ofCluster(ctx context.Context, cluster client.Object) (out []ctrl.Request) {
	for _, name := range r.all(ctx, client.ObjectKeyFromObject(cluster)) {
		out = append(out, ctrl.Request{NamespacedName: name})
	}
	return out
}

// all gives the procedures of a cluster.
func (r *Reconciler) all(ctx context.Context, cluster types.NamespacedName) []types.NamespacedName {
	return r.list(ctx, client.MatchingFields{index.Cluster: index.ByCluster(cluster)})
}

// registered gives the declared procedures whose callees changed.
func (r *Reconciler) registered(ctx context.Context, change routerstate.Change) (out []types.NamespacedName) {
	for _, key := range change.Procedures {
		out = append(out, r.list(ctx, client.MatchingFields{index.Procedure: index.ByProcedure(change.Cluster, key)})...)
	}
	return out
}

func (r *Reconciler) list(ctx context.Context, fields client.MatchingFields) (out []types.NamespacedName) {
	var procedures v1alpha1.WampProcedureList
	if err := r.Client.List(ctx, &procedures, fields, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "listing WampProcedures")
		return nil
	}
	for i := range procedures.Items {
		out = append(out, client.ObjectKeyFromObject(&procedures.Items[i]))
	}
	return out
}
