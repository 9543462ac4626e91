package cluster

import (
	"errors"
)

// rotate takes a call of a rotation to the owner of the slot, which deals the turn.
func (x *calls) rotate(p *procedure, r *routing) Waiter {
	if p.slot.active.Load() != 0 {
		dealt, room := x.deal(p, x.self, 0, r)
		switch dealt {
		case 0:
			return nil
		case refusedNone:
			return x.askOwner(r)
		}
		return x.noneLeft(r, room)
	}
	return x.toOwner(p.slot, r)
}

// deal gives one call its callee, as the owner of the procedure's slot. For a rotation that is
// the turn after the last one. Origin is the caller's replica and call the number of the call
// there; both are only used when it is another. Zero: the call is on its way.
func (x *calls) deal(p *procedure, origin *member, call uint64, r *routing) (refusal, Waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	epoch := p.slot.active.Load()
	if epoch == 0 {
		return refusedNotOwner, nil
	}
	next := turn{Epoch: epoch, Seq: p.dealt.Seq + 1}
	if p.dealt.Epoch != epoch {
		// Numbers start at the time, so that they go on growing when the procedure was
		// forgotten, because nobody was on its list, and is back.
		next.Seq = uint64(x.clock.Now().UnixMicro())
	}
	var room Waiter
	routed := false
	for {
		v := p.load()
		if len(v.entries) == 0 {
			return refusedNone, nil
		}
		if room != nil && v.invoke != RoundRobin && v.invoke != Random {
			return refusedBusy, room
		}
		e := v.choose(p.dealt.Stamp, &r.skip)
		if e == nil {
			return refusedBusy, room
		}
		next.Stamp = e.stamp
		sent := false
		switch {
		case e.callee != nil:
			caller := r.caller
			if origin != x.self {
				caller = &remoteCaller{x: x, to: origin, call: call}
			}
			err := e.callee.Deliver(x.delivery(p, r, caller))
			sent = err == nil
			if errors.Is(err, ErrBusy) {
				room = e.callee
			}
			if sent && routed {
				origin.send(&frame{kind: frameRouted, call: call, origin: x.self.hash})
			}
		case e.member.full():
			room = *e.member.link.Load()
		default:
			f := frame{
				kind: frameTurn, call: call, origin: origin.hash, procedure: uint64(p.id),
				stamp: e.stamp, epoch: epoch, seq: next.Seq, details: r.details, Payload: r.payload,
			}
			if origin == x.self {
				sent = x.sendCall(r, e.member, &f)
			} else {
				// First the note, then the turn: should the link break, the word of
				// that comes after the note.
				origin.send(&frame{kind: frameRouted, call: call, origin: e.member.hash})
				routed = true
				sent = e.member.send(&f)
			}
		}
		if sent {
			p.dealt = next
			if x.observe != nil {
				x.observe(p, next, e.callee != nil)
			}
			return 0, nil
		}
		r.skip.busy = append(r.skip.busy, e.stamp)
	}
}
