package cluster

import (
	"context"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
	"github.com/wamp-operator/wamp-operator/controllers/routerstate"
	"github.com/wamp-operator/wamp-operator/controllers/secrets"
	"github.com/wamp-operator/wamp-operator/controllers/ssa"
)

// SetupWithManager wires what wakes the reconciler.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager, options controller.Options) error {
	if r.Resync == 0 {
		r.Resync = time.Minute
	}
	r.applier = &ssa.Applier{Client: r.Client, Live: r.Live}
	r.foreign = &ssa.Foreign{Client: r.Client, Live: r.Live, Every: r.Resync, Now: r.Now}
	attached := builder.WithPredicates(predicate.GenerationChangedPredicate{})
	return ctrl.NewControllerManagedBy(mgr).
		Named("wampcluster").
		WithOptions(options).
		For(&v1alpha1.WampCluster{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, keyRequested, statusWritten))).
		Owns(&appsv1.StatefulSet{}).
		Owns(&corev1.Service{}).
		Owns(&corev1.ConfigMap{}).
		Owns(&corev1.ServiceAccount{}).
		Owns(&policyv1.PodDisruptionBudget{}).
		Owns(&networkingv1.NetworkPolicy{}).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(ofPod)).
		Watches(&v1alpha1.WampRealm{}, handler.EnqueueRequestsFromMapFunc(r.ofRealm), attached).
		Watches(&v1alpha1.WampProcedure{}, handler.EnqueueRequestsFromMapFunc(r.ofProcedure), attached).
		WatchesMetadata(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(r.ofNamespace),
			builder.WithPredicates(predicate.LabelChangedPredicate{})).
		WatchesRawSource(r.routers()).
		WatchesRawSource(r.secrets()).
		Complete(r)
}

// keyRequested lets changes through that ask for another gossip key.
var keyRequested = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	const name = v1alpha1.AnnotationRotateGossipKey
	return e.ObjectOld.GetAnnotations()[name] != e.ObjectNew.GetAnnotations()[name]
}}

// statusWritten lets the reconciler's own writes through: what it decided from a status that was not the
// last one, because the cache lags, is decided again.
var statusWritten = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	before, after := e.ObjectOld.(*v1alpha1.WampCluster), e.ObjectNew.(*v1alpha1.WampCluster)
	return !equality.Semantic.DeepEqual(before.Status, after.Status)
}}

func ofPod(_ context.Context, pod client.Object) []ctrl.Request {
	name := pod.GetLabels()[resource.LabelCluster]
	if name == "" {
		return nil
	}
	return []ctrl.Request{{NamespacedName: types.NamespacedName{Namespace: pod.GetNamespace(), Name: name}}}
}

func (r *Reconciler) ofRealm(_ context.Context, o client.Object) []ctrl.Request {
	return r.attachedTo(o.(*v1alpha1.WampRealm).Spec.ClusterRef.Key(o.GetNamespace()))
}

func (r *Reconciler) ofProcedure(_ context.Context, o client.Object) []ctrl.Request {
	return r.attachedTo(o.(*v1alpha1.WampProcedure).Spec.ClusterRef.Key(o.GetNamespace()))
}

func (r *Reconciler) attachedTo(cluster types.NamespacedName) []ctrl.Request {
	r.memories.mark(cluster)
	return []ctrl.Request{{NamespacedName: cluster}}
}

// ofNamespace wakes the clusters that select namespaces by label.
func (r *Reconciler) ofNamespace(ctx context.Context, _ client.Object) (out []ctrl.Request) {
	var clusters v1alpha1.WampClusterList
	if err := r.Client.List(ctx, &clusters); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "listing WampClusters")
		return nil
	}
	for i := range clusters.Items {
		if clusters.Items[i].Spec.AllowedNamespaces.From == v1alpha1.NamespacesFromSelector {
			out = append(out, r.attachedTo(client.ObjectKeyFromObject(&clusters.Items[i]))...)
		}
	}
	return out
}

// secrets wakes the reconciler when a Secret that realms refer to changed.
func (r *Reconciler) secrets() source.Source {
	return source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[ctrl.Request]) error {
		r.Secrets.Subscribe(func(cluster types.NamespacedName, change secrets.Change) {
			if r.memories.secretChanged(cluster, change, r.Now()) {
				queue.Add(ctrl.Request{NamespacedName: cluster})
			}
		})
		return nil
	})
}

// settle is how long several changes of routers are gathered into one pass.
const settle = 50 * time.Millisecond

// routers wakes the reconciler when routers report something about themselves.
func (r *Reconciler) routers() source.Source {
	return source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[ctrl.Request]) error {
		r.Watcher.Subscribe(func(change routerstate.Change) {
			request := ctrl.Request{NamespacedName: change.Cluster}
			switch {
			case change.All || len(change.Hashes) > 0:
				queue.Add(request)
			case change.Replicas:
				queue.AddAfter(request, settle)
			}
		})
		return nil
	})
}
