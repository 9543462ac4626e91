package load

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
	"github.com/wamp-operator/wamp-operator/test/chaos/client"
	"github.com/wamp-operator/wamp-operator/test/chaos/history"
	"github.com/wamp-operator/wamp-operator/test/chaos/judge"
)

const (
	// bound is how long a call may be unanswered while its caller is connected.
	bound = 30 * time.Second
	// afterError is how long a lane waits after an error, as a client does that does not want
	// to make things worse.
	afterError = 5 * time.Millisecond
)

// lane is one procedure, its only caller, and the judge of its rotation.
type lane struct {
	w          *World
	id         int
	uri        string
	caller     *caller
	idempotent bool
	pace       time.Duration // from one call to the next

	// idle: no call is in flight, and none will be until the caller has a session.
	idle atomic.Bool

	mu       sync.Mutex
	judge    judge.Rotation
	finished bool
	known    known
	latest   [96]history.Op // of which the judge was told, a ring
	told     int
	evidence []history.Op // that led to the first fault
	number   uint64       // of the call in flight, or of the last one
	start    int64        // of that call
	open     bool         // it has not ended
	late     bool         // it has not ended within the bound
	args     []byte
	timer    *time.Timer

	deliveries sync.Mutex
	delivered  window
}

// LaneURI is the procedure of a lane.
func LaneURI(i int) string { return fmt.Sprintf("chaos.lane.n%d", i) }

func (l *lane) add(op history.Op) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.finished {
		l.tell(op)
	}
}

// tell tells the judge, and keeps what led to the first fault.
func (l *lane) tell(op history.Op) {
	l.judge.Add(op)
	l.known.add(op)
	l.latest[l.told%len(l.latest)] = op
	l.told++
	if l.evidence == nil && l.judge.Faults().PassedOver > 0 {
		for i := max(0, l.told-len(l.latest)); i < l.told; i++ {
			l.evidence = append(l.evidence, l.latest[i%len(l.latest)])
		}
	}
}

func (l *lane) finish() judge.Faults {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.finished {
		l.finished = true
		l.judge.Finish()
	}
	return l.judge.Faults()
}

// next makes the next call, or the open one again. Only one goroutine calls it at a time: that which
// ended the call before, or took idle away.
func (l *lane) next() {
	for !l.caller.stopped.Load() {
		s := l.caller.session.Load()
		if s != nil && s.Call(l.uri, l.prepare(), l) {
			return
		}
		// Whoever takes idle away calls: the session that comes next, or this, when it has come.
		l.idle.Store(true)
		if l.caller.session.Load() == s || !l.idle.CompareAndSwap(true, false) {
			return
		}
	}
}

func (l *lane) prepare() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.open {
		l.open = true
		l.number++
		l.start = l.w.now()
	}
	l.args = client.AppendNumbers(l.args[:0], uint64(l.id), l.number)
	return l.args
}

// Answered implements client.Receiver.
func (l *lane) Answered(a *client.Answer) {
	if (errors.Is(a.Lost, client.ErrDismissed) || a.Lost != nil && l.idempotent) && !l.caller.stopped.Load() {
		l.w.Tally.resent.Add(1)
		l.next()
		return
	}
	l.end(a)
	switch {
	case a.Error != "":
		l.after(max(l.pace, afterError))
	case l.pace > 0 && a.Lost == nil:
		l.after(l.pace)
	default:
		l.next()
	}
}

// end keeps the books of a call that has ended.
func (l *lane) end(a *client.Answer) {
	t := &l.w.Tally
	l.mu.Lock()
	defer l.mu.Unlock()
	op := history.Op{Kind: history.Call, Start: l.start, End: l.w.now(), Error: a.Error}
	l.open = false
	if l.late { // counted already
		l.late = false
		return
	}
	switch {
	case a.Lost != nil:
		op.End = history.Never
		t.lost.Add(1)
	case a.Error != "":
		failed := op
		failed.Procedure, failed.Replica = l.uri, l.caller.replica()
		t.fail(failed)
		if a.Error == wamp.ErrNoSuchProcedure && l.known.certain(op.Start) {
			t.deny(failed)
		}
	default:
		n, _ := client.Number(a.Arguments, 0)
		op.Callee = int64(n)
		t.results.Add(1)
	}
	t.calls.Add(1)
	if a.Lost == nil {
		t.waited(op.End-op.Start, l.w.wasTroubled(l.caller.replica(), op.Start))
	}
	l.tell(op)
}

func (l *lane) after(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer == nil {
		l.timer = time.AfterFunc(d, l.next)
		return
	}
	l.timer.Reset(d)
}

// check gives a call up that has been open for too long.
func (l *lane) check(now int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open && !l.late && now-l.start > int64(bound) {
		l.late = true
		l.w.Tally.late.Add(1)
		l.w.Tally.calls.Add(1)
		l.tell(history.Op{Kind: history.Call, Start: l.start, End: history.Never})
	}
}

// isOpen tells whether a call is in flight that has not been given up.
func (l *lane) isOpen() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open && !l.late
}

// deliver notes that a callee got a call.
func (l *lane) deliver(number uint64) {
	l.deliveries.Lock()
	fresh := l.delivered.see(number)
	l.deliveries.Unlock()
	switch {
	case fresh:
	case l.idempotent: // the first delivery used a turn, too, and the judge sees no answer of it
		l.w.Tally.redelivered.Add(1)
		l.add(history.Op{Kind: history.Call, Start: l.w.now(), End: history.Never})
	default:
		l.w.Tally.twice.Add(1)
	}
}
