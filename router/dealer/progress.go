package dealer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// progress passes a progressive YIELD on (WAMP advanced profile, "Progressive Call Results"). One
// that nobody asked for is ignored: the final one is still to come. A caller that does not take
// what it gets slows its callee down.
func (p *Peer) progress(id wamp.ID) {
	p.mu.Lock()
	inv := p.invocations.Get(id)
	if inv == nil || !inv.progress {
		p.mu.Unlock()
		return
	}
	if inv.kept != nil {
		inv.kept.reroute = false // a part of the result is with the caller
	}
	caller := inv.caller
	p.mu.Unlock()
	caller.Answer(&p.answer)
	if caller.Room() != nil {
		p.session.Via().Flush()
	}
	if c, ok := caller.(*call); ok {
		c.peer.patience.Wait(p.session.Context(), c.peer.session, callerRoom)
	} else if room := caller.Room(); room != nil {
		ctx, cancel := context.WithTimeout(p.session.Context(), callerRoom)
		_ = room.WaitRoom(ctx)
		cancel()
	}
}

// progress sends a progressive result; called with more.mu held.
func (c *call) progress(a *cluster.Answer) {
	if !c.Open() || !c.more.progress {
		return
	}
	c.forgetSpare() // a part of the result is with the caller
	if c.more.timer != nil {
		c.more.timer.Reset(c.more.gap)
	}
	details := progressDetails(c.peer.session, a.Details)
	err := c.send(a.Via, wamp.Message{Type: wamp.Result, Request: c.request, Dict: details}, a.Payload)
	if err == nil || !errors.Is(err, errPassthru) && !isUnfit(err) || !c.end() {
		return
	}
	c.more.stop()
	c.peer.failures.Add(1)
	c.unsayable(err)
	// Not from here: the answer came from the callee, or through the cluster.
	go c.interrupt(c.peer.dealer.realm, &cluster.Interruption{Caller: c, Mode: cluster.KillNoWait, Reason: wamp.ErrCanceled})
}

// inProgress is {progress: true} in each serialization.
var inProgress = func() (dicts [wamp.CBOR + 1]wamp.Dict) {
	for _, f := range wamp.Formats {
		dicts[f] = wamp.MustDict(f, map[string]any{"progress": true})
	}
	return dicts
}()

// progressDetails are the RESULT.Details of a progressive result.
func progressDetails(s *session.Session, details wamp.Dict) wamp.Dict {
	if !hasEntries(details) {
		return inProgress[s.Format()]
	}
	w := wamp.StartDict(s.Format(), nil)
	w.Bool("progress", true)
	for key, value := range details.All() {
		w.Value(key, value)
	}
	return w.Dict()
}

// placePause is how long a piece waits before it looks again where its call has got to.
const placePause = 5 * time.Millisecond

// more handles a further CALL of a progressive call (WAMP advanced profile, "Progressive Call
// Invocations"): it goes where the first one went. When the call is over, it is dropped.
func (p *Peer) more(m *wamp.Message) {
	found := p.calls.Get(m.Request)
	if found == nil || !(*found).Open() {
		return
	}
	c := *found
	if c.killed.Load() {
		return // its callee was told to stop
	}
	p.call = cluster.Call{Via: p.session.Via(), URI: m.URI, Caller: c, Payload: m.Payload}
	if on, _ := m.Dict.Bool("progress"); on {
		p.call.Flags = cluster.Progress
	}
	if waiter := c.forward(&p.call); waiter != nil {
		p.wait(c, waiter, c.forward)
	}
}

// forward takes a piece to the callee, or says what to wait for.
func (c *call) forward(piece *cluster.Call) cluster.Waiter {
	if p := c.at.Load(); p != nil {
		found, err := p.proceed(&cluster.Delivery{Caller: c, Payload: piece.Payload, Flags: piece.Flags})
		switch {
		case errors.Is(err, cluster.ErrBusy):
			return p
		case found:
			return nil
		}
	}
	if number := c.number.Load(); number != 0 {
		return c.peer.dealer.realm.Continue(number, piece)
	}
	if c.Open() {
		return pause{} // it is on its way
	}
	return nil
}

type pause struct{}

// WaitRoom implements cluster.Waiter.
func (pause) WaitRoom(ctx context.Context) error {
	look := time.NewTimer(placePause)
	defer look.Stop()
	select {
	case <-look.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Continue implements cluster.Callee.
func (p *Peer) Continue(d *cluster.Delivery) error {
	_, err := p.proceed(d)
	return err
}

// proceed writes a further INVOCATION of a progressive call, or queues it behind the first one;
// found is false when the call is not here.
func (p *Peer) proceed(d *cluster.Delivery) (found bool, err error) {
	if !p.session.Open() {
		return true, nil // the call ends with the session
	}
	if p.session.Full() {
		return true, cluster.ErrBusy
	}
	payload, err := d.Payload.In(p.session.Format())
	p.mu.Lock()
	if reg, at := p.queued(d.Caller); reg != nil {
		if err != nil { // the callee would not get all of it
			w := p.unqueue(d.Caller)
			p.mu.Unlock()
			p.unfit(w.delivery.Caller, fmt.Errorf("a further piece: %w", err))
			return true, nil
		}
		defer p.mu.Unlock()
		w := reg.queue[at]
		if len(w.pieces) >= maxPieces || reg.queuedBytes+payload.Size() > maxQueuedBytes {
			return true, cluster.ErrBusy
		}
		w.pieces = append(w.pieces, piece{payload.Clone(), d.Flags})
		p.count(reg, 0, payload.Size())
		return true, nil
	}
	id, inv := p.find(d.Caller)
	if inv == nil || inv.kept == nil {
		p.mu.Unlock()
		return inv != nil, nil // one that was interrupted gets no more
	}
	caller := inv.caller
	if err == nil {
		err = p.invokeMore(id, inv, payload, d.Flags)
	}
	var failed []unsent
	if err != nil && isUnfit(err) { // the callee will not get the rest
		p.sendInterrupt(id, "killnowait", wamp.ErrCanceled)
		_, failed = p.take(id)
	}
	p.mu.Unlock()
	p.unfitAll(failed)
	if err != nil && isUnfit(err) {
		p.unfit(caller, fmt.Errorf("a further piece: %w", err))
	}
	return true, nil
}

// invokeMore writes a piece under the id of its invocation; called with mu held. The details are
// those of the first piece: only progress is of this one.
func (p *Peer) invokeMore(id wamp.ID, inv *invocation, payload wamp.Payload, flags cluster.CallFlags) error {
	if inv == nil || inv.kept == nil {
		return nil
	}
	d := inv.kept.delivery
	d.Flags = d.Flags&^cluster.Progress | flags&cluster.Progress
	return send(p.session, nil, wamp.Message{
		Type: wamp.Invocation, Request: id, ID: d.Registration, Dict: p.invocationDetails(&d, inv.kept.registration), Payload: payload,
	})
}
