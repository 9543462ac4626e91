package dealer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/internal/ring"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/transport"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// calleeProgress is what a callee has to announce to be asked for progressive results. The WAMP text
// wants call canceling of it as well, so that it can be told when nobody wants them any more; clients
// in wide use stream without it, and theirs is the loss when their streams run to the end.
const calleeProgress = session.CalleeProgressiveResults

// Deliver implements cluster.Callee: it writes an INVOCATION. A call that this callee can never
// take, because of its size, its content or what it asks for, is answered here with an ERROR.
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
	c := local(d.Caller)
	if c != nil {
		c.at.Store(p)
		if !c.wanted() {
			p.mu.Unlock()
			d.Caller.Answer(failure(wamp.ErrCanceled, "the call was canceled before the callee got it"))
			return nil
		}
	}
	err = p.deliver(d, payload)
	if err != nil && c != nil {
		c.leave(p)
	}
	p.mu.Unlock()
	switch {
	case err == nil, errors.Is(err, cluster.ErrGone), errors.Is(err, cluster.ErrBusy), errors.Is(err, cluster.ErrLimit):
		return err
	case isUnfit(err):
		p.unfit(d.Caller, err)
		return nil
	}
	return cluster.ErrGone // the connection is closed, or was dropped for taking nothing
}

// deliver is Deliver with mu held.
func (p *Peer) deliver(d *cluster.Delivery, payload wamp.Payload) error {
	reg := p.registrations[d.Registration]
	if p.gone || p.quiet || reg == nil {
		return cluster.ErrGone
	}
	if d.Flags&cluster.Progress != 0 || hasEntries(d.Details) {
		if err := p.supports(d); err != nil {
			return err
		}
	}
	switch {
	case reg.busy() && d.Flags&cluster.Queue == 0:
		return cluster.ErrLimit
	case reg.busy() || !reg.confirmed:
		return p.enqueue(reg, d, payload)
	}
	return p.invoke(reg, d, payload)
}

// invoke writes the INVOCATION under the lock, so that ids are on the wire in their order and a
// YIELD finds its call.
func (p *Peer) invoke(reg *registration, d *cluster.Delivery, payload wamp.Payload) error {
	id := p.last%wamp.MaxID + 1
	if err := send(p.session, d.Via, wamp.Message{
		Type: wamp.Invocation, Request: id, ID: d.Registration, Dict: p.invocationDetails(d, reg), Payload: payload,
	}); err != nil {
		return err
	}
	p.last = id
	inv := invocation{caller: d.Caller, registration: reg}
	reg.open++
	if d.Flags&cluster.ReceiveProgress != 0 {
		inv.progress = p.session.Has(calleeProgress)
	}
	if d.Flags&cluster.Progress != 0 || p.session.Has(session.CalleeReroute) {
		inv.kept = keep(reg, d, payload, p.session)
	}
	p.invocations.Put(id, inv)
	if c := local(d.Caller); c != nil {
		c.invocation.Store(uint64(id))
	}
	return nil
}

// unsupported is why a callee cannot take a call that asks for more than a call.
type unsupported string

func (u unsupported) Error() string { return string(u) }

// supports tells whether the callee announced what the call needs (WAMP advanced profile,
// "Progressive Call Invocations", "Payload Passthru Mode").
func (p *Peer) supports(d *cluster.Delivery) error {
	if d.Flags&cluster.Progress != 0 && !p.session.Has(session.CalleeProgressiveInvocations) {
		return unsupported("the callee did not announce progressive_call_invocations: send the call in one piece")
	}
	if !p.session.Has(calleePPT) && isPassthru(d.Details) {
		return unsupported("the callee did not announce payload_passthru_mode")
	}
	return nil
}

func isUnfit(err error) bool {
	var u unsupported
	return errors.Is(err, transport.ErrTooLarge) || errors.Is(err, wamp.ErrUnrepresentable) || errors.As(err, &u)
}

// unfit answers a call that could not be put to this callee.
func (p *Peer) unfit(caller cluster.Caller, err error) {
	var u unsupported
	answer := failure(wamp.ErrCanceled, "the callee was gone before it got the call")
	switch {
	case errors.Is(err, transport.ErrTooLarge):
		answer = failure(wamp.ErrPayloadSizeExceeded, "the call is larger than the messages that the callee takes")
	case errors.Is(err, wamp.ErrUnrepresentable):
		answer = failure(wamp.ErrInvalidArgument, fmt.Sprintf(
			"the callee speaks %s, in which the arguments cannot be said: %v", p.session.Format(), err))
	case errors.As(err, &u):
		answer = failure(wamp.ErrFeatureNotSupported, u.Error())
	}
	caller.Answer(answer)
}

// unsent is a call that had to wait and then could not be written.
type unsent struct {
	call *waiting
	err  error
}

// unfitAll answers without the lock: the answers go to other sessions. What could not be written
// because the connection is closed is handed back.
func (p *Peer) unfitAll(calls []unsent) {
	for _, u := range calls {
		if isUnfit(u.err) {
			p.unfit(u.call.delivery.Caller, u.err)
		} else {
			p.handBack([]*waiting{u.call})
		}
	}
}

// WaitRoom implements cluster.Callee.
func (p *Peer) WaitRoom(ctx context.Context) error {
	if err := p.waitQueue(ctx); err != nil {
		return err
	}
	return p.session.WaitRoom(ctx)
}

// Quiesce takes no further invocation and no further REGISTER: the session is about to be told
// to leave. What is open, and what waits here, goes on.
func (p *Peer) Quiesce() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.quiet = true
}

// take ends an invocation, and writes what waited for that; called with mu held.
func (p *Peer) take(id wamp.ID) (inv invocation, failed []unsent) {
	inv, ok := p.invocations.Take(id)
	if ok {
		inv.registration.open--
		if len(inv.registration.queue) > 0 {
			failed = p.dispatch(inv.registration)
		}
	}
	return inv, failed
}

// Yield handles YIELD. One that answers nothing is ignored: it may have crossed the end of its
// call (WAMP basic profile, "YIELD").
func (p *Peer) Yield(m *wamp.Message) {
	p.answer = cluster.Answer{Via: p.session.Via(), Payload: m.Payload}
	if hasEntries(m.Dict) && !p.yieldOptions(m.Dict) {
		return
	}
	if p.answer.Progress {
		p.progress(m.Request)
		return
	}
	p.mu.Lock()
	inv, failed := p.take(m.Request)
	p.mu.Unlock()
	p.unfitAll(failed)
	if inv.caller != nil {
		inv.caller.Answer(&p.answer)
		inv.kept.release()
	}
}

// yieldOptions reads YIELD.Options into p.answer; false when the session was aborted.
func (p *Peer) yieldOptions(options wamp.Dict) bool {
	passthru := false
	for key, value := range options.All() {
		switch key {
		case "progress":
			p.answer.Progress, _ = value.Bool()
		case "ppt_scheme":
			passthru = isScheme(value)
		}
	}
	if !passthru {
		return true
	}
	if !p.session.Has(calleePPT) {
		p.session.Abort("YIELD with ppt_scheme: " + unannouncedPPT("callee"))
		return false
	}
	w := wamp.StartDict(p.session.Format(), p.dict[:0])
	copyPassthru(&w, options)
	p.answer.Details = w.Dict()
	p.dict = p.answer.Details.Raw
	return true
}

// Error handles ERROR of an INVOCATION.
func (p *Peer) Error(m *wamp.Message) {
	if hasEntries(m.Dict) && !p.session.Has(calleePPT) && isPassthru(m.Dict) {
		p.session.Abort("ERROR with ppt_scheme: " + unannouncedPPT("callee"))
		return
	}
	p.mu.Lock()
	inv, failed := p.take(m.Request)
	back := m.URI == wamp.ErrUnavailable && inv.kept != nil && inv.kept.reroute && inv.caller.Open()
	if back {
		p.handOver(&inv.kept.delivery)
	}
	p.mu.Unlock()
	p.unfitAll(failed)
	switch {
	case inv.caller == nil:
	case back:
		p.reroute(&inv.kept.delivery)
	default:
		p.answer = cluster.Answer{Via: p.session.Via(), Error: m.URI, Details: m.Dict, Payload: m.Payload}
		if err := wamp.ValidURI(m.URI, false); err != nil {
			p.answer = *failure(wamp.ErrInvalidURI, "the callee failed with an error URI that is none: "+err.Error())
		}
		inv.caller.Answer(&p.answer)
	}
}

// Leave ends the session: calls that it has not answered are answered for it, those that it has
// not got are handed back, and its own calls are interrupted. The cluster was told before that
// the session's registrations are gone.
func (p *Peer) Leave() {
	p.mu.Lock()
	lost, back := p.abandon()
	p.gone, p.registrations = true, nil
	p.mu.Unlock()
	p.answerLost(lost, back)
	p.leaveCalls()
}

// Dismissed answers for a session that was told to leave what it has not answered, and hands back
// what it has not got: its answers are not read any more. From any goroutine; Leave follows.
func (p *Peer) Dismissed() {
	p.mu.Lock()
	p.quiet = true
	lost, back := p.abandon()
	p.mu.Unlock()
	p.answerLost(lost, back)
}

// abandon empties what the callee has to do; called with mu held.
func (p *Peer) abandon() (lost []cluster.Caller, back []*waiting) {
	for _, inv := range p.invocations.All() {
		lost = append(lost, inv.caller)
	}
	for _, reg := range p.registrations {
		back = append(back, p.drop(reg)...)
	}
	p.invocations = ring.Ring[wamp.ID, invocation]{}
	return lost, back
}

func (p *Peer) answerLost(lost []cluster.Caller, back []*waiting) {
	for _, caller := range lost {
		answer := failure(wamp.ErrCanceled, "the session of the callee ended before it answered")
		answer.Lost = true
		caller.Answer(answer)
	}
	p.handBack(back)
}

// Pending calls f with the caller of each call that was delivered and is not answered.
func (p *Peer) Pending(f func(cluster.Caller)) {
	p.mu.Lock()
	var open []cluster.Caller
	for _, inv := range p.invocations.All() {
		if inv.caller.Open() {
			open = append(open, inv.caller)
		}
	}
	for _, reg := range p.registrations {
		for _, w := range reg.queue {
			open = append(open, w.delivery.Caller)
		}
	}
	p.mu.Unlock()
	for _, caller := range open {
		f(caller)
	}
}

// heldPause is how long a call waits at most before it looks again whether it can be queued.
const heldPause = 100 * time.Millisecond
