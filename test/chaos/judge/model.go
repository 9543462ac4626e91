package judge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"

	"github.com/wamp-operator/wamp-operator/test/chaos/history"
)

// Errors that tell something certain about the list.
const (
	errExists   = "wamp.error.procedure_already_exists"
	errMismatch = "wamp.error.procedure_exists_with_different_invocation_policy"
	errNoSuch   = "wamp.error.no_such_procedure"
)

// request is the input of an operation in the model. Registrations are known by their place in the
// history, so that sets of them are bits.
type request struct {
	kind    history.Kind
	policy  string
	callee  uint8 // of Register and Unregister
	number  int64 // what clients call it
	client  int
	replica string
	excuse  uint64 // registrations that may be taken for absent
}

// answer is its output.
type answer struct {
	outcome outcome
	callee  uint8 // of a Call that was answered
	number  int64
}

type outcome uint8

const (
	unknown  outcome = iota // it happened or not
	done                    // granted, ended, answered
	exists                  // refused: single
	mismatch                // refused: another policy
	noSuch
)

// state is the dealer of one procedure. It is a value that == compares.
type state struct {
	list   string // registrations in the order of the list, a byte each
	policy string
	next   int // place in the list of the callee whose turn it is; len(list): the first, or who comes next
}

var model = porcupine.NondeterministicModel{
	Init: func() []any { return []any{state{}} },
	Step: func(s, in, out any) []any { return s.(state).step(in.(request), out.(answer)) },
	DescribeOperation: func(in, out any) string {
		return in.(request).describe(out.(answer))
	},
	DescribeState: func(s any) string { return s.(state).String() },
}

// step gives the states that a dealer may be in after it answered a request like that; none when it
// cannot have given that answer.
func (s state) step(in request, out answer) []any {
	switch in.kind {
	case history.Register:
		return s.register(in, out)
	case history.Unregister:
		return []any{s.without(in.callee)}
	default:
		return s.call(in, out)
	}
}

func (s state) register(in request, out answer) []any {
	certain := false // somebody is on the list for certain
	for _, c := range []byte(s.list) {
		certain = certain || !in.excused(c)
	}
	grantable := !certain || in.policy == s.policy && in.policy != "single"
	granted := state{list: s.list + string([]byte{in.callee}), policy: in.policy, next: s.next}
	switch out.outcome {
	case done:
		if !grantable {
			return nil
		}
		return []any{granted}
	case exists:
		if s.list == "" || s.policy != "single" {
			return nil
		}
	case mismatch:
		if s.list == "" || s.policy == in.policy {
			return nil
		}
	case unknown:
		if grantable {
			return []any{s, granted}
		}
	}
	return []any{s}
}

func (s state) without(callee uint8) state {
	i := strings.IndexByte(s.list, callee)
	if i < 0 {
		return s
	}
	s.list = s.list[:i] + s.list[i+1:]
	if i < s.next {
		s.next--
	}
	if s.list == "" {
		s.policy, s.next = "", 0
	}
	return s
}

func (s state) call(in request, out answer) []any {
	switch out.outcome {
	case noSuch:
		for _, c := range []byte(s.list) {
			if !in.excused(c) {
				return nil
			}
		}
		return []any{s}
	case unknown:
		after := []any{s}
		if s.policy == "roundrobin" {
			for i := range len(s.list) {
				if s.reaches(in, i) {
					after = append(after, s.called(i))
				}
			}
		}
		return after
	}
	i := strings.IndexByte(s.list, out.callee)
	if i < 0 {
		return nil
	}
	passed := s.list[:i]
	switch s.policy {
	case "random":
		return []any{s}
	case "last":
		passed = s.list[i+1:]
	case "roundrobin":
		if !s.reaches(in, i) {
			return nil
		}
		return []any{s.called(i)}
	}
	for _, c := range []byte(passed) {
		if !in.excused(c) {
			return nil
		}
	}
	return []any{s}
}

// called is the state after the callee in a place of the list had its turn.
func (s state) called(i int) state {
	s.next = i + 1
	return s
}

// reaches says that the rotation comes to a place of the list without passing over anybody who was
// certainly there.
func (s state) reaches(in request, i int) bool {
	for place := s.next; ; place++ {
		if place >= len(s.list) {
			place = 0
		}
		if place == i {
			return true
		}
		if !in.excused(s.list[place]) {
			return false
		}
	}
}

func (r request) excused(callee uint8) bool { return r.excuse&(1<<callee) != 0 }

func (s state) String() string {
	names := make([]string, 0, len(s.list))
	for i, c := range []byte(s.list) {
		name := fmt.Sprint("#", c)
		if i == s.next && s.policy == "roundrobin" {
			name = "next " + name
		}
		names = append(names, name)
	}
	return strings.TrimSpace(s.policy + " [" + strings.Join(names, " ") + "]")
}

func (r request) describe(a answer) string {
	text := fmt.Sprintf("client %d at %s: ", r.client, r.replica)
	switch r.kind {
	case history.Register:
		text += fmt.Sprintf("register #%d (%d) %s", r.callee, r.number, r.policy)
	case history.Unregister:
		text += fmt.Sprintf("end of #%d (%d)", r.callee, r.number)
	default:
		text += "call"
	}
	switch a.outcome {
	case unknown:
		text += " -> ?"
	case exists:
		text += " -> already exists"
	case mismatch:
		text += " -> other policy"
	case noSuch:
		text += " -> no such procedure"
	case done:
		if r.kind == history.Call {
			text += fmt.Sprintf(" -> #%d (%d)", a.callee, a.number)
		}
	}
	if r.excuse != 0 {
		var excused []string
		for c := range uint8(64) {
			if r.excused(c) {
				excused = append(excused, fmt.Sprint("#", c))
			}
		}
		text += " without " + strings.Join(slices.Compact(excused), " ")
	}
	return text
}
