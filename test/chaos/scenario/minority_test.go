package scenario

import (
	"testing"

	"github.com/wamp-operator/wamp-operator/test/chaos/history"
)

// A minority may answer calls of first by what it has; it may not rotate, and that must stay judged.
func TestOnlyWhatAMinorityMayDoIsLeftOut(t *testing.T) {
	register := func(procedure, policy string) history.Op {
		return history.Op{Kind: history.Register, Procedure: procedure, Policy: policy, Start: 1, End: 2}
	}
	call := func(procedure, replica string, start int64) history.Op {
		return history.Op{Kind: history.Call, Procedure: procedure, Replica: replica, Start: start, End: start + 1}
	}
	ops := []history.Op{
		{Kind: history.Trouble, Replica: "small", Start: 10, End: 20},
		register("f", "first"), register("r", "roundrobin"),
		call("f", "small", 5), call("f", "small", 15), call("f", "large", 15), call("r", "small", 15), call("f", "small", 25),
	}
	got := withoutMinority(ops)
	if len(got) != len(ops)-1 {
		t.Fatalf("%d of %d operations are left", len(got), len(ops))
	}
	for _, op := range got {
		if op == ops[4] {
			t.Error("a call to first on the smaller side, during the split, is judged")
		}
	}
}
