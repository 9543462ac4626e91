package judge

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/test/chaos/history"
)

// tape writes histories by hand: one operation after the other, each taking one unit of time.
type tape struct {
	now int64
	ops []history.Op
}

func (t *tape) add(op history.Op) *history.Op {
	op.Procedure, op.Start, op.End = "p", t.now+1, t.now+2
	t.now += 2
	t.ops = append(t.ops, op)
	return &t.ops[len(t.ops)-1]
}

func (t *tape) registers(ids ...int64) {
	for _, id := range ids {
		t.add(history.Op{Kind: history.Register, Policy: "roundrobin", Callee: id, Replica: replicaOf(id)})
	}
}

func (t *tape) ends(ids ...int64) {
	for _, id := range ids {
		t.add(history.Op{Kind: history.Unregister, Callee: id, Replica: replicaOf(id)})
	}
}

// calls are calls that were answered by registrations; 0 is one that ended in an error.
func (t *tape) calls(ids ...int64) {
	for _, id := range ids {
		op := history.Op{Kind: history.Call, Callee: id}
		if id == 0 {
			op.Error = "wamp.error.canceled"
		}
		t.add(op)
	}
}

func replicaOf(id int64) string { return string(rune('a' + id%3)) }

func TestRotationFinds(t *testing.T) {
	tests := []struct {
		name     string
		play     func(*tape)
		passed   int64
		repeated int64
		excused  int64
	}{
		{name: "nothing in a rotation", play: func(h *tape) {
			h.registers(1, 2, 3)
			h.calls(1, 2, 3, 1, 2, 3, 1)
		}},
		{name: "nothing in a rotation that begins somewhere", play: func(h *tape) {
			h.registers(1, 2, 3)
			h.calls(2, 3, 1, 2, 3)
		}},
		{name: "nothing when callees come and go", play: func(h *tape) {
			h.registers(1, 2, 3)
			h.calls(1, 2)
			h.registers(4)
			h.calls(3, 4, 1)
			h.ends(2)
			h.calls(3)
			h.ends(3, 4)
			h.calls(1, 1)
			h.registers(5)
			h.calls(5, 1, 5)
		}},
		{name: "a callee that is passed over", passed: 1, play: func(h *tape) {
			h.registers(1, 2, 3)
			h.calls(1, 2, 3, 1, 3, 1, 2, 3)
		}},
		{name: "a callee that is never called", passed: 2, play: func(h *tape) {
			h.registers(1, 2, 3)
			h.calls(1, 3, 1, 3, 1)
		}},
		{name: "a callee that is repeated", passed: 1, repeated: 1, play: func(h *tape) {
			h.registers(1, 2)
			h.calls(1, 2, 2, 1, 2)
		}},
		{name: "callees that change places", passed: 3, play: func(h *tape) {
			h.registers(1, 2, 3)
			h.calls(1, 2, 3)
			h.calls(2, 1, 3, 1) // 1, 3 and 2 are passed over; the order is back with 3, 1
		}},
		{name: "a newcomer in a place that is not the last", passed: 4, play: func(h *tape) {
			h.registers(1, 2)
			h.calls(1, 2)
			h.registers(3)
			h.calls(1, 3, 2, 1) // each of them passes one over
		}},
		{name: "a rotation that starts anew when the list changes", passed: 3, play: func(h *tape) {
			h.registers(1, 2, 3)
			h.calls(1, 2, 3, 1)
			h.registers(4)
			h.calls(1, 2, 3, 4, 1) // 2 was next
		}, repeated: 1},
		{name: "nothing when one call failed and one turn is missing", excused: 1, play: func(h *tape) {
			h.registers(1, 2, 3)
			h.calls(1, 2, 3, 1, 0, 3, 1, 2, 3)
		}},
		{name: "nothing when a call failed and used no turn", play: func(h *tape) {
			h.registers(1, 2, 3)
			h.calls(1, 2, 3, 0, 1, 0, 2, 3)
		}},
		{name: "one turn too many for one failed call", passed: 1, excused: 1, play: func(h *tape) {
			h.registers(1, 2, 3)
			h.calls(1, 2, 3, 1, 0, 1, 2, 3)
		}},
		{name: "nothing when the callee was leaving", play: func(h *tape) {
			h.registers(1, 2, 3)
			h.calls(1, 2, 3)
			h.add(history.Op{Kind: history.Unregister, Callee: 2}).End = 1000
			h.calls(1, 3, 1, 3, 1)
		}},
		{name: "a callee that was passed over before it left", passed: 1, play: func(h *tape) {
			h.registers(1, 2, 3)
			h.calls(1, 2, 3, 1, 3, 1)
			h.ends(2)
			h.calls(3, 1)
		}},
		{name: "nothing when its session was lost long before that was known", play: func(h *tape) {
			h.registers(1, 2, 3)
			h.calls(1, 2, 3)
			lost := h.now
			h.calls(1, 3, 1, 3)
			op := h.add(history.Op{Kind: history.Unregister, Callee: 2})
			op.Start, op.End = lost, history.Never
		}},
		{name: "nothing when the replica was in trouble", excused: 2, play: func(h *tape) {
			h.registers(1, 2, 3)
			h.calls(1, 2, 3)
			from := h.now
			h.calls(1, 3, 1, 3)
			h.ops = append(h.ops, history.Op{Kind: history.Trouble, Replica: replicaOf(2), Start: from, End: h.now})
			h.calls(1, 2, 3)
		}},
		{name: "a callee whose replica is well while another is in trouble", passed: 1, play: func(h *tape) {
			h.registers(1, 2, 3)
			h.calls(1, 2, 3, 1, 3)
			h.ops = append(h.ops, history.Op{Kind: history.Trouble, Replica: replicaOf(3), Start: 0, End: h.now})
			h.calls(1, 2, 3)
		}},
		{name: "nothing before REGISTERED was read", play: func(h *tape) {
			h.registers(1, 2)
			h.calls(1, 2)
			h.add(history.Op{Kind: history.Register, Callee: 3}).End = h.now + 13
			h.calls(1, 2, 3, 1, 2, 1, 2, 3, 1) // seen once, and then not, before it was read
		}},
		{name: "nothing where it is not known who registered first", play: func(h *tape) {
			h.registers(1, 2, 3)
			for i := range h.ops {
				h.ops[i].Start, h.ops[i].End = 1, h.now
			}
			h.calls(3, 1, 2, 3, 1, 2)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var h tape
			test.play(&h)
			got := RotationOf(h.ops)
			if got.PassedOver != test.passed || got.Repeated != test.repeated || got.Excused != test.excused {
				t.Errorf("passed over %d, repeated %d, excused %d; want %d, %d, %d\n%v", got.PassedOver, got.Repeated, got.Excused, test.passed, test.repeated, test.excused, got.First)
			}
		})
	}
}

func TestFaultSaysWhatHappened(t *testing.T) {
	var h tape
	h.registers(1, 2, 3)
	h.calls(1, 2, 3, 1, 3, 2)
	got := RotationOf(h.ops).First
	if len(got) == 0 || !strings.Contains(got[0].String(), "call 5, answered at 0.000000 s by registration 3: registration 2 was passed over") {
		t.Errorf("%v", got)
	}
}

// rotation is a dealer that is right, unless it is told to err.
type rotation struct {
	callees []int64
	next    int
}

func (r *rotation) turn() int64 {
	if r.next >= len(r.callees) {
		r.next = 0
	}
	r.next++
	return r.callees[r.next-1]
}

func (r *rotation) leave(i int) int64 {
	id := r.callees[i]
	r.callees = slices.Delete(r.callees, i, i+1)
	if i < r.next {
		r.next--
	}
	return id
}

// A dealer that is right is never found to err, and one that errs once is found out, whatever else
// happens.
func TestRotationOfRandomRuns(t *testing.T) {
	for seed := range uint64(400) {
		random := rand.New(rand.NewPCG(seed, 1))
		var r rotation
		var h tape
		var id int64
		errs, failed := 0, seed%4 == 1
		wrongAt := -1
		if seed%2 == 1 && !failed {
			wrongAt = 500 + random.IntN(500)
		}
		for i := range 2000 {
			switch n := random.IntN(100); {
			case len(r.callees) < 3 || n < 2 && len(r.callees) < 12:
				id++
				h.registers(id)
				r.callees = append(r.callees, id)
			case n < 4:
				h.ends(r.leave(random.IntN(len(r.callees))))
			case n < 8 && failed:
				if random.IntN(2) == 0 {
					r.turn()
				}
				h.calls(0)
			default:
				if i >= wrongAt && wrongAt > 0 && errs == 0 {
					r.turn() // nobody is called
					errs++
				}
				h.calls(r.turn())
			}
		}
		for range 3 * len(r.callees) {
			h.calls(r.turn())
		}
		if got := RotationOf(h.ops); got.PassedOver != int64(errs) {
			t.Fatalf("seed %d: %d callees were passed over, found %+v", seed, errs, got)
		}
	}
}

// Ten million calls have to be judged while they are made.
func TestRotationIsFast(t *testing.T) {
	const calls, callees = 2_000_000, 1000
	var r Rotation
	for id := range int64(callees) {
		r.Add(history.Op{Kind: history.Register, Callee: id + 1, Start: 2 * id, End: 2*id + 1})
	}
	begun := time.Now()
	for i := range int64(calls) {
		at := 10*callees + 2*i
		r.Add(history.Op{Kind: history.Call, Callee: i%callees + 1, Start: at, End: at + 1})
	}
	r.Finish()
	if f := r.Faults(); f.PassedOver != 0 || f.Answered != calls {
		t.Errorf("%+v", f)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("%d calls took %v", calls, took)
	} else {
		t.Logf("%v a call", took/calls)
	}
}
