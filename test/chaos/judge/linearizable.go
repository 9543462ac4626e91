package judge

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/wamp-operator/wamp-operator/test/chaos/history"
)

// Options say how histories are judged by Linearizable.
type Options struct {
	// Timeout is for each procedure; 0 is 10 s. A procedure that takes longer counts as Undecided.
	Timeout time.Duration
	// Sides gives the side of each replica during a split, when both sides serve: each side is
	// judged by itself, and procedures of such a history must neither be older than the split nor
	// outlive it. Without it, the whole cluster is judged as one, which is right without a
	// split, and with one in Majority mode.
	Sides map[string]string
	// Dir is where drawings of what is wrong are written, as HTML; empty: nowhere.
	Dir string
}

// Verdict is what Linearizable found.
type Verdict struct {
	Procedures, Operations int
	Undecided              []string // procedures for which Timeout was too short
	Wrong                  []Wrong
}

// Wrong is a procedure whose history no dealer could have.
type Wrong struct {
	Procedure string
	// Stuck is the first operation that fits nowhere in the longest order that was found.
	Stuck string
	// Drawing is the file that shows it, when Options.Dir was given.
	Drawing string
}

func (w Wrong) String() string {
	text := fmt.Sprintf("%s is not linearizable: %s", w.Procedure, w.Stuck)
	if w.Drawing != "" {
		text += ", see " + w.Drawing
	}
	return text
}

// Linearizable decides for each procedure whether there is an order of what happened to it that one
// dealer in one process could have gone through, in which each operation takes effect at one moment
// between its Start and its End.
//
// That dealer has a list of registrations in the order in which they were granted, one policy for
// all of them, and a place in the rotation. Register is granted, or refused because of a `single` or
// of another policy; Call is answered by the registration that the policy chooses: first, last and
// single exactly one, roundrobin the next after the one that was called last, random any of the
// list; or by ERROR no_such_procedure when the list is empty.
//
// The promises are for what was confirmed before. So a call may pass over a registration whose
// REGISTERED had not been read when it was sent, or whose end began before it was answered, or whose
// replica was in trouble (history.Trouble) meanwhile; a registration may be granted beside one whose
// replica was in trouble. An operation that was not answered, or that ended in another error
// than those, happened at some time after its Start or not at all, and a roundrobin call like that
// may have used the turn of any callee.
//
// Time and memory grow fast with the length of a history and with what is in flight at once: give
// each procedure some dozens of operations, and take many procedures. A procedure may have 64
// registrations.
func Linearizable(ops []history.Op, o Options) (Verdict, error) {
	o.Timeout = cmp.Or(o.Timeout, 10*time.Second)
	var v Verdict
	trouble := troubles(ops)
	for _, part := range partition(ops, o.Sides) {
		operations, err := prepare(part.ops, trouble)
		if err != nil {
			return v, fmt.Errorf("%s: %w", part.name, err)
		}
		v.Procedures++
		v.Operations += len(operations)
		m := model.ToModel()
		result, info := porcupine.CheckOperationsVerbose(m, operations, o.Timeout)
		switch result {
		case porcupine.Unknown:
			v.Undecided = append(v.Undecided, part.name)
		case porcupine.Illegal:
			w := Wrong{Procedure: part.name, Stuck: stuck(operations, info)}
			if o.Dir != "" {
				w.Drawing = filepath.Join(o.Dir, fileName(part.name)+".html")
				if err := porcupine.VisualizePath(m, info, w.Drawing); err != nil {
					return v, fmt.Errorf("drawing %s: %w", part.name, err)
				}
			}
			v.Wrong = append(v.Wrong, w)
		}
	}
	return v, nil
}

// part is the history of one procedure, on one side.
type part struct {
	name string
	ops  []history.Op
}

func partition(ops []history.Op, sides map[string]string) []part {
	index := map[string]int{}
	var parts []part
	for _, op := range ops {
		if op.Kind == history.Trouble {
			continue
		}
		name := op.Procedure
		if op.Realm != "" {
			name += " of " + op.Realm
		}
		if side := sides[op.Replica]; side != "" {
			name += " on side " + side
		}
		i, ok := index[name]
		if !ok {
			i = len(parts)
			index[name] = i
			parts = append(parts, part{name: name})
		}
		parts[i].ops = append(parts[i].ops, op)
	}
	return parts
}

func troubles(ops []history.Op) map[string][]span {
	all := map[string][]span{}
	for _, op := range ops {
		if op.Kind == history.Trouble {
			all[op.Replica] = append(all[op.Replica], span{op.Start, op.End})
		}
	}
	return all
}

// stuck describes the operation that keeps the longest order found from being longer: of those not
// in it, the one that ended first.
func stuck(operations []porcupine.Operation, info porcupine.LinearizationInfo) string {
	var longest []int
	for _, orders := range info.PartialLinearizations() {
		for _, order := range orders {
			if len(order) > len(longest) {
				longest = order
			}
		}
	}
	var first *porcupine.Operation
	for i := range operations {
		if !slices.Contains(longest, i) && (first == nil || operations[i].Return < first.Return) {
			first = &operations[i]
		}
	}
	if first == nil {
		return "no order was found"
	}
	return fmt.Sprintf("%q, which began at %.6f s and ended at %.6f s, fits nowhere",
		first.Input.(request).describe(first.Output.(answer)), float64(first.Call)/1e9, float64(first.Return)/1e9)
}

func fileName(procedure string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '_'
	}, procedure)
}
