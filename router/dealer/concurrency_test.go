package dealer

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// What waits for a callee is bounded; beyond that its callers wait.
func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, map[string]any{"concurrency": 1})
		for request := wamp.ID(1); request <= maxQueued+1; request++ {
			p.call(request, nil)
		}
		if n := p.callee.dealer.Counts().Queued; n != maxQueued {
			t.Errorf("%d calls wait", n)
		}
		var yielded sync.WaitGroup
		yielded.Go(func() {
			time.Sleep(3 * time.Second)
			p.yield(1)
		})
		began := time.Now()
		p.call(maxQueued+2, nil)
		yielded.Wait()
		if took := time.Since(began); took < 3*time.Second || took > 3*time.Second+heldPause {
			t.Errorf("the caller was held for %v", took)
		}
		for request := wamp.ID(2); request <= maxQueued+2; request++ {
			p.yield(request)
		}
		if sent := p.caller.conn.Sent(); len(sent) != maxQueued+2 {
			t.Errorf("%d answers", len(sent))
		}
		if n := p.callee.dealer.Counts().Queued; n != 0 {
			t.Errorf("%d calls still wait", n)
		}
	})
}

func TestQueueIsBoundedInBytes(t *testing.T) {
	p := newPair(t, map[string]any{"concurrency": 1})
	big := wamp.MustPayload(wamp.MessagePack, []any{make([]byte, maxQueuedBytes/2)}, nil)
	var caller answers
	var err error
	for i := 0; err == nil && i < 10; i++ {
		err = p.callee.Deliver(&cluster.Delivery{Registration: id, Caller: &caller, Payload: big, Flags: cluster.Queue})
		if i == 2 && !errors.Is(err, cluster.ErrBusy) || i < 2 && err != nil {
			t.Errorf("delivery %d: %v", i, err)
		}
	}
	p.callee.Leave()
}

// What is declared and what the callee asks for: the smaller holds, and a change of what is declared holds
// at once, also for invocations that were open before.
func TestDeclaredConcurrency(t *testing.T) {
	p := newPair(t, map[string]any{"concurrency": 3})
	declare := func(n int) {
		t.Helper()
		declared := map[wamp.ID]int{id: n}
		if n == 0 {
			declared = nil
		}
		if !p.callee.dealer.SetConcurrency(declared) {
			t.Errorf("that %d is declared changes nothing", n)
		}
		if p.callee.dealer.SetConcurrency(declared) {
			t.Errorf("%d is declared again, and changes something", n)
		}
		p.callee.Bound()
	}
	open := func(want string) {
		t.Helper()
		if got := types(p.callee.conn.Sent()); got != want {
			t.Errorf("the callee was sent %q, want %q", got, want)
		}
	}
	for request := wamp.ID(1); request <= 10; request++ {
		p.call(request, nil)
	}
	open("INVOCATION INVOCATION INVOCATION")
	declare(5) // the callee asked for less
	open("")
	declare(1)
	p.yield(1)
	p.yield(2)
	open("")
	p.yield(3)
	open("INVOCATION")
	declare(2)
	open("INVOCATION")
	declare(0)
	open("INVOCATION")
	p.callee.Register(&wamp.Message{Type: wamp.Register, Request: 2, URI: uri})
	open("REGISTERED INVOCATION INVOCATION INVOCATION INVOCATION")
	declare(2)
	p.call(11, nil)
	for request := wamp.ID(4); request <= 8; request++ {
		p.yield(request)
	}
	open("") // two are open that were written without a limit
	p.yield(9)
	open("INVOCATION")
}
