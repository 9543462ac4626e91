package realm

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/attachment"
	"github.com/wamp-operator/wamp-operator/controllers/conditions"
	"github.com/wamp-operator/wamp-operator/controllers/routerstate"
)

// ReasonReady is the reason of the condition Ready when it holds.
const ReasonReady = "Ready"

// status is the status of a realm as observed; a pure function.
func status(realm *v1alpha1.WampRealm, facts attachment.Facts, now time.Time) v1alpha1.WampRealmStatus {
	programmed := facts.Programmed()
	if facts.Hearing == routerstate.Unheard && facts.Accepted.IsTrue() {
		// Nothing is known yet, and what was known before is the best there is.
		have := meta.FindStatusCondition(realm.Status.Conditions, v1alpha1.ConditionProgrammed)
		if have != nil && have.ObservedGeneration == realm.Generation {
			programmed = conditions.State{Status: have.Status, Reason: have.Reason, Message: have.Message}
		}
	}
	resolved := facts.ResolvedRefs
	if !facts.Accepted.IsTrue() {
		resolved = conditions.Unknown(attachment.ReasonNotAccepted, "Secrets are looked at when the realm is accepted: the condition Accepted says why it is not and what to do.")
	}
	ready := conditions.FirstNot(
		conditions.True(ReasonReady, "Clients can join the realm at every router."), facts.Accepted, programmed, resolved)
	return v1alpha1.WampRealmStatus{
		ObservedGeneration: realm.Generation,
		Conditions: conditions.Merge(realm.Status.Conditions, realm.Generation, now,
			conditions.Typed{Type: v1alpha1.ConditionAccepted, State: facts.Accepted},
			conditions.Typed{Type: v1alpha1.ConditionResolvedRefs, State: resolved},
			conditions.Typed{Type: v1alpha1.ConditionProgrammed, State: programmed},
			conditions.Typed{Type: v1alpha1.ConditionStalled, State: conditions.Stalled(facts.Stalled(), conditions.IfFalse(resolved))},
			conditions.Typed{Type: v1alpha1.ConditionReady, State: ready},
		),
	}
}
