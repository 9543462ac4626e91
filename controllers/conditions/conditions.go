// Package conditions builds the conditions of a status. A condition is decided by a pure function
// and put in here; only a change of its status moves its time of transition.
package conditions

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// State is what a condition says: its status, a reason in one word, and a sentence for people
// that, unless all is well, says what to do.
type State struct {
	Status  metav1.ConditionStatus
	Reason  string
	Message string
}

// True, False and Unknown give a State.
func True(reason, message string) State    { return State{metav1.ConditionTrue, reason, message} }
func False(reason, message string) State   { return State{metav1.ConditionFalse, reason, message} }
func Unknown(reason, message string) State { return State{metav1.ConditionUnknown, reason, message} }

// IsTrue tells whether the condition holds.
func (s State) IsTrue() bool { return s.Status == metav1.ConditionTrue }

// Typed is a State with the type of its condition.
type Typed struct {
	Type string
	State
}

// Merge gives the conditions of an object in the order of states, for that generation. The times
// of transition are kept from existing where the status stays; conditions of other types are not
// taken over, because they belong to other owners.
func Merge(existing []metav1.Condition, generation int64, now time.Time, states ...Typed) []metav1.Condition {
	out := make([]metav1.Condition, 0, len(states))
	for _, s := range states {
		condition := metav1.Condition{
			Type:               s.Type,
			Status:             s.Status,
			Reason:             s.Reason,
			Message:            s.Message,
			ObservedGeneration: generation,
			LastTransitionTime: metav1.NewTime(now.Truncate(time.Second)),
		}
		if old := meta.FindStatusCondition(existing, s.Type); old != nil && old.Status == s.Status {
			condition.LastTransitionTime = old.LastTransitionTime
		}
		out = append(out, condition)
	}
	return out
}

// FirstNot gives the first state that does not hold, in the order given, or all when every one
// does: a summary condition repeats the reason of what it waits for.
func FirstNot(all State, states ...State) State {
	for _, s := range states {
		if !s.IsTrue() {
			return s
		}
	}
	return all
}
