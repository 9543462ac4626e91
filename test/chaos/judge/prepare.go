package judge

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/anishathalye/porcupine"

	"github.com/wamp-operator/wamp-operator/test/chaos/history"
)

// registration is what is known of one before its history is judged.
type registration struct {
	replica    string
	start, end int64 // of the Register
	leaving    int64 // Start of the Unregister; history.Never: it stays
	place      uint8
	unknown    bool // nobody knows what became of the Register
}

// prepare makes a history of one procedure into operations of the model.
func prepare(ops []history.Op, trouble map[string][]span) ([]porcupine.Operation, error) {
	known, err := registrations(ops)
	if err != nil {
		return nil, err
	}
	var all []porcupine.Operation
	add := func(op history.Op, in request, out answer) {
		in.kind, in.number, in.client, in.replica = op.Kind, op.Callee, op.Client, op.Replica
		end := op.End
		if out.outcome == unknown {
			end = history.Never
		}
		all = append(all, porcupine.Operation{Input: in, Output: out, Call: op.Start, Return: end})
	}
	for _, op := range ops {
		switch op.Kind {
		case history.Register:
			r := known[op.Callee]
			in := request{policy: op.Policy, callee: r.place}
			for _, other := range known {
				if other != r && (other.unknown || shaken(trouble[other.replica], op)) {
					in.excuse |= 1 << other.place
				}
			}
			out := registered(op)
			add(op, in, out)
			if out.outcome == unknown && r.leaving == history.Never {
				// What was refused for some reason, or never answered, may be there for a while.
				gone := op
				gone.Kind = history.Unregister
				add(gone, request{callee: r.place}, answer{})
			}
		case history.Unregister:
			r := known[op.Callee]
			if r == nil {
				return nil, fmt.Errorf("registration %d ends at %d and was never begun", op.Callee, op.Start)
			}
			out := answer{outcome: done}
			if op.Error != "" || op.End == history.Never {
				out.outcome = unknown
			}
			add(op, request{callee: r.place}, out)
		case history.Call:
			in := request{}
			for _, r := range known {
				if r.unknown || r.end > op.Start || r.leaving < op.End || shaken(trouble[r.replica], op) {
					in.excuse |= 1 << r.place
				}
			}
			out := answer{}
			switch {
			case op.End == history.Never:
			case op.Error == errNoSuch:
				out.outcome = noSuch
			case op.Error == "" && op.Callee != 0:
				r := known[op.Callee]
				if r == nil {
					return nil, fmt.Errorf("the call that began at %d was answered by registration %d, which was never begun", op.Start, op.Callee)
				}
				out = answer{outcome: done, callee: r.place, number: op.Callee}
			}
			add(op, in, out)
		}
	}
	spread(all)
	return all, nil
}

// spread gives operations that overlap different clients, so that a drawing shows each of them:
// what is not answered has no end.
func spread(all []porcupine.Operation) {
	slices.SortStableFunc(all, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	var busy []int64
	for i := range all {
		row := slices.IndexFunc(busy, func(until int64) bool { return until < all[i].Call })
		if row < 0 {
			row = len(busy)
			busy = append(busy, 0)
		}
		all[i].ClientId, busy[row] = row, all[i].Return
	}
}

// registrations numbers the registrations of a history.
func registrations(ops []history.Op) (map[int64]*registration, error) {
	known := map[int64]*registration{}
	for _, op := range ops {
		if op.Kind != history.Register {
			continue
		}
		if len(known) == 64 {
			return nil, fmt.Errorf("it has more than 64 registrations: use more procedures, each for a shorter time")
		}
		known[op.Callee] = &registration{
			replica: op.Replica, start: op.Start, end: op.End, leaving: history.Never,
			place: uint8(len(known)), unknown: registered(op).outcome == unknown,
		}
	}
	for _, op := range ops {
		if r := known[op.Callee]; r != nil && op.Kind == history.Unregister {
			r.leaving = min(r.leaving, op.Start)
		}
	}
	return known, nil
}

// registered is what became of a Register.
func registered(op history.Op) answer {
	switch {
	case op.End == history.Never:
		return answer{}
	case op.Error == "":
		return answer{outcome: done}
	case op.Error == errExists:
		return answer{outcome: exists}
	case op.Error == errMismatch:
		return answer{outcome: mismatch}
	default:
		return answer{}
	}
}

// shaken says that a replica was in trouble at some time during an operation.
func shaken(spans []span, op history.Op) bool {
	return slices.ContainsFunc(spans, func(s span) bool { return s.start <= op.End && op.Start <= s.end })
}
