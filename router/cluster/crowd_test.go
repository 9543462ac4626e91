package cluster

import (
	"context"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// fullCallee has no room until it is opened.
type fullCallee struct {
	plainCallee
	tries int
	open  bool
}

func (c *fullCallee) WaitRoom(context.Context) error { return nil }

func (c *fullCallee) Deliver(d *Delivery) error {
	c.tries++
	if !c.open {
		return ErrBusy
	}
	d.Caller.Answer(&Answer{})
	return nil
}

type countedCaller struct {
	plainCaller
	answers, failures *int
}

func (c countedCaller) Answer(a *Answer) {
	*c.answers++
	if a.Error != "" {
		*c.failures++
	}
}

// Calls that a callee on another replica had no room for do not go there again and again, whole:
// one at a time finds out, and when there is room all are answered.
func TestCallsWaitForRoomElsewhere(t *testing.T) {
	const calls = 200
	s := newSimNet(1)
	a, b := s.start("a"), s.start("b")
	s.run(s.now.Add(2 * time.Second))
	callee := &fullCallee{}
	k := listKey{Realm: "realm1", URI: "com.example.full", Session: 1}
	b.step(func(m *machine) { m.register(k, First, 0, callee, func(wamp.ID, error) {}) })
	s.run(s.now.Add(time.Second))
	answers, failures := 0, 0
	for range calls {
		if w := a.realm.Call(&Call{URI: k.URI, Caller: countedCaller{answers: &answers, failures: &failures}}); w != nil {
			t.Fatal("a call waits before anybody was refused")
		}
	}
	s.run(s.now.Add(2 * time.Second))
	if callee.tries < calls || callee.tries > calls+40 {
		t.Errorf("%d calls were tried %d times in two seconds", calls, callee.tries)
	}
	sent := calls
	for range 10 {
		if a.realm.Call(&Call{URI: k.URI, Caller: countedCaller{answers: &answers, failures: &failures}}) == nil {
			sent++
		}
	}
	if sent > calls+1 {
		t.Errorf("%d more calls were sent although the callee has no room; one may find out", sent-calls)
	}
	callee.open = true
	s.run(s.now.Add(2 * time.Second))
	if answers != sent || failures != 0 {
		t.Errorf("%d of %d calls were answered, %d with an error", answers, sent, failures)
	}
}
