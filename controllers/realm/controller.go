package realm

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
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
	"github.com/wamp-operator/wamp-operator/controllers/ssa"
)

// +kubebuilder:rbac:groups=wamp-operator.io,resources=wamprealms/status,verbs=patch

// Reconciler reconciles WampRealms.
type Reconciler struct {
	Client client.Client
	Finder *attachment.Finder
	Events events.EventRecorder
	// Now is the clock.
	Now func() time.Time
}

// Reconcile writes the status of one realm if it is different.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	realm := &v1alpha1.WampRealm{}
	if err := r.Client.Get(ctx, request.NamespacedName, realm); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !realm.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	facts, known, err := r.Finder.Find(ctx, realm, snapshot.RealmKey(request.NamespacedName), realm.Spec.ClusterRef)
	if err != nil || !known {
		return ctrl.Result{}, err
	}
	if wait := facts.Soon(realm.Status.ObservedGeneration, realm.Generation, r.Now()); wait > 0 {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	next := status(realm, facts, r.Now())
	if equality.Semantic.DeepEqual(next, realm.Status) {
		return ctrl.Result{}, nil
	}
	desired := applyconfiguration.WampRealm(realm.Name, realm.Namespace).
		WithUID(realm.UID).
		WithResourceVersion(realm.ResourceVersion).
		WithStatus(ssa.Convert[applyconfiguration.WampRealmStatusApplyConfiguration](next))
	return attachment.Write(ctx, r.Client, r.Events, v1alpha1.KindWampRealm, realm, desired, realm.Status.Conditions, next.Conditions)
}

// SetupWithManager wires what wakes the reconciler.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager, options controller.Options) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("wamprealm").
		WithOptions(options).
		// Its own writes wake it, too: what it decided from a status that was not the last one, because the
		// cache lags, is decided again.
		For(&v1alpha1.WampRealm{}).
		Watches(&v1alpha1.WampCluster{}, handler.EnqueueRequestsFromMapFunc(r.ofCluster), builder.WithPredicates(attachment.ClusterGone)).
		WatchesRawSource(r.Finder.Source(v1alpha1.KindWampRealm, r.all, nil)).
		Complete(r)
}

func (r *Reconciler) ofCluster(ctx context.Context, cluster client.Object) (out []ctrl.Request) {
	for _, name := range r.all(ctx, client.ObjectKeyFromObject(cluster)) {
		out = append(out, ctrl.Request{NamespacedName: name})
	}
	return out
}

// all gives the realms of a cluster.
func (r *Reconciler) all(ctx context.Context, cluster types.NamespacedName) (out []types.NamespacedName) {
	var realms v1alpha1.WampRealmList
	if err := r.Client.List(ctx, &realms, client.MatchingFields{index.Cluster: index.ByCluster(cluster)}, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "listing WampRealms")
		return nil
	}
	for i := range realms.Items {
		out = append(out, client.ObjectKeyFromObject(&realms.Items[i]))
	}
	return out
}
