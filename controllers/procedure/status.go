package procedure

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/conditions"
	"github.com/wamp-operator/wamp-operator/controllers/routerstate"
)

// status is the status of a procedure as observed; a pure function.
func status(o observation, now time.Time) v1alpha1.WampProcedureStatus {
	p := o.procedure
	out := v1alpha1.WampProcedureStatus{ObservedGeneration: p.Generation, ActiveCallee: "none"}

	declared, answered, backed := programmed(o), available(o), redundant(o)
	if o.Hearing == routerstate.Unheard && o.Accepted.IsTrue() {
		// Nothing is known yet, and what was known before is the best there is.
		out = *p.Status.DeepCopy()
		out.ObservedGeneration = p.Generation
		if out.ActiveCallee == "" {
			out.ActiveCallee = "none"
		}
		declared = keep(p, v1alpha1.ConditionProgrammed, declared)
		answered = keep(p, v1alpha1.ConditionAvailable, answered)
		backed = keep(p, v1alpha1.ConditionRedundant, backed)
	} else {
		listCallees(&out, o.live)
	}
	out.Conditions = conditions.Merge(p.Status.Conditions, p.Generation, now,
		conditions.Typed{Type: v1alpha1.ConditionAccepted, State: o.Accepted},
		conditions.Typed{Type: v1alpha1.ConditionProgrammed, State: declared},
		conditions.Typed{Type: v1alpha1.ConditionAvailable, State: answered},
		conditions.Typed{Type: v1alpha1.ConditionRedundant, State: backed},
		conditions.Typed{Type: v1alpha1.ConditionStalled, State: stalled(o.Accepted, declared)},
		conditions.Typed{Type: v1alpha1.ConditionReady, State: ready(o.Accepted, declared, answered)},
	)
	return out
}

func listCallees(out *v1alpha1.WampProcedureStatus, live routerstate.Procedure) {
	if len(live.Callees) == 0 {
		return
	}
	out.Registration = int64(live.Registration)
	out.Callees = int32(len(live.Callees))
	for _, callee := range live.Callees[:min(len(live.Callees), v1alpha1.MaxListedCallees)] {
		out.CalleeList = append(out.CalleeList, v1alpha1.CalleeStatus{
			Replica: callee.Replica,
			Session: int64(callee.Session),
			Stamp:   int64(callee.Stamp),
		})
	}
	switch live.Invoke {
	case v1alpha1.InvokeSingle, v1alpha1.InvokeFirst:
		out.ActiveCallee = name(live.Callees[0])
	case v1alpha1.InvokeLast:
		out.ActiveCallee = name(live.Callees[len(live.Callees)-1])
	default:
		out.ActiveCallee = "all"
	}
}

func name(callee v1alpha1.RouterCalleeState) string {
	return fmt.Sprintf("%s/%d", callee.Replica, callee.Session)
}

// keep gives the condition as it is, or otherwise where there is none yet.
func keep(p *v1alpha1.WampProcedure, kind string, otherwise conditions.State) conditions.State {
	have := meta.FindStatusCondition(p.Status.Conditions, kind)
	if have == nil || have.ObservedGeneration != p.Generation {
		return otherwise
	}
	return conditions.State{Status: have.Status, Reason: have.Reason, Message: have.Message}
}
