package dealer

import (
	"sync"
	"testing"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// However cancellation and delivery meet: the caller gets one answer, and a callee that got the
// call learns that it is over.
func TestCancelMeetsDelivery(t *testing.T) {
	p := newPair(t, nil)
	deliver := p.realm.call
	var delivered sync.WaitGroup
	p.realm.call = func(c *cluster.Call) cluster.Waiter {
		own := *c
		delivered.Go(func() { deliver(&own) }) // as when the cluster has to try again
		return nil
	}
	for request := wamp.ID(1); request <= 2000; request++ {
		mode := []string{"killnowait", "kill"}[request%2]
		p.call(request, nil)
		p.cancel(request, mode)
		delivered.Wait()
		invocations, interrupts := 0, 0
		for _, m := range p.callee.conn.Sent() {
			switch m.Type {
			case wamp.Invocation:
				invocations++
			case wamp.Interrupt:
				interrupts++
				p.callee.Error(&wamp.Message{Type: wamp.Error, Of: wamp.Invocation, Request: m.Request, URI: wamp.ErrCanceled})
			}
		}
		if invocations != interrupts {
			t.Fatalf("%s: %d invocations, %d interrupts", mode, invocations, interrupts)
		}
		if sent := p.caller.conn.Sent(); len(sent) != 1 || sent[0].URI != wamp.ErrCanceled {
			t.Fatalf("%s: the caller was sent %q", mode, types(sent))
		}
	}
	if calls, _ := p.caller.Open(); calls != 0 {
		t.Errorf("%d calls are open", calls)
	}
	if _, open := p.callee.Open(); open != 0 {
		t.Errorf("%d invocations are open", open)
	}
}

// A call that is on another replica is interrupted there, under its newest number.
func TestCancelElsewhere(t *testing.T) {
	var canceled []uint64
	r := &realm{
		call: func(c *cluster.Call) cluster.Waiter {
			c.Caller.Sent(6)
			c.Caller.Sent(7)
			return nil
		},
		cancel: func(call uint64, i *cluster.Interruption) {
			canceled = append(canceled, call)
			if i.Mode == cluster.Kill {
				i.Caller.Answer(&cluster.Answer{})
			}
		},
	}
	caller := join(t, r)
	for i, mode := range []string{"kill", "killnowait", "skip"} {
		request := wamp.ID(i + 1)
		caller.Call(&wamp.Message{Type: wamp.Call, Request: request, URI: uri})
		caller.Cancel(&wamp.Message{Type: wamp.Cancel, Request: request, Dict: wamp.MustDict(wamp.MessagePack, map[string]any{"mode": mode})})
	}
	if sent := caller.conn.Sent(); types(sent) != "RESULT ERROR ERROR" || len(canceled) != 3 || canceled[0] != 7 {
		t.Errorf("sent %s, canceled %v", types(sent), canceled)
	}
	caller.Call(&wamp.Message{Type: wamp.Call, Request: 4, URI: uri})
	caller.Leave()
	if len(canceled) != 4 || len(caller.conn.Sent()) != 0 {
		t.Errorf("when the caller left, %d calls were canceled", len(canceled)-3)
	}
}

// A call that is sent again after its caller canceled it with kill was not taken by anybody: it
// ends instead of running where nobody interrupts it.
func TestKilledCallIsNotSentAgain(t *testing.T) {
	var sent cluster.Caller
	caller := join(t, &realm{
		call: func(c *cluster.Call) cluster.Waiter {
			sent = c.Caller
			sent.Sent(1)
			return nil
		},
		cancel: func(uint64, *cluster.Interruption) {}, // it met the call on its way back
	})
	caller.Call(&wamp.Message{Type: wamp.Call, Request: 1, URI: uri})
	caller.Cancel(&wamp.Message{Type: wamp.Cancel, Request: 1, Dict: wamp.MustDict(wamp.MessagePack, map[string]any{"mode": "kill"})})
	if !sent.Open() {
		t.Error("with kill the callee has the last word")
	}
	sent.Sent(2)
	if got := caller.conn.Sent(); sent.Open() || types(got) != "ERROR" || got[0].URI != wamp.ErrCanceled {
		t.Errorf("open %v, sent %s", sent.Open(), types(got))
	}
}

// A client that repeats its kill does not make the router interrupt the callee again and again.
func TestKillIsToldOnce(t *testing.T) {
	p := newPair(t, nil)
	p.call(1, nil)
	for range 3 {
		p.cancel(1, "kill")
	}
	p.expect(t, "", "INVOCATION INTERRUPT")
	p.yield(1)
	p.expect(t, "RESULT", "")
}
