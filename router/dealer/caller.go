package dealer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/internal/backlog"
	"github.com/wamp-operator/wamp-operator/router/internal/ring"
	"github.com/wamp-operator/wamp-operator/router/transport"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

const (
	// calleeRoom is how long a call, or a further piece of one, holds the connection of its
	// caller while no callee has room. The cluster gives a call as long to find one.
	calleeRoom = 10 * time.Second
	// callerRoom is how long the next call of a client that does not take its results waits.
	callerRoom = time.Second
)

// Call handles CALL.
func (p *Peer) Call(m *wamp.Message) {
	s := p.session
	if s.Full() {
		s.Via().Flush()
	}
	p.patience.Wait(s.Context(), s, callerRoom)
	if s.Continues() {
		p.more(m)
		return
	}
	if err := wamp.ValidURI(m.URI, false); err != nil {
		p.refuseCall(m.Request, wamp.ErrInvalidURI, err.Error())
		return
	}
	may := s.Actions(m.URI)
	if may&auth.Call == 0 {
		p.failures.Add(1)
		s.NotAuthorized(wamp.Call, m.Request, auth.Call, m.URI)
		return
	}
	if isMeta(m.URI) {
		p.callMeta(m)
		return
	}
	if p.dealer.limits.CallsInFlight > 0 && !p.admit() {
		p.tooManyCalls(m.Request)
		return
	}
	c := &call{peer: p, request: m.Request}
	p.call = cluster.Call{Via: s.Via(), URI: m.URI, Caller: c, Payload: m.Payload, Describe: describe}
	p.discloseAsDeclared(may)
	if hasEntries(m.Dict) && !p.callOptions(m, may) {
		return
	}
	declared := p.boundTime()
	if progress := p.call.Flags&cluster.ReceiveProgress != 0; progress || p.call.Timeout > 0 {
		c.more = &callMore{gap: millis(p.call.Timeout), progress: progress, declared: declared}
	}
	if p.calls.Long() && p.callsOpen.Load() == 0 {
		p.calls = ring.Ring[wamp.ID, *call]{Forget: over} // after a burst
	}
	p.callsOpen.Add(1)
	p.calls.Put(c.request, c)
	if c.more != nil {
		c.startTimer()
	}
	if waiter := p.dealer.realm.Call(&p.call); waiter != nil {
		p.wait(c, waiter, p.dealer.realm.Call)
	}
}

// wait holds the connection of the caller until a callee has room: that is the pressure back to
// where the calls come from. Again tries once more.
func (p *Peer) wait(c *call, waiter cluster.Waiter, again func(*cluster.Call) cluster.Waiter) {
	ctx, cancel := context.WithTimeout(p.session.Context(), calleeRoom)
	defer cancel()
	if c.more != nil {
		c.more.abandon(cancel)
	}
	for waiter != nil && c.Open() {
		p.session.Via().Flush()
		_ = waiter.WaitRoom(ctx)
		if !c.Open() {
			return
		}
		if ctx.Err() != nil {
			c.Answer(failure(wamp.ErrUnavailable, fmt.Sprintf("no callee of %s had room for the call within %v", p.call.URI, calleeRoom)))
			return
		}
		waiter = again(&p.call)
	}
}

func (p *Peer) refuseCall(request wamp.ID, uri, text string) {
	p.failures.Add(1)
	p.session.Refuse(wamp.Call, request, uri, text)
}

// call is where the answer to one CALL goes.
type call struct {
	place
	peer    *Peer
	request wamp.ID
	more    *callMore
}

func over(c *call) bool { return c.over.Load() }

// Room implements cluster.Caller.
func (c *call) Room() cluster.Waiter {
	if c.peer.session.Full() {
		return c.peer
	}
	return nil
}

// end makes the call not open; false when it was not.
func (c *call) end() bool {
	if c.over.Swap(true) {
		return false
	}
	c.forgetSpare()
	c.peer.callEnded()
	return true
}

// Answer implements cluster.Caller.
func (c *call) Answer(a *cluster.Answer) {
	if a.Lost && c.again(c.peer.dealer, a) {
		return
	}
	if c.more != nil {
		c.more.mu.Lock()
		defer c.more.mu.Unlock()
		if a.Progress {
			c.progress(a)
			return
		}
		c.more.stop()
	}
	if !a.Progress && c.end() {
		c.finish(a)
	}
}

// finish sends RESULT or ERROR.
func (c *call) finish(a *cluster.Answer) {
	p := c.peer
	m := wamp.Message{Type: wamp.Result, Request: c.request, Dict: a.Details}
	if a.Error != "" {
		m.Type, m.Of, m.URI = wamp.Error, wamp.Call, a.Error
	}
	switch err := c.send(a.Via, m, a.Payload); {
	case err != nil:
		c.unsayable(err)
	case a.Error == "":
		p.results.Add(1)
		return
	}
	p.failures.Add(1)
}

// send sends an answer to the client.
func (c *call) send(via *backlog.Via, m wamp.Message, payload wamp.Payload) (err error) {
	s := c.peer.session
	if hasEntries(m.Dict) && !s.Has(callerPPT) && isPassthru(m.Dict) {
		if m.Type == wamp.Result {
			return errPassthru
		}
		m.Dict, payload = wamp.Dict{}, wamp.Payload{} // the URI says what failed, the rest is for others
	}
	if m.Payload, err = payload.In(s.Format()); err != nil {
		return err
	}
	return send(s, via, m)
}

// unsayable tells the client why it does not get its answer.
func (c *call) unsayable(err error) {
	s := c.peer.session
	switch {
	case errors.Is(err, errPassthru):
		s.Refuse(wamp.Call, c.request, wamp.ErrFeatureNotSupported,
			"the callee answers in payload passthru mode, which this client did not announce as caller")
	case errors.Is(err, wamp.ErrUnrepresentable):
		s.Refuse(wamp.Call, c.request, wamp.ErrInvalidArgument,
			fmt.Sprintf("the answer cannot be said in %s: %v", s.Format(), err))
	case errors.Is(err, transport.ErrTooLarge):
		s.Refuse(wamp.Call, c.request, wamp.ErrPayloadSizeExceeded,
			"the answer is larger than the messages that this client takes")
	}
}

// leaveCalls interrupts the calls of a session that ends.
func (p *Peer) leaveCalls() {
	i := cluster.Interruption{Mode: cluster.KillNoWait, Reason: wamp.ErrCanceled}
	for _, c := range p.calls.All() {
		if c.finishSilently() {
			p.failures.Add(1)
			i.Caller = c
			c.interrupt(p.dealer.realm, &i)
		}
	}
	p.calls = ring.Ring[wamp.ID, *call]{}
}

// finishSilently ends a call whose caller has left.
func (c *call) finishSilently() bool {
	if c.more != nil {
		c.more.mu.Lock()
		defer c.more.mu.Unlock()
		c.more.stop()
	}
	return c.end()
}
