package cluster

import (
	"errors"
	"sync"
	"time"

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
		x.onLost(from, f)
	case frameHeld:
		x.onHeld(from, f)
	case frameHolds:
		x.onHolds(from, f)
	case frameAnswer:
		x.onAnswer(from, f)
	case frameRoom:
		x.onRoom(from, f)
	case frameCancel:
		x.onCancel(from, f)
	case frameMore:
		x.onMore(from, f)
	case frameTaken:
		x.onTaken(from, f)
	}
}

func (x *calls) routing(f *frame, caller Caller) routing {
	return routing{
		via: f.via, procedure: wamp.ID(f.procedure), uri: f.text, pattern: f.text != "", caller: caller, details: f.details,
		payload: f.Payload, flags: f.flags, timeout: f.timeout, skip: skip{random: x.random},
	}
}

// refuse sends a call back to the caller's replica, whole, so that this one need not keep it.
func (x *calls) refuse(to *member, f *frame, why refusal) {
	back := *f
	back.kind, back.reason = frameRefused, why
	x.reply(to, &back)
}

// reply sends what the caller's replica waits for. The links to it may be down for a moment
// although it has not lost the call: an owner passed it on after they broke. Then they are
// waited for.
func (x *calls) reply(to *member, f *frame) {
	if !to.send(f) {
		x.replyLater(to, f.own(), x.clock.Now())
	}
}

func (x *calls) replyLater(to *member, f *frame, since time.Time) {
	x.clock.AfterFunc(routePause, func() {
		if !to.send(f) && x.clock.Now().Sub(since) < routeWait && x.table.member(to.hash) == to {
			x.replyLater(to, f, since)
		}
	})
}

func (x *calls) onCall(from *member, f *frame) {
	if why := x.deliver(f, newRemoteCaller(x, from, f.call, f.flags)); why != 0 {
		x.refuse(from, f, why)
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
	r := x.routing(f, nil)
	r.skip.unpack(f.skips)
	switch err := x.give(e.callee, p, e.stamp, &r, caller); {
	case err == nil:
		x.startProgress(caller, e.callee)
		return 0
	case errors.Is(err, ErrLimit):
		return refusedLimit
	case errors.Is(err, ErrBusy):
		return refusedBusy
	}
	return refusedGone
}

func (x *calls) onDeal(from *member, f *frame) {
	p, ok := x.table.byID.get(wamp.ID(f.procedure))
	if !ok {
		// Only the acting owner can say that there is none.
		why := refusedNone
		if x.acting(&x.table.slots[slotOf(wamp.ID(f.procedure))]) == 0 {
			why = refusedNotOwner
		}
		x.refuse(from, f, why)
		return
	}
	r := x.routing(f, nil)
	r.skip.unpack(f.skips)
	if why, _ := x.deal(p, from, f.call, &r); why != 0 {
		x.refuse(from, f, why)
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
		if why := x.deliverTurn(f, newRemoteCaller(x, origin, f.call, f.flags)); why != 0 {
			x.refuse(origin, f, why)
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
	if f.epoch < p.slot.promised.Load() && x.table.flaw != flawNoFence {
		return refusedStale
	}
	if why := x.deliver(f, caller); why != 0 {
		return why
	}
	t := turn{Epoch: f.epoch, Seq: f.seq, Stamp: f.stamp}
	if last := p.rotation(); t.after(last.delivered) {
		last.delivered = t
	}
	if x.observe != nil {
		x.observe(p, t, nil, true)
	}
	return 0
}

// onRouted notes where a call is that the owner passed on.
func (x *calls) onRouted(owner *member, f *frame) {
	to := x.table.member(f.origin)
	if to == x.self {
		return
	}
	if !x.open.update(f.call, func(c *openCall) {
		if to != nil {
			c.at, c.via = to, owner
		}
	}) {
		return
	}
	if to == nil || to != owner && to.mayHaveLost(f.call, owner) {
		if c, ok := x.open.take(f.call); ok {
			answerLost(c.caller, "the call was lost: the replica of its callee cannot be reached")
		}
	}
}

// mayHaveLost says that links over which the call went to the member, or its answer came
// back, broke after the call began, before this replica knew that the call was there: then
// nobody else will tell the caller.
func (m *member) mayHaveLost(call uint64, owner *member) bool {
	if !m.up.Load() || call <= m.lostBefore.Load() {
		return true
	}
	before, ok := m.lostVia.Load(owner)
	return ok && call <= before.(uint64)
}

func (x *calls) onRefused(f *frame) {
	if c, ok := x.open.take(f.call); ok {
		x.again(f, &c)
	}
}

// again chooses again for a call that was not delivered, or whose callee is not available.
func (x *calls) again(f *frame, c *openCall) {
	r := x.routing(f, c.caller)
	r.since, r.known, r.realm, r.progress, r.lost, r.held, r.number = c.since, c.uri, c.realm, c.progress, c.lost, c.held, f.call
	if r.uri == "" {
		r.uri = c.uri
	}
	var before skip
	before.unpack(f.skips)
	r.skip.tried = before.tried
	var w Waiter
	switch f.reason {
	case refusedNone:
		if x.park(&r) {
			return
		}
		// An owner that has just met this replica, after a split, may not have every list yet.
		if p, ok := x.table.byID.get(r.procedure); !ok || len(p.load().entries) == 0 {
			x.noProcedure(&r)
			return
		}
	case refusedAll:
		x.noneAvailable(&r)
		return
	case refusedBusy:
		// A callee elsewhere that is full is passed over like one here.
		if x.chosenHere(r.procedure) {
			if r.skip.busy = append(before.busy, f.stamp); x.route(&r) == nil {
				return
			}
		}
		x.crowds.mark(r.procedure, x.clock.Now())
	case refusedUnavailable:
		r.flags &^= Queue
		r.skip.tried = append(r.skip.tried, f.stamp)
		if w = x.route(&r); w == nil {
			return
		}
	case refusedLimit:
		if x.passOver(f, &r, before.limited) && x.route(&r) == nil {
			return
		}
	case refusedGone:
		// While the list here is behind, a call may meet one callee after another that is
		// gone, and the first one again: that must end, too.
		now := x.clock.Now()
		if r.since.IsZero() {
			r.since = now
		} else if now.Sub(r.since) > routeWait {
			x.giveUp(&r)
			return
		}
		r.skip.gone = append(r.skip.gone, f.stamp)
		if w = x.route(&r); w == nil {
			return
		}
	}
	x.aside(&r, w)
}

// passOver: the concurrency of the callee is used up. Where the policy leaves the choice open the
// others are tried; then, or at once, the call is queued. False when the queue is full.
func (x *calls) passOver(f *frame, r *routing, limited []uint64) bool {
	if f.flags&Queue != 0 {
		x.crowds.mark(r.procedure, x.clock.Now())
		return false
	}
	p, ok := x.table.byID.get(r.procedure)
	if ok && (p.load().invoke == Random || p.load().invoke == RoundRobin) {
		r.skip.limited = append(limited, f.stamp)
	} else {
		r.flags |= Queue
	}
	return true
}

// answers recycles what is handed to callers: it would be allocated, since a caller is an
// interface.
var answers = sync.Pool{New: func() any { return new(Answer) }}

func (x *calls) onAnswer(from *member, f *frame) {
	var c openCall
	var ok bool
	if f.progress {
		c, ok = x.open.get(f.call)
	} else {
		c, ok = x.open.take(f.call)
	}
	if ok {
		x.crowds.clear(c.procedure)
		a := answers.Get().(*Answer)
		*a = Answer{Via: f.via, Progress: f.progress, Error: f.text, Lost: f.lost, Details: f.details, Payload: f.Payload}
		c.caller.Answer(a)
		*a = Answer{}
		answers.Put(a)
		if f.progress {
			x.took(from, f.call, &c, f)
		}
	}
}
