package procedure

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/attachment"
	"github.com/wamp-operator/wamp-operator/controllers/conditions"
	"github.com/wamp-operator/wamp-operator/controllers/routerstate"
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
)

var now = time.Unix(5000, 0)

// observed is a procedure with that policy and n callees, served by three routers.
func observed(invoke v1alpha1.InvocationPolicy, n int, change func(*observation)) observation {
	p := &v1alpha1.WampProcedure{ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "apps", Generation: 3}}
	p.Spec = v1alpha1.WampProcedureSpec{Realm: "realm1", URI: "com.example.add", Invoke: invoke, Standbys: ptr.To[int32](1)}
	o := observation{procedure: p, Facts: attachment.Facts{
		Cluster: types.NamespacedName{Namespace: "apps", Name: "demo"}, Accepted: conditions.True("Accepted", "Fine."),
		Hearing: routerstate.Heard, Serving: 3, Current: 3,
	}}
	for i := range n {
		o.live.Registration, o.live.Invoke = 77, invoke
		o.live.Callees = append(o.live.Callees, v1alpha1.RouterCalleeState{Replica: "demo-1", Session: uint64(10 + i), Stamp: uint64(100 + i)})
	}
	if change != nil {
		change(&o)
	}
	return o
}

// What every condition and the printed columns say, in the situations that there are.
func TestStatus(t *testing.T) {
	first := v1alpha1.InvokeFirst
	for _, c := range []struct {
		name                                                            string
		o                                                               observation
		programmed, available, redundant, ready, active, says, mentions string
	}{
		{"first with a standby", observed(first, 2, nil), "True Programmed", "True CalleeRegistered", "True StandbysThere", "True Ready", "demo-1/10", "Redundant", "takes over"},
		{"last", observed(v1alpha1.InvokeLast, 3, nil), "True Programmed", "True CalleeRegistered", "True StandbysThere", "True Ready", "demo-1/12", "", ""},
		{"single", observed(v1alpha1.InvokeSingle, 1, nil), "True Programmed", "True CalleeRegistered", "True SingleCallee", "True Ready", "demo-1/10", "Redundant", "declare invoke: first"},
		{"single that asks for no standby", observed(v1alpha1.InvokeSingle, 1, func(o *observation) { o.procedure.Spec.Standbys = ptr.To[int32](0) }),
			"True Programmed", "True CalleeRegistered", "True SingleCallee", "True Ready", "demo-1/10", "", ""},
		{"roundrobin", observed(v1alpha1.InvokeRoundRobin, 2, nil), "True Programmed", "True CalleeRegistered", "True StandbysThere", "True Ready", "all", "", ""},
		{"random", observed(v1alpha1.InvokeRandom, 1, nil), "True Programmed", "True CalleeRegistered", "False StandbyMissing", "True Ready", "all", "Redundant", "1 of 2 callees are there: start 1 more"},
		{"nobody", observed(first, 0, nil), "True Programmed", "False NoCallee", "False NoCallee", "False NoCallee", "none", "Available", "start a callee that registers it with invoke: first"},
		{"nobody, for a pattern", observed(first, 0, func(o *observation) { o.procedure.Spec.Match = v1alpha1.MatchPrefix }),
			"True Programmed", "False NoCallee", "False NoCallee", "False NoCallee", "none", "Available", "registers it with match: prefix and invoke: first"},
		{"on its way to the routers", observed(first, 1, func(o *observation) { o.Current = 2 }),
			"False Pending", "True CalleeRegistered", "False StandbyMissing", "False Pending", "demo-1/10", "Programmed", "WampCluster apps/demo"},
		{"another policy is registered", observed(first, 1, func(o *observation) { o.live.Invoke = v1alpha1.InvokeLast }),
			"False PolicyDiffers", "True CalleeRegistered", "False StandbyMissing", "False PolicyDiffers", "demo-1/10", "Programmed", "registered with invoke: last"},
		{"not accepted", observed(first, 0, func(o *observation) { o.Accepted = snapshot.ClusterNotFound(o.Cluster) }),
			"False NotAccepted", "False NotAccepted", "False NotAccepted", "False ClusterNotFound", "none", "Ready", "There is no WampCluster apps/demo: create it"},
		{"no router", observed(first, 0, func(o *observation) { o.Hearing, o.Serving, o.Current = routerstate.Empty, 0, 0 }),
			"False NoRouters", "False NoRouters", "False NoRouters", "False NoRouters", "none", "Ready", "conditions of WampCluster apps/demo"},
		{"no router is ready", observed(first, 0, func(o *observation) { o.Serving, o.Current = 0, 0 }),
			"False NoRouters", "False NoRouters", "False NoRouters", "False NoRouters", "none", "", ""},
		{"routers do not answer", observed(first, 0, func(o *observation) { o.Hearing = routerstate.Silent }),
			"Unknown RoutersSilent", "Unknown RoutersSilent", "Unknown RoutersSilent", "Unknown RoutersSilent", "none", "Ready", "cannot read the state of any router"},
		{"new, and nothing heard yet", observed(first, 0, func(o *observation) { o.Hearing = routerstate.Unheard }),
			"Unknown NotHeardYet", "Unknown NotHeardYet", "Unknown NotHeardYet", "Unknown NotHeardYet", "none", "", ""},
	} {
		got := status(c.o, now)
		if got.ObservedGeneration != 3 || len(got.Conditions) != 6 || got.ActiveCallee != c.active {
			t.Errorf("%s: %+v, want the active callee %s", c.name, got, c.active)
		}
		for kind, want := range map[string]string{
			"Programmed": c.programmed, "Available": c.available, "Redundant": c.redundant, "Ready": c.ready,
		} {
			condition := meta.FindStatusCondition(got.Conditions, kind)
			if is := string(condition.Status) + " " + condition.Reason; is != want {
				t.Errorf("%s: %s is %s, want %s", c.name, kind, is, want)
			}
			if condition.Message == "" || condition.ObservedGeneration != 3 {
				t.Errorf("%s: %+v", c.name, condition)
			}
			if kind == c.says && !strings.Contains(condition.Message, c.mentions) {
				t.Errorf("%s: %s says %q, want %q in it", c.name, kind, condition.Message, c.mentions)
			}
		}
	}
}

// The list is bounded, the number is not.
func TestCalleeListIsBounded(t *testing.T) {
	got := status(observed(v1alpha1.InvokeLast, 50, nil), now)
	if got.Callees != 50 || len(got.CalleeList) != v1alpha1.MaxListedCallees || got.CalleeList[0].Session != 10 || got.CalleeList[0].Stamp != 100 {
		t.Errorf("%d callees, %d listed", got.Callees, len(got.CalleeList))
	}
	if got.ActiveCallee != "demo-1/59" || got.Registration != 77 {
		t.Errorf("active %s: the last callee is active, listed or not", got.ActiveCallee)
	}
}

// An operator that has just started writes nothing over what is there.
func TestNothingIsWrittenBeforeRoutersAreHeard(t *testing.T) {
	o := observed(v1alpha1.InvokeFirst, 2, nil)
	o.procedure.Status = status(o, now)
	restarted := o
	restarted.Hearing, restarted.Serving, restarted.Current, restarted.live = routerstate.Unheard, 0, 0, routerstate.Procedure{}
	if got := status(restarted, now.Add(time.Hour)); !equality.Semantic.DeepEqual(got, o.procedure.Status) {
		t.Errorf("written anew:\n%+v\nover\n%+v", got, o.procedure.Status)
	}
	// And when they say the same as before nothing is written either.
	if got := status(o, now.Add(time.Hour)); !equality.Semantic.DeepEqual(got, o.procedure.Status) {
		t.Errorf("written anew:\n%+v\nover\n%+v", got, o.procedure.Status)
	}
}
