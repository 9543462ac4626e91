package dealer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/transport"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Deliver implements cluster.Callee: it writes an INVOCATION. A call that this callee can never
// take, because of its size or its content, is answered here with an ERROR.
func (p *Peer) Deliver(d *cluster.Delivery) error {
	if !p.session.Open() {
		return cluster.ErrGone
	}
	if p.session.Full() {
		return cluster.ErrBusy
	}
	payload, err := d.Payload.In(p.session.Format())
	if err != nil {
		p.unfit(d.Caller, err)
		return nil
	}
	p.mu.Lock()
	reg := p.registrations[d.Registration]
	switch {
	case p.gone || p.quiet || reg == nil:
		err = cluster.ErrGone
	case !reg.confirmed:
		err = p.hold(reg, d, payload)
	default:
		err = p.invoke(d.Registration, d.Caller, d.Details, payload)
	}
	p.mu.Unlock()
	switch {
	case err == nil, errors.Is(err, cluster.ErrGone), errors.Is(err, cluster.ErrBusy):
		return err
	case errors.Is(err, transport.ErrTooLarge), errors.Is(err, wamp.ErrUnrepresentable):
		p.unfit(d.Caller, err)
		return nil
	}
	return cluster.ErrGone // the connection is closed, or was dropped for taking nothing
}

// invoke writes the INVOCATION under the lock, so that ids are on the wire in their order and a
// YIELD finds its call.
func (p *Peer) invoke(registration wamp.ID, caller cluster.Caller, details wamp.Dict, payload wamp.Payload) error {
	id := p.last%wamp.MaxID + 1
	if err := send(p.session, wamp.Message{
		Type: wamp.Invocation, Request: id, ID: registration, Dict: details, Payload: payload,
	}); err != nil {
		return err
	}
	p.last = id
	if p.pending == nil {
		p.pending = make(map[wamp.ID]cluster.Caller)
	}
	p.pending[id] = caller
	return nil
}

// unfit answers a call that could not be put to this callee.
func (p *Peer) unfit(caller cluster.Caller, err error) {
	answer := cluster.Answer{Error: wamp.ErrCanceled, Payload: sentence("the callee was gone before it got the call")}
	switch {
	case errors.Is(err, transport.ErrTooLarge):
		answer.Error = wamp.ErrPayloadSizeExceeded
		answer.Payload = sentence("the call is larger than the messages that the callee takes")
	case errors.Is(err, wamp.ErrUnrepresentable):
		answer.Error = wamp.ErrInvalidArgument
		answer.Payload = sentence(fmt.Sprintf("the callee speaks %s, in which the arguments cannot be said: %v", p.session.Format(), err))
	}
	caller.Answer(&answer)
}

// Continue implements cluster.Callee.
func (p *Peer) Continue(*cluster.Delivery) error { return nil }

// Interrupt implements cluster.Callee.
func (p *Peer) Interrupt(*cluster.Interruption) bool { return false }

// WaitRoom implements cluster.Callee.
func (p *Peer) WaitRoom(ctx context.Context) error {
	p.mu.Lock()
	crowded := p.held >= maxHeld
	p.mu.Unlock()
	if crowded { // until REGISTERED, which takes some milliseconds
		select {
		case <-time.After(heldPause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return p.session.WaitRoom(ctx)
}

// Quiesce takes no further invocation and no further REGISTER: the session is about to be told
// to leave. What is open goes on.
func (p *Peer) Quiesce() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.quiet = true
}

// take gives the caller that an invocation came from; nil when it is not open (any more).
func (p *Peer) take(invocation wamp.ID) cluster.Caller {
	p.mu.Lock()
	defer p.mu.Unlock()
	caller := p.pending[invocation]
	if caller != nil {
		delete(p.pending, invocation)
	}
	return caller
}

// Yield handles YIELD. One that answers nothing is ignored: it may have crossed the end of its
// call (WAMP basic profile, "YIELD"). So is a progressive one: progress is not announced, nobody
// asked for it, and the final one is still to come.
func (p *Peer) Yield(m *wamp.Message) {
	if progress, _ := m.Dict.Bool("progress"); progress {
		return
	}
	if caller := p.take(m.Request); caller != nil {
		p.answer = cluster.Answer{Payload: m.Payload}
		caller.Answer(&p.answer)
	}
}

// Error handles ERROR of an INVOCATION.
func (p *Peer) Error(m *wamp.Message) {
	caller := p.take(m.Request)
	if caller == nil {
		return
	}
	p.answer = cluster.Answer{Error: m.URI, Details: m.Dict, Payload: m.Payload}
	if err := wamp.ValidURI(m.URI, false); err != nil {
		p.answer = cluster.Answer{Error: wamp.ErrInvalidURI, Payload: sentence("the callee failed with an error URI that is none: " + err.Error())}
	}
	caller.Answer(&p.answer)
}

// Leave ends the session: calls that it has not answered are answered for it. The cluster was
// told before that the session's registrations are gone.
func (p *Peer) Leave() {
	p.mu.Lock()
	lost := p.unanswered()
	p.gone = true
	p.pending, p.registrations, p.held = nil, nil, 0
	p.mu.Unlock()
	for _, caller := range lost {
		caller.Answer(&cluster.Answer{Error: wamp.ErrCanceled, Payload: sentence("the session of the callee ended before it answered")})
	}
}

// Pending calls f with the caller of each call that was delivered and is not answered.
func (p *Peer) Pending(f func(cluster.Caller)) {
	p.mu.Lock()
	open := p.unanswered()
	p.mu.Unlock()
	for _, caller := range open {
		f(caller)
	}
}

// unanswered gives the callers whose calls were delivered. Called with mu held.
func (p *Peer) unanswered() []cluster.Caller {
	callers := make([]cluster.Caller, 0, len(p.pending)+p.held)
	for _, caller := range p.pending {
		callers = append(callers, caller)
	}
	for _, reg := range p.registrations {
		for _, h := range reg.held {
			callers = append(callers, h.caller)
		}
	}
	return callers
}
