package dealer

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// A session that calls more than it may is slowed down, a little, and refused only far beyond.
func TestCallsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 10
		r := &realm{call: func(*cluster.Call) cluster.Waiter { return nil }}
		p := join(t, r)
		p.dealer.limits = Limits{CallsInFlight: limit}
		p.ended = make(chan struct{}, 1)
		began := time.Now()
		request := wamp.ID(0)
		call := func() {
			request++
			p.Call(&wamp.Message{Type: wamp.Call, Request: request, URI: uri})
		}
		for range limit {
			call()
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("below the limit: held for %v", took)
		}
		first := (*p.calls.Get(1))
		go func() {
			time.Sleep(callsRoom / 2)
			first.Answer(&cluster.Answer{})
		}()
		if call(); time.Since(began) != callsRoom/2 {
			t.Errorf("held for %v, until a call ended", time.Since(began))
		}
		began = time.Now()
		for range limit * (callsBeyond - 1) {
			call()
		}
		if took := time.Since(began); took != callsRoom {
			t.Errorf("held in vain for %v, want once %v", took, callsRoom)
		}
		if sent := p.conn.Sent(); types(sent) != "RESULT" {
			t.Errorf("sent %s", types(sent))
		}
		if call(); types(p.conn.Sent()) != "ERROR" {
			t.Error("no end to it")
		}
		if n := p.dealer.Counts().RefusedCalls; n != 1 {
			t.Errorf("%d counted as refused", n)
		}
	})
}

func TestRegistrationsAreLimited(t *testing.T) {
	p := join(t, &realm{register: func(r cluster.Registration, f func(wamp.ID, error)) {
		f(cluster.RegistrationID("realm1", r.Match, r.URI), nil)
	}})
	p.dealer.limits = Limits{Registrations: 1}
	for i, uri := range []string{"com.example.a", "com.example.b", "com.example.a"} {
		p.Register(&wamp.Message{Type: wamp.Register, Request: wamp.ID(i + 1), URI: uri})
	}
	if got := types(p.conn.Sent()); got != "REGISTERED ERROR REGISTERED" {
		t.Errorf("sent %s", got)
	}
	if n := p.dealer.Counts().RefusedRegistrations; n != 1 {
		t.Errorf("%d counted as refused", n)
	}
}
