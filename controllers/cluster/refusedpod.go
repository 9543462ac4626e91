package cluster

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/controllers/resource"
)

const (
	// refusalWait is how often the events of a StatefulSet that lacks pods are read; nothing else tells why.
	refusalWait = 10 * time.Second
	// refusalAge is how old an event about a pod that could not be made may be: a StatefulSet tries again
	// ever more rarely, after 17 minutes at the latest.
	refusalAge = 20 * time.Minute
)

// refusedPod is what is remembered of pods that are missing between passes.
type refusedPod struct {
	// since is when a pod was first missing, zero when none is; read, when the events were read.
	since, read time.Time
	// why no pod can be made, in Kubernetes's words; empty when that is not known.
	why string
}

// missingPods finds out why Kubernetes does not make the pods that a StatefulSet lacks: a quota, an admission
// webhook, a priority class that is not there. It is told in events of the StatefulSet alone, which are read
// when pods have been missing for a while.
func (r *Reconciler) missingPods(ctx context.Context, s *scope) error {
	m := &s.memory.refused
	set, err := r.statefulSet(ctx, s)
	if err != nil {
		return err
	}
	if set == nil || unseen(set) || int32(len(s.pods)) >= resource.Replicas(s.cluster) {
		*m = refusedPod{}
		return nil
	}
	if m.since.IsZero() {
		m.since = s.now
	}
	if wait := patience - s.now.Sub(m.since); wait > 0 {
		s.again(wait)
		return nil
	}
	if s.now.Sub(m.read) >= refusalWait {
		var events corev1.EventList
		err := r.Live.List(ctx, &events, client.InNamespace(s.name.Namespace), client.MatchingFields{
			"involvedObject.uid": string(set.UID), "type": corev1.EventTypeWarning, "reason": "FailedCreate",
		})
		if err != nil {
			return fmt.Errorf("reading the events of StatefulSet %s: %w", set.Name, err)
		}
		m.read, m.why = s.now, newest(events.Items, s.now.Add(-refusalAge))
	}
	s.refusal = m.why
	s.again(refusalWait)
	return nil
}

// newest gives the message of the newest event after a time.
func newest(events []corev1.Event, after time.Time) (message string) {
	for i := range events {
		e := &events[i]
		at := e.LastTimestamp.Time
		for _, other := range []time.Time{e.CreationTimestamp.Time, e.EventTime.Time, seriesTime(e.Series).Time} {
			if other.After(at) {
				at = other
			}
		}
		if at.After(after) {
			after, message = at, e.Message
		}
	}
	return message
}

func seriesTime(series *corev1.EventSeries) metav1.MicroTime {
	if series == nil {
		return metav1.MicroTime{}
	}
	return series.LastObservedTime
}
