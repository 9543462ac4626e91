package routerstate

import (
	"slices"
	"testing"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
)

func keyNamed(uri string) snapshot.ProcedureKey {
	return snapshot.ProcedureKey{Realm: "realm1", URI: uri, Match: v1alpha1.MatchExact}
}

func callee(replica string, session, stamp uint64) v1alpha1.RouterCalleeState {
	return v1alpha1.RouterCalleeState{Replica: replica, Session: session, Stamp: stamp}
}

func procedure(uri string, callees ...v1alpha1.RouterCalleeState) v1alpha1.RouterProcedureState {
	return v1alpha1.RouterProcedureState{
		Realm: "realm1", URI: uri, Match: v1alpha1.MatchExact, Invoke: v1alpha1.InvokeFirst, Registration: 7, Callees: callees,
	}
}

func names(keys []snapshot.ProcedureKey) (out []string) {
	for _, k := range keys {
		out = append(out, k.URI)
	}
	slices.Sort(out)
	return out
}

// Lines are taken as the stream defines them: nothing before the complete one, everything in it,
// then what changed; and only what really changed is told.
func TestFold(t *testing.T) {
	r := &report{}
	a, b := callee("demo-0", 1, 10), callee("demo-1", 2, 20)
	for _, step := range []struct {
		name    string
		line    v1alpha1.RouterState
		heard   bool
		changed []string
	}{
		{"a delta before the complete line", v1alpha1.RouterState{Procedures: []v1alpha1.RouterProcedureState{procedure("x", a)}}, false, nil},
		{"the complete line", v1alpha1.RouterState{Complete: true, Router: &v1alpha1.RouterReplicaState{Replica: "demo-0"},
			Procedures: []v1alpha1.RouterProcedureState{procedure("x", a), procedure("y", a), procedure("empty")}}, true, []string{"x", "y"}},
		{"an empty line", v1alpha1.RouterState{}, true, nil},
		{"the same again", v1alpha1.RouterState{Procedures: []v1alpha1.RouterProcedureState{procedure("x", a)}}, true, nil},
		{"a callee more", v1alpha1.RouterState{Procedures: []v1alpha1.RouterProcedureState{procedure("x", a, b)}}, true, []string{"x"}},
		{"a procedure gone", v1alpha1.RouterState{Procedures: []v1alpha1.RouterProcedureState{procedure("y")}}, true, []string{"y"}},
		{"gone again", v1alpha1.RouterState{Procedures: []v1alpha1.RouterProcedureState{procedure("y")}}, true, nil},
		{"complete again, without x and with z", v1alpha1.RouterState{Complete: true,
			Procedures: []v1alpha1.RouterProcedureState{procedure("z", b)}}, true, []string{"x", "z"}},
	} {
		changed, heard := r.fold(&step.line)
		if heard != step.heard || !slices.Equal(names(changed), step.changed) {
			t.Errorf("%s: heard %v, changed %v, want %v, %v", step.name, heard, names(changed), step.heard, step.changed)
		}
	}
	if r.replica.Replica != "demo-0" || len(r.procedures) != 1 {
		t.Errorf("folded into %+v", r)
	}
}

func reportOf(procedures ...v1alpha1.RouterProcedureState) *report {
	r := &report{}
	r.fold(&v1alpha1.RouterState{Complete: true, Procedures: procedures})
	return r
}

// A router is the authority on its own callees; what others say of them counts while it is not
// heard.
func TestMerge(t *testing.T) {
	c0, c1, c2 := callee("demo-0", 1, 30), callee("demo-1", 2, 10), callee("demo-2", 3, 20)
	for _, c := range []struct {
		name    string
		reports map[string]*report
		want    []v1alpha1.RouterCalleeState
	}{
		{"all agree, in the order of stamps", map[string]*report{
			"demo-0": reportOf(procedure("x", c1, c2, c0)), "demo-1": reportOf(procedure("x", c0, c1, c2)), "demo-2": reportOf(procedure("x", c0, c1, c2)),
		}, []v1alpha1.RouterCalleeState{c1, c2, c0}},
		{"its own router does not know a callee any more", map[string]*report{
			"demo-0": reportOf(procedure("x", c0, c1)), "demo-1": reportOf(),
		}, []v1alpha1.RouterCalleeState{c0}},
		{"only its own router knows a callee yet", map[string]*report{
			"demo-0": reportOf(), "demo-1": reportOf(procedure("x", c1)),
		}, []v1alpha1.RouterCalleeState{c1}},
		{"its own router is not heard", map[string]*report{
			"demo-0": reportOf(procedure("x", c0, c2)), "demo-1": reportOf(procedure("x", c2)),
		}, []v1alpha1.RouterCalleeState{c2, c0}},
		{"nobody knows it", map[string]*report{"demo-0": reportOf()}, nil},
		{"nobody is heard", nil, nil},
	} {
		got, found := merge(keyNamed("x"), c.reports)
		if !slices.Equal(got.Callees, c.want) || found != (len(c.want) > 0) {
			t.Errorf("%s: %v, want %v", c.name, got.Callees, c.want)
		}
		if found && (got.Registration != 7 || got.Invoke != v1alpha1.InvokeFirst) {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}
