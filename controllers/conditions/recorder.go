package conditions

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/tools/reference"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

const (
	// Burst is how many events about the realms and procedures of one cluster are written at once; half of
	// them is kept for Warnings.
	Burst = 100
	// PerSecond is how many are written when that many have been.
	PerSecond = 1
	// gathering is how long nothing has to be left out before it is told what was, and gatherAtMost how
	// long that may take.
	gathering, gatherAtMost = 5 * time.Second, time.Minute
)

// ReasonEventsLeftOut is the reason of the event that stands for others.
const ReasonEventsLeftOut = "EventsLeftOut"

// Recorder bounds the events that are written. The recorder of client-go, which it writes through, makes a
// request of each, all of them at once: thousands of procedures that lose their routers in one moment would
// keep an API server as busy with events as with statuses. Of the events about what is attached to one
// cluster a burst is written, and a trickle after that; the rest is counted, and one event about the cluster
// stands for it. Events about a cluster itself are few and are all written.
//
// It also lets the same event about the same object, which comes again within minutes, be one event with a
// count: client-go compares the references to the objects, and these would differ by a resource version.
//
// It is safe for concurrent use.
type Recorder struct {
	// To writes the events.
	To events.EventRecorder
	// Scheme knows the kinds that events are about.
	Scheme *runtime.Scheme
	// Clusters reads WampClusters.
	Clusters client.Reader
	// Now is the clock.
	Now func() time.Time

	mu       sync.Mutex
	clusters map[types.NamespacedName]*allowance
}

// allowance is what is left to write about one cluster, and what was left out.
type allowance struct {
	events float64
	at     time.Time

	leftOut int
	// untold are those left out of which no event told, by reason, since a time, and bad when one of them
	// is a Warning.
	untold      map[string]int
	bad         bool
	since, last time.Time
}

// Eventf implements events.EventRecorder.
func (r *Recorder) Eventf(regarding, related runtime.Object, kind, reason, action, note string, args ...any) {
	if cluster, attached := attachedTo(regarding); attached && !r.admit(cluster, kind, reason) {
		return
	}
	r.To.Eventf(r.reference(regarding), r.reference(related), kind, reason, action, note, args...)
}

// attachedTo gives the cluster that a realm or a procedure refers to.
func attachedTo(object runtime.Object) (types.NamespacedName, bool) {
	switch o := object.(type) {
	case *v1alpha1.WampRealm:
		return o.Spec.ClusterRef.Key(o.Namespace), true
	case *v1alpha1.WampProcedure:
		return o.Spec.ClusterRef.Key(o.Namespace), true
	}
	return types.NamespacedName{}, false
}

// reference gives the reference to an object, whatever version of it is at hand.
func (r *Recorder) reference(object runtime.Object) runtime.Object {
	if object == nil {
		return nil
	}
	to, err := reference.GetReference(r.Scheme, object)
	if err != nil {
		return object // the recorder says what is wrong with it
	}
	to = to.DeepCopy()
	to.ResourceVersion = ""
	return to
}

// admit tells whether one more event may be written, and counts it when not.
func (r *Recorder) admit(cluster types.NamespacedName, kind, reason string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.Now()
	a := r.clusters[cluster]
	if a == nil {
		if r.clusters == nil {
			r.clusters = map[types.NamespacedName]*allowance{}
		}
		a = &allowance{events: Burst, at: now}
		r.clusters[cluster] = a
	}
	a.refill(now)
	bad := kind == corev1.EventTypeWarning
	if a.events >= 1 && (bad || a.events > Burst/2) {
		a.events--
		return true
	}
	if len(a.untold) == 0 {
		a.untold, a.since, a.bad = map[string]int{}, now, false
	}
	a.leftOut++
	a.untold[reason]++
	a.last, a.bad = now, a.bad || bad
	return false
}

func (a *allowance) refill(now time.Time) {
	a.events = min(Burst, a.events+PerSecond*now.Sub(a.at).Seconds())
	a.at = now
}

// LeftOut is how many events about the realms and procedures of a cluster were not written.
func (r *Recorder) LeftOut(cluster types.NamespacedName) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if a := r.clusters[cluster]; a != nil {
		return a.leftOut
	}
	return 0
}

// Start tells now and then what was left out, until ctx is done.
func (r *Recorder) Start(ctx context.Context) error {
	ticker := time.NewTicker(gathering)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			for cluster, e := range r.due() {
				r.tell(ctx, cluster, e)
			}
		}
	}
}

// due gives the events that stand for those left out, by cluster.
func (r *Recorder) due() map[types.NamespacedName]Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	now, out := r.Now(), map[types.NamespacedName]Event{}
	for cluster, a := range r.clusters {
		if a.refill(now); a.events == Burst && a.leftOut == 0 {
			delete(r.clusters, cluster) // as good as a new one
		}
		if len(a.untold) > 0 && (now.Sub(a.last) >= gathering || now.Sub(a.since) >= gatherAtMost) {
			out[cluster] = a.summary()
			a.untold = nil
		}
	}
	return out
}

func (a *allowance) summary() Event {
	e := Event{Type: corev1.EventTypeNormal, Reason: ReasonEventsLeftOut, Action: "Summarize"}
	if a.bad {
		e.Type = corev1.EventTypeWarning
	}
	total, parts := 0, []string(nil)
	for _, reason := range slices.Sorted(maps.Keys(a.untold)) {
		total += a.untold[reason]
		parts = append(parts, fmt.Sprintf("%d %s", a.untold[reason], reason))
	}
	e.Note = fmt.Sprintf("So many of its realms and procedures changed at once that %d events about them were left out (%s): "+
		"see kubectl get wamprealms,wampprocedures -A, and their conditions.", total, strings.Join(parts, ", "))
	return e
}

// tell records an event about a cluster, and forgets one that is gone.
func (r *Recorder) tell(ctx context.Context, name types.NamespacedName, e Event) {
	cluster := &v1alpha1.WampCluster{}
	switch err := r.Clusters.Get(ctx, name, cluster); {
	case err == nil:
		Emit(r.To, r.reference(cluster), nil, e)
	case client.IgnoreNotFound(err) == nil:
		r.mu.Lock()
		delete(r.clusters, name)
		r.mu.Unlock()
	}
}
