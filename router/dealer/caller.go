package dealer

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/transport"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

const (
	// calleeRoom is how long a call waits while no callee has room. It is longer than a
	// connection is allowed to take nothing (transport.Config.WriteTimeout), so the callee
	// is dropped first and the call gets its answer from that.
	calleeRoom = 30 * time.Second
	// callerRoom is how long the next call of a client that does not take its results waits.
	callerRoom = time.Second
)

// Call handles CALL.
func (p *Peer) Call(m *wamp.Message) {
	s := p.session
	p.patience.Wait(s.Context(), s, callerRoom)
	if err := wamp.ValidURI(m.URI, false); err != nil {
		p.failures.Add(1)
		s.Refuse(wamp.Call, m.Request, wamp.ErrInvalidURI, err.Error())
		return
	}
	if !s.Allowed(auth.Call, m.URI) {
		p.failures.Add(1)
		s.NotAuthorized(wamp.Call, m.Request, auth.Call, m.URI)
		return
	}
	p.callsOpen.Add(1)
	p.call = cluster.Call{URI: m.URI, Caller: &caller{peer: p, request: m.Request}, Payload: m.Payload}
	if waiter := p.dealer.realm.Call(&p.call); waiter != nil {
		p.wait(waiter)
	}
}

// wait holds the connection of the caller until a callee has room: that is the pressure back to
// where the calls come from.
func (p *Peer) wait(waiter cluster.Waiter) {
	ctx, cancel := context.WithTimeout(p.session.Context(), calleeRoom)
	defer cancel()
	for waiter != nil {
		_ = waiter.WaitRoom(ctx)
		if ctx.Err() != nil {
			p.call.Caller.Answer(&cluster.Answer{Error: wamp.ErrUnavailable,
				Payload: sentence(fmt.Sprintf("no callee of %s had room for the call within %v", p.call.URI, calleeRoom))})
			return
		}
		waiter = p.dealer.realm.Call(&p.call)
	}
}

// caller is where the answer to one CALL goes.
type caller struct {
	peer     *Peer
	request  wamp.ID
	answered atomic.Bool
}

// Open implements cluster.Caller.
func (c *caller) Open() bool { return !c.answered.Load() }

// Sent implements cluster.Caller.
func (c *caller) Sent(uint64) {}

// Room implements cluster.Caller.
func (c *caller) Room() cluster.Waiter {
	if c.peer.session.Full() {
		return c.peer.session
	}
	return nil
}

// Answer implements cluster.Caller.
func (c *caller) Answer(a *cluster.Answer) {
	if c.answered.Swap(true) {
		return
	}
	p := c.peer
	p.callsOpen.Add(-1)
	m := wamp.Message{Type: wamp.Result, Request: c.request, Dict: a.Details}
	if a.Error != "" {
		m.Type, m.Of, m.URI = wamp.Error, wamp.Call, a.Error
	}
	var err error
	if m.Payload, err = a.Payload.In(p.session.Format()); err == nil {
		err = send(p.session, m)
	}
	switch {
	case err == nil && a.Error == "":
		p.results.Add(1)
		return
	case errors.Is(err, wamp.ErrUnrepresentable):
		p.session.Refuse(wamp.Call, c.request, wamp.ErrInvalidArgument,
			fmt.Sprintf("the answer cannot be said in %s: %v", p.session.Format(), err))
	case errors.Is(err, transport.ErrTooLarge):
		p.session.Refuse(wamp.Call, c.request, wamp.ErrPayloadSizeExceeded,
			"the answer is larger than the messages that this client takes")
	}
	p.failures.Add(1)
}
