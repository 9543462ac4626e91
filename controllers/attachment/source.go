package attachment

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/wamp-operator/wamp-operator/controllers/routerstate"
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
)

// Lister gives the names of the objects of one kind that refer to a cluster.
type Lister func(ctx context.Context, cluster types.NamespacedName) []types.NamespacedName

// Source wakes the reconciler of a kind for the objects that a decision or a change of the
// routers is about, and for no others. extra, when not nil, gives more of them for a change.
func (f *Finder) Source(kind string, all Lister, extra func(context.Context, routerstate.Change) []types.NamespacedName) source.Source {
	return source.Func(func(ctx context.Context, queue workqueue.TypedRateLimitingInterface[ctrl.Request]) error {
		wake := func(names ...types.NamespacedName) {
			for _, name := range names {
				queue.Add(ctrl.Request{NamespacedName: name})
			}
		}
		ofKind := func(keys []snapshot.ObjectKey) {
			for _, key := range keys {
				if key.Kind == kind {
					wake(key.NamespacedName)
				}
			}
		}
		f.Book.Subscribe(func(_ types.NamespacedName, changed []snapshot.ObjectKey) { ofKind(changed) })
		f.Watcher.Subscribe(func(change routerstate.Change) {
			if change.All {
				wake(all(ctx, change.Cluster)...)
				return
			}
			for _, hash := range change.Hashes {
				ofKind(f.Book.Behind(change.Cluster, hash))
			}
			if extra != nil {
				wake(extra(ctx, change)...)
			}
		})
		return nil
	})
}

// ClusterGone lets only the creation and the deletion of a WampCluster pass: whatever is between
// comes as a decision.
var ClusterGone = predicate.TypedFuncs[client.Object]{
	UpdateFunc:  func(event.UpdateEvent) bool { return false },
	GenericFunc: func(event.GenericEvent) bool { return false },
}
