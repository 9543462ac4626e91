// Package attachment has what realms and procedures have in common as things attached to a
// cluster: how it is found out what became of them, and what wakes their reconcilers.
package attachment

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/conditions"
	"github.com/wamp-operator/wamp-operator/controllers/routerstate"
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
)

// Reasons of the condition Programmed.
const (
	ReasonProgrammed    = "Programmed"
	ReasonPending       = conditions.ReasonPending
	ReasonNotAccepted   = "NotAccepted"
	ReasonNoRouters     = "NoRouters"
	ReasonRoutersSilent = "RoutersSilent"
	ReasonNotHeardYet   = "NotHeardYet"
)

// CacheLag is the pause before a status is looked at again that was written over a moment ago.
const CacheLag = 50 * time.Millisecond

// Facts are what is known about an attached object.
type Facts struct {
	Cluster  types.NamespacedName
	Accepted conditions.State
	// ResolvedRefs is said of accepted realms.
	ResolvedRefs conditions.State
	Hearing      routerstate.Hearing
	// Serving is the number of routers that clients may be connected to, Current how many of
	// them serve this generation.
	Serving, Current int
	// Decided is when the cluster's reconciler last decided about anything anew.
	Decided time.Time
}

// Swift is how long routers mostly take, at most, to serve what was decided.
const Swift = time.Second

// Soon gives how long to wait before it is said of an object that not every router serves it; observed is
// the generation that its status speaks of. Mostly they serve a new generation a moment after it was
// decided about, and then one write says all. Until then the status speaks of the old generation, which
// says that something is under way.
func (f Facts) Soon(observed, generation int64, now time.Time) time.Duration {
	if observed >= generation || !f.Accepted.IsTrue() || f.Hearing != routerstate.Heard || f.Current >= f.Serving {
		return 0
	}
	return max(0, Swift-now.Sub(f.Decided))
}

// Finder finds out.
type Finder struct {
	Client  client.Reader
	Book    *snapshot.Book
	Watcher *routerstate.Watcher
	// Watches tells whether the operator looks at a namespace at all.
	Watches func(namespace string) bool
}

// Find gives the facts about an object; false when they are not known yet, in which case the
// reconciler is woken as soon as they are.
func (f *Finder) Find(ctx context.Context, object client.Object, key snapshot.ObjectKey, ref v1alpha1.ClusterReference) (Facts, bool, error) {
	facts := Facts{Cluster: ref.Key(object.GetNamespace())}
	if !f.Watches(facts.Cluster.Namespace) {
		facts.Accepted, facts.Hearing = snapshot.ClusterNotFound(facts.Cluster), routerstate.Empty
		return facts, true, nil
	}
	err := f.Client.Get(ctx, facts.Cluster, &v1alpha1.WampCluster{})
	if apierrors.IsNotFound(err) {
		facts.Accepted, facts.Hearing = snapshot.ClusterNotFound(facts.Cluster), routerstate.Empty
		return facts, true, nil
	}
	if err != nil {
		return facts, false, fmt.Errorf("reading WampCluster %s: %w", facts.Cluster, err)
	}
	entry, decided := f.Book.Entry(facts.Cluster, key)
	if !decided || entry.UID != object.GetUID() || entry.Generation < object.GetGeneration() {
		return facts, false, nil
	}
	facts.Accepted, facts.ResolvedRefs = entry.Accepted, entry.ResolvedRefs
	facts.Decided = f.Book.Decided(facts.Cluster)
	view := f.Watcher.View(facts.Cluster)
	facts.Hearing = view.Hearing
	for _, hash := range view.ServingHashes() {
		facts.Serving++
		if f.Book.Serves(facts.Cluster, hash, key, entry.Document) {
			facts.Current++
		}
	}
	return facts, true, nil
}

// Programmed decides the condition of that name. The message names no router and no number: one
// sentence for all objects of a cluster, written once and not once a router.
func (f Facts) Programmed() conditions.State {
	switch {
	case !f.Accepted.IsTrue():
		return conditions.False(ReasonNotAccepted, "It is not accepted: the condition Accepted says why and what to do.")
	case f.Hearing == routerstate.Heard && f.Serving == 0, f.Hearing == routerstate.Empty:
		return f.NoRouters()
	case f.Hearing == routerstate.Heard && f.Current < f.Serving:
		return conditions.False(ReasonPending, fmt.Sprintf(
			"Not every router serves this generation yet: if that lasts, see the condition Programmed of WampCluster %s.", f.Cluster))
	case f.Hearing == routerstate.Heard:
		return conditions.True(ReasonProgrammed, "Every router that is ready serves this generation.")
	}
	return f.Silent()
}

// Stalled is what does not go on until somebody changes something; nil when there is nothing of that.
func (f Facts) Stalled() *conditions.State { return conditions.IfFalse(f.Accepted) }

// NoRouters says that there is no router to serve anything.
func (f Facts) NoRouters() conditions.State {
	return conditions.False(ReasonNoRouters, fmt.Sprintf(
		"No router is ready: see the conditions of WampCluster %s.", f.Cluster))
}

// Silent says that the operator hears no router.
func (f Facts) Silent() conditions.State {
	if f.Hearing == routerstate.Unheard {
		return conditions.Unknown(ReasonNotHeardYet, "The routers have not reported yet.")
	}
	return conditions.Unknown(ReasonRoutersSilent, fmt.Sprintf(
		"The operator cannot read the state of any router: see the condition Programmed of WampCluster %s.", f.Cluster))
}
