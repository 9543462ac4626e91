package dealer

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// The pieces of a call that waits wait behind it.
func TestPiecesWaitBehindTheirCall(t *testing.T) {
	p := newPair(t, map[string]any{"concurrency": 1})
	p.call(1, nil)
	var waits, other answers
	first := delivery(&waits)
	first.Flags = cluster.Progress | cluster.Queue
	if err := p.callee.Deliver(first); err != nil {
		t.Fatal(err)
	}
	if err := p.callee.Continue(&cluster.Delivery{Caller: &waits, Flags: cluster.Progress}); err != nil {
		t.Fatal(err)
	}
	if err := p.callee.Continue(&cluster.Delivery{Caller: &waits}); err != nil {
		t.Fatal(err)
	}
	if err := p.callee.Continue(&cluster.Delivery{Caller: &other}); err != nil {
		t.Errorf("a piece of a call that is not here: %v", err)
	}
	p.expect(t, "", "INVOCATION")
	p.yield(1)
	sent := p.callee.conn.Sent()
	if types(sent) != "INVOCATION INVOCATION INVOCATION" || sent[0].Request != 2 || sent[2].Request != 2 || sent[2].ID != id {
		t.Fatalf("sent %s", types(sent))
	}
	for i, want := range []any{true, true, nil} {
		if got := wamptest.Details(sent[i])["progress"]; got != want {
			t.Errorf("piece %d has progress %v", i, got)
		}
	}
}

// A caller that does not take its progressive results slows its callee down, but does not stop it.
func TestProgressToACallerThatTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, nil)
		p.call(1, map[string]any{"receive_progress": true})
		p.caller.conn.SetFull(true)
		began := time.Now()
		for range 5 {
			p.callee.Yield(&wamp.Message{Type: wamp.Yield, Request: 1, Dict: wamp.MustDict(wamp.MessagePack, map[string]any{"progress": true})})
		}
		if took := time.Since(began); took != callerRoom {
			t.Errorf("five results took %v, want one wait of %v", took, callerRoom)
		}
		p.yield(1)
		p.expect(t, "RESULT RESULT RESULT RESULT RESULT RESULT", "INVOCATION")
	})
}

// Nothing comes after the final answer of a call, whatever its callee and its time do.
func TestNoProgressAfterTheEnd(t *testing.T) {
	p := newPair(t, nil)
	for request := wamp.ID(1); request <= 200; request++ {
		p.call(request, map[string]any{"receive_progress": true, "timeout": 1})
		for _, m := range p.callee.conn.Sent() {
			if m.Type != wamp.Invocation {
				continue
			}
			for end := time.Now().Add(2 * time.Millisecond); time.Now().Before(end); {
				p.callee.Yield(&wamp.Message{Type: wamp.Yield, Request: m.Request, Dict: wamp.MustDict(wamp.MessagePack, map[string]any{"progress": true})})
			}
			p.yield(m.Request)
		}
		for calls, _ := p.caller.Open(); calls > 0; calls, _ = p.caller.Open() {
			time.Sleep(100 * time.Microsecond) // the call was not delivered in time
		}
		released(&(*p.caller.calls.Get(request)).more.mu) // its answer is sent with it held
		sent := p.caller.conn.Sent()
		for i, m := range sent {
			final := m.Type == wamp.Error || wamptest.Details(m)["progress"] != true
			if final != (i == len(sent)-1) {
				t.Fatalf("call %d: message %d of %d is %v %v", request, i+1, len(sent), m.Type, wamptest.Details(m))
			}
		}
	}
}

// released waits until a lock is free.
func released(l sync.Locker) {
	l.Lock()
	defer l.Unlock()
}

// A client that sends on after it killed its call goes on at once: its pieces are dropped, on the
// callee's replica too when they meet the kill there.
func TestPiecesAfterKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, nil)
		began := time.Now()
		p.call(1, map[string]any{"progress": true})
		p.cancel(1, "kill")
		c := *p.caller.calls.Get(1)
		piece := &cluster.Call{Caller: c, Flags: cluster.Progress}
		if waiter := c.forward(piece); waiter != nil {
			t.Error("a piece waits for the callee of a killed call")
		}
		p.caller.more(&wamp.Message{Type: wamp.Call, Request: 1, URI: uri})
		if took := time.Since(began); took != 0 {
			t.Errorf("held for %v", took)
		}
		p.expect(t, "", "INVOCATION INTERRUPT")
	})
}

// A piece that cannot be put into the serialization of the callee ends its call also while that waits.
func TestUnsayablePieceOfAWaitingCall(t *testing.T) {
	p := newPair(t, map[string]any{"concurrency": 1})
	p.call(1, nil)
	var waits answers
	first := delivery(&waits)
	first.Flags = cluster.Progress | cluster.Queue
	if err := p.callee.Deliver(first); err != nil {
		t.Fatal(err)
	}
	broken := wamp.Payload{Format: wamp.JSON, Args: []byte(`[1`)}
	if err := p.callee.Continue(&cluster.Delivery{Caller: &waits, Payload: broken}); err != nil {
		t.Fatal(err)
	}
	if _, open := p.callee.Open(); open != 1 || len(waits) != 1 {
		t.Errorf("%d invocations are open or wait, want only the first call's", open)
	}
}
