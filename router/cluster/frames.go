package cluster

import (
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// receive handles a frame of the links for calls. It never blocks: what cannot be delivered
// goes back to the caller's replica. The frame is valid only during the call.
func (x *calls) receive(from *member, f *frame) {
	switch f.kind {
	case frameCall:
		x.onCall(from, f)
	case frameDeal:
		x.onDeal(from, f)
	case frameTurn:
		x.onTurn(f)
	case frameRouted:
		x.onRouted(from, f)
	case frameRefused:
		x.onRefused(f)
	case frameLost:
		if m := x.table.member(f.origin); m != nil {
			x.cancel(m, func(c *openCall) bool { return c.at == m && c.via == from })
		}
	case frameAnswer:
		x.onAnswer(f)
	}
}

func (f *frame) routing(caller Caller) *routing {
	return &routing{procedure: wamp.ID(f.procedure), caller: caller, details: f.details, payload: f.Payload}
}

// refuse sends a call back to the caller's replica, whole, so that this one need not keep it.
func (f *frame) refuse(to *member, why refusal) {
	back := *f
	back.kind, back.reason = frameRefused, why
	to.send(&back)
}

func (x *calls) onCall(from *member, f *frame) {
	if why := x.deliver(f, &remoteCaller{to: from, call: f.call}); why != 0 {
		f.refuse(from, why)
	}
}

// deliver gives a call to the callee with this stamp, if it is still connected here.
func (x *calls) deliver(f *frame, caller Caller) refusal {
	p, ok := x.table.byID.get(wamp.ID(f.procedure))
	if !ok {
		return refusedGone
	}
	e := p.load().find(f.stamp)
	if e == nil {
		return refusedGone
	}
	switch e.callee.Deliver(x.delivery(p, f.routing(nil), caller)) {
	case nil:
		return 0
	case ErrBusy:
		return refusedBusy
	}
	return refusedGone
}

func (x *calls) onDeal(from *member, f *frame) {
	p, ok := x.table.byID.get(wamp.ID(f.procedure))
	if !ok {
		// Only the acting owner can say that there is none.
		why := refusedNone
		if x.table.slots[slotOf(wamp.ID(f.procedure))].active.Load() == 0 {
			why = refusedNotOwner
		}
		f.refuse(from, why)
		return
	}
	r := f.routing(nil)
	if f.stamp != 0 {
		r.skip.gone = append(r.skip.gone, f.stamp)
	}
	if why, _ := x.deal(p, from, f.call, r); why != 0 {
		f.refuse(from, why)
	}
}

// onTurn delivers a turn of a rotation, unless its owner was replaced: the fence.
func (x *calls) onTurn(f *frame) {
	origin := x.table.member(f.origin)
	switch origin {
	case nil: // the caller's replica is gone and its caller with it
	case x.self:
		c, ok := x.open.take(f.call)
		if !ok {
			return // answered: the links to the owner broke
		}
		if why := x.deliverTurn(f, c.caller); why != 0 {
			f.reason = why
			x.again(f, &c)
		}
	default:
		if why := x.deliverTurn(f, &remoteCaller{to: origin, call: f.call}); why != 0 {
			f.refuse(origin, why)
		}
	}
}

func (x *calls) deliverTurn(f *frame, caller Caller) refusal {
	p, ok := x.table.byID.get(wamp.ID(f.procedure))
	if !ok {
		return refusedGone
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if f.epoch < p.slot.promised.Load() {
		return refusedStale
	}
	if why := x.deliver(f, caller); why != 0 {
		return why
	}
	if t := (turn{Epoch: f.epoch, Seq: f.seq, Stamp: f.stamp}); t.after(p.delivered) {
		p.delivered = t
	}
	return 0
}

// onRouted notes where a call is that the owner passed on.
func (x *calls) onRouted(owner *member, f *frame) {
	c, ok := x.open.get(f.call)
	if !ok {
		return
	}
	to := x.table.member(f.origin)
	if to == x.self {
		return
	}
	if to != nil {
		c.at, c.via = to, owner
		x.open.replace(f.call, c)
	}
	// If its links broke after the call began, the answer may have been lost with them
	// before this note came: nobody else will tell the caller.
	if to == nil || to != owner && (!to.up.Load() || f.call <= to.lostBefore.Load()) {
		if c, ok := x.open.take(f.call); ok {
			answerError(c.caller, wamp.ErrCanceled, "the call was lost: the replica of its callee cannot be reached")
		}
	}
}

func (x *calls) onRefused(f *frame) {
	if c, ok := x.open.take(f.call); ok {
		x.again(f, &c)
	}
}

// again chooses again for a call that was not delivered.
func (x *calls) again(f *frame, c *openCall) {
	r := f.routing(c.caller)
	r.since = c.since
	switch f.reason {
	case refusedNone:
		x.noProcedure(r)
		return
	case refusedGone:
		r.skip.gone = append(r.skip.gone, f.stamp)
		if x.route(r) == nil {
			return
		}
	}
	x.later(r.own())
}

func (x *calls) onAnswer(f *frame) {
	var c openCall
	var ok bool
	if f.progress {
		c, ok = x.open.get(f.call)
	} else {
		c, ok = x.open.take(f.call)
	}
	if ok {
		c.caller.Answer(&Answer{Progress: f.progress, Error: f.text, Details: f.details, Payload: f.Payload})
	}
}

// remoteCaller is a caller on another replica.
type remoteCaller struct {
	to   *member
	call uint64
}

func (c *remoteCaller) Answer(a *Answer) {
	c.to.send(&frame{
		kind: frameAnswer, call: c.call, progress: a.Progress, text: a.Error, details: a.Details, Payload: a.Payload,
	})
}
