package conditions

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// Reasons of conditions that are bad for a moment in the ordinary course of things.
const (
	ReasonPending    = "Pending"    // the latest snapshot is on its way to the routers
	ReasonRollingOut = "RollingOut" // routers start, stop or are replaced
)

// Event is what an event says.
type Event struct {
	// Type is Warning when something turned bad, and Normal when it turned good or is not as it should be
	// only because somebody has just changed something.
	Type string
	// Reason is that of the condition, Action a verb.
	Reason, Action string
	// Note is the message of the condition.
	Note string
}

// told are the conditions that events tell of, in that order, with the action of the event.
var told = []struct{ kind, action string }{
	{v1alpha1.ConditionReady, "Observe"},
	{v1alpha1.ConditionStalled, "Stall"},
	{v1alpha1.ConditionAccepted, "Accept"},
	{v1alpha1.ConditionResolvedRefs, "Resolve"},
	{v1alpha1.ConditionProgrammed, "Program"},
	{v1alpha1.ConditionAvailable, "Observe"},
	{v1alpha1.ConditionConsistent, "Compare"},
}

// Events gives the events of a change of the conditions of one object. Only a change of a status is
// one; another reason or message is not.
//
// They do not repeat themselves: what turned good together with Ready is told by that event alone, and
// conditions that are bad for one reason, also one after the other, make one event. Of a new object it is
// told that it is ready, and what does not become good by itself; that the rest takes its time needs no
// event. That something is not known is told of Ready alone.
func Events(before, after []metav1.Condition) (out []Event) {
	readyNow := false
	for _, t := range told {
		now := meta.FindStatusCondition(after, t.kind)
		if now == nil {
			continue
		}
		was, is := quality(before, t.kind), quality(after, t.kind)
		ready := t.kind == v1alpha1.ConditionReady
		event := Event{Reason: now.Reason, Action: t.action, Note: now.Message}
		switch {
		case was == is:
			continue
		case is == good:
			event.Type = corev1.EventTypeNormal
			if ready {
				readyNow = true
			} else if readyNow || was != bad {
				continue
			}
		case is == bad:
			event.Type = severity(now.Reason)
			if was == absent && !standsStill(t.kind) || known(before, now.Reason) {
				continue
			}
		case !ready || was == absent:
			continue
		default:
			event.Type = severity(now.Reason)
		}
		if !slices.ContainsFunc(out, func(e Event) bool { return e.Reason == event.Reason && e.Note == event.Note }) {
			out = append(out, event)
		}
	}
	return out
}

// severity is the type of an event about something that turned bad for a reason.
func severity(reason string) string {
	if reason == ReasonPending || reason == ReasonRollingOut {
		return corev1.EventTypeNormal
	}
	return corev1.EventTypeWarning
}

// known tells whether something that is told of was bad for that reason already.
func known(before []metav1.Condition, reason string) bool {
	return slices.ContainsFunc(before, func(c metav1.Condition) bool {
		return c.Reason == reason && quality(before, c.Type) == bad &&
			slices.ContainsFunc(told, func(t struct{ kind, action string }) bool { return t.kind == c.Type })
	})
}

// standsStill tells whether a condition of a new object that is bad stays so until somebody does something.
func standsStill(kind string) bool {
	return kind == v1alpha1.ConditionStalled || kind == v1alpha1.ConditionAccepted || kind == v1alpha1.ConditionResolvedRefs
}

type qualityOf int

const (
	absent qualityOf = iota
	unknown
	good
	bad
)

// quality tells whether a condition is as people want it; Stalled is good when it is False.
func quality(list []metav1.Condition, kind string) qualityOf {
	c := meta.FindStatusCondition(list, kind)
	switch {
	case c == nil:
		return absent
	case c.Status == metav1.ConditionUnknown:
		return unknown
	case (c.Status == metav1.ConditionTrue) == (kind != v1alpha1.ConditionStalled):
		return good
	}
	return bad
}

// maxNote is what the API lets a note be long, in bytes.
const maxNote = 1023

// Emit records an event about an object. related, when not nil, is the other object that it is about.
func Emit(recorder events.EventRecorder, object, related runtime.Object, e Event) {
	note := e.Note
	if len(note) > maxNote {
		const more = " …"
		note = strings.ToValidUTF8(note[:maxNote-len(more)], "") + more
	}
	recorder.Eventf(object, related, e.Type, e.Reason, e.Action, "%s", note)
}

// EmitChanges records the events of a change of conditions. It is called after the change was written.
func EmitChanges(recorder events.EventRecorder, object runtime.Object, before, after []metav1.Condition) {
	for _, e := range Events(before, after) {
		Emit(recorder, object, nil, e)
	}
}
