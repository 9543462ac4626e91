package load

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wamp-operator/wamp-operator/test/chaos/history"
	"github.com/wamp-operator/wamp-operator/test/chaos/judge"
)

// Tally counts how calls ended.
type Tally struct {
	calls, results, lost, resent, late, twice, redelivered atomic.Int64
	longest, longestCut                                    atomic.Int64

	mu     sync.Mutex
	errors map[string]int64
	failed []history.Op // the first of each error
	denied []history.Op
}

// Report is what became of the calls of lanes.
type Report struct {
	// Calls ended in Results, in Errors by their URI, in Unanswered, or were Lost with the
	// caller's connection, where no answer can come.
	Calls, Results, Lost, Unanswered int64
	Errors                           map[string]int64
	// Resent is how many were sent again by the caller, under their number: those that met a
	// GOODBYE, and those of idempotent procedures that were lost with the connection.
	Resent int64
	// Twice is how many calls were delivered more than once although their procedure is not idempotent,
	// and Redelivered how many although it is.
	Twice, Redelivered int64
	// Rotation is what the judges of all lanes say.
	Rotation judge.Faults
	// Longest is how long a call waited for its answer at most; LongestCut the same for callers whose
	// replica was itself in trouble.
	Longest, LongestCut time.Duration
}

// Failed is how many calls ended in an error.
func (r *Report) Failed() (n int64) {
	for _, count := range r.Errors {
		n += count
	}
	return n
}

// maxFailures is how many calls of each error are kept.
const maxFailures = 50

func (t *Tally) fail(op history.Op) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.errors == nil {
		t.errors = map[string]int64{}
	}
	t.errors[op.Error]++
	if t.errors[op.Error] <= maxFailures {
		t.failed = append(t.failed, op)
	}
}

func (t *Tally) deny(op history.Op) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.denied = append(t.denied, op)
}

// Denied are the calls that were answered with no_such_procedure although a callee was there and could
// be reached all the time.
func (w *World) Denied() []history.Op {
	w.Tally.mu.Lock()
	defer w.Tally.mu.Unlock()
	return slices.Clone(w.Tally.denied)
}

// Failures are the first calls that ended in each error.
func (w *World) Failures() []history.Op {
	w.Tally.mu.Lock()
	defer w.Tally.mu.Unlock()
	return slices.Clone(w.Tally.failed)
}

func (t *Tally) waited(ns int64, cut bool) {
	longest := &t.longest
	if cut {
		longest = &t.longestCut
	}
	for {
		known := longest.Load()
		if ns <= known || longest.CompareAndSwap(known, ns) {
			return
		}
	}
}

// Report is called when no call is in flight any more. It ends the judgement of the lanes.
func (w *World) Report() Report {
	t := &w.Tally
	t.mu.Lock()
	r := Report{
		Calls: t.calls.Load(), Results: t.results.Load(), Lost: t.lost.Load(), Unanswered: t.late.Load(),
		Resent: t.resent.Load(), Twice: t.twice.Load(), Redelivered: t.redelivered.Load(), Errors: maps.Clone(t.errors),
		Longest: time.Duration(t.longest.Load()), LongestCut: time.Duration(t.longestCut.Load()),
	}
	t.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.lanes {
		f := l.finish()
		r.Rotation.Calls += f.Calls
		r.Rotation.Answered += f.Answered
		r.Rotation.PassedOver += f.PassedOver
		r.Rotation.Repeated += f.Repeated
		r.Rotation.Excused += f.Excused
		r.Rotation.First = append(r.Rotation.First, f.First...)
	}
	return r
}

// Evidence is what led to the first fault of each lane that has one, by the name of its procedure.
func (w *World) Evidence() map[string][]history.Op {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := map[string][]history.Op{}
	for _, l := range w.lanes {
		l.mu.Lock()
		if l.evidence != nil {
			all[l.uri] = l.evidence
		}
		l.mu.Unlock()
	}
	return all
}

// Calls is how many calls have ended so far.
func (w *World) Calls() int64 { return w.Tally.calls.Load() }
