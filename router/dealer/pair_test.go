package dealer

import (
	"errors"
	"testing"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// pair is a caller and a callee at a cluster that delivers every call to the callee.
type pair struct {
	caller, callee *joined
	realm          *realm
}

func newPair(t testing.TB, options map[string]any) *pair {
	t.Helper()
	p := &pair{realm: &realm{}}
	p.realm.reroute = func(d *cluster.Delivery) { d.Caller.Answer(failure(wamp.ErrNoAvailableCallee, "none left")) }
	p.realm.back = p.realm.reroute
	p.realm.register = func(_ cluster.Registration, f func(wamp.ID, error)) { f(id, nil) }
	p.realm.call = func(c *cluster.Call) cluster.Waiter {
		d := &cluster.Delivery{Registration: id, Caller: c.Caller, Details: c.Details, Payload: c.Payload, Flags: c.Flags, Timeout: c.Timeout}
		err := p.callee.Deliver(d)
		if errors.Is(err, cluster.ErrLimit) {
			d.Flags |= cluster.Queue
			err = p.callee.Deliver(d)
		}
		if err != nil {
			return p.callee
		}
		return nil
	}
	p.caller, p.callee = join(t, p.realm), join(t, p.realm)
	p.callee.Register(&wamp.Message{Type: wamp.Register, Request: 1, URI: uri, Dict: wamp.MustDict(wamp.MessagePack, options)})
	p.callee.conn.Sent()
	return p
}

func (p *pair) call(request wamp.ID, options map[string]any, args ...any) {
	p.caller.Call(&wamp.Message{
		Type: wamp.Call, Request: request, URI: uri, Dict: wamp.MustDict(wamp.MessagePack, options),
		Payload: wamp.MustPayload(wamp.MessagePack, args, nil),
	})
}

func (p *pair) cancel(request wamp.ID, mode string) {
	p.caller.Cancel(&wamp.Message{Type: wamp.Cancel, Request: request, Dict: wamp.MustDict(wamp.MessagePack, map[string]any{"mode": mode})})
}

func (p *pair) yield(request wamp.ID) {
	p.callee.Yield(&wamp.Message{Type: wamp.Yield, Request: request})
}

// expect compares what was sent, without the order of different connections.
func (p *pair) expect(t *testing.T, toCaller, toCallee string) {
	t.Helper()
	if got := types(p.caller.conn.Sent()); got != toCaller {
		t.Errorf("the caller was sent %q, want %q", got, toCaller)
	}
	if got := types(p.callee.conn.Sent()); got != toCallee {
		t.Errorf("the callee was sent %q, want %q", got, toCallee)
	}
}
