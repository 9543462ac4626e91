package procedure

import (
	"fmt"

	"k8s.io/utils/ptr"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/attachment"
	"github.com/wamp-operator/wamp-operator/controllers/conditions"
	"github.com/wamp-operator/wamp-operator/controllers/routerstate"
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
)

// Reasons of conditions.
const (
	ReasonCalleeRegistered = "CalleeRegistered"
	ReasonNoCallee         = "NoCallee"
	ReasonPolicyDiffers    = "PolicyDiffers"
	ReasonStandbysThere    = "StandbysThere"
	ReasonStandbyMissing   = "StandbyMissing"
	ReasonSingleCallee     = "SingleCallee"
	ReasonReady            = "Ready"
)

// observation is what the status is decided from.
type observation struct {
	attachment.Facts
	procedure *v1alpha1.WampProcedure
	live      routerstate.Procedure
}

// programmed: every router that is ready serves this generation, and the callees that are there
// are shared as it says.
func programmed(o observation) conditions.State {
	state := o.Programmed()
	if declared := o.procedure.Spec.Invoke; state.IsTrue() && len(o.live.Callees) > 0 && o.live.Invoke != declared {
		return conditions.False(ReasonPolicyDiffers, fmt.Sprintf(
			"The callees that are there registered with invoke: %s and keep it: let them register again with invoke: %s, or declare invoke: %s.",
			o.live.Invoke, declared, o.live.Invoke))
	}
	return state
}

// available: a callee answers calls.
func available(o observation) conditions.State {
	switch {
	case !o.Accepted.IsTrue():
		return o.Programmed()
	case o.Hearing == routerstate.Empty, o.Hearing == routerstate.Heard && o.Serving == 0:
		return o.NoRouters()
	case o.Hearing != routerstate.Heard:
		return o.Silent()
	case len(o.live.Callees) == 0:
		return conditions.False(ReasonNoCallee, fmt.Sprintf(
			"Nobody has registered %s in the realm %s: start a callee that registers it with %sinvoke: %s.",
			o.procedure.Spec.URI, o.procedure.Spec.Realm, matchOption(o.procedure), o.procedure.Spec.Invoke))
	}
	return conditions.True(ReasonCalleeRegistered, "A callee answers calls.")
}

// matchOption is what a callee has to ask for besides the invocation policy; nothing for the match
// that REGISTER has when it names none.
func matchOption(p *v1alpha1.WampProcedure) string {
	if match := snapshot.ProcedureKeyOf(p).Match; match != v1alpha1.MatchExact {
		return fmt.Sprintf("match: %s and ", match)
	}
	return ""
}

// redundant: there are the standbys that the procedure asks for. One that has a single callee by its policy
// asks for none, whatever standbys says: it is as redundant as it was declared to be.
func redundant(o observation) conditions.State {
	standbys := int(ptr.Deref(o.procedure.Spec.Standbys, 1))
	callees := len(o.live.Callees)
	if state := available(o); !state.IsTrue() {
		return state
	}
	if o.live.Invoke == v1alpha1.InvokeSingle {
		return conditions.True(ReasonSingleCallee,
			"With invoke: single there is one callee and no standby: declare invoke: first for a hot one.")
	}
	if missing := 1 + standbys - callees; missing > 0 {
		return conditions.False(ReasonStandbyMissing, fmt.Sprintf(
			"%d of %d callees are there: start %d more.", callees, 1+standbys, missing))
	}
	return conditions.True(ReasonStandbysThere, "If a callee is lost another one takes over.")
}

// stalled: it is not accepted, or the callees keep another policy.
func stalled(accepted, programmed conditions.State) conditions.State {
	var differs *conditions.State
	if programmed.Reason == ReasonPolicyDiffers {
		differs = &programmed
	}
	return conditions.Stalled(conditions.IfFalse(accepted), differs)
}

// ready sums up.
func ready(accepted, programmed, available conditions.State) conditions.State {
	return conditions.FirstNot(
		conditions.True(ReasonReady, "The procedure is declared on every router and a callee answers calls."),
		accepted, programmed, available)
}
