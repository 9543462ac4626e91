package cluster

import (
	"errors"
	"fmt"
	"slices"
)

// rotate takes a call of a rotation to the owner of the slot, which deals the turn.
func (x *calls) rotate(p *procedure, r *routing) (w Waiter, again bool) {
	if x.table.minority.Load() {
		x.refuseInMinority(r)
		return nil, false
	}
	if x.acting(p.slot) != 0 {
		dealt, room := x.deal(p, x.self, 0, r)
		switch dealt {
		case 0:
			return nil, false
		case refusedNone:
			return nil, true
		case refusedAll:
			x.noneAvailable(r)
			return nil, false
		}
		r.skip.busy, r.skip.gone = nil, nil
		if room != nil {
			return room, false
		}
		return pause{clock: x.clock, absent: true}, false
	}
	return x.toOwner(p.slot, r), false
}

// deal gives one call its callee, as the owner of the procedure's slot. For a rotation that is
// the turn after the last one. Origin is the caller's replica and call the number of the call
// there; both are only used when it is another. Zero: the call is on its way.
func (x *calls) deal(p *procedure, origin *member, call uint64, r *routing) (refusal, Waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	epoch := x.acting(p.slot)
	if epoch == 0 {
		return refusedNotOwner, nil
	}
	last := p.rotation()
	next := turn{Epoch: epoch, Seq: last.dealt.Seq + 1}
	if last.dealt.Epoch != epoch {
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
		e := v.choose(last.dealt.Stamp, &r.skip)
		switch {
		case e != nil:
		case r.skip.exhausted(v):
			return refusedAll, nil
		case r.queue():
			continue
		default:
			return refusedBusy, room
		}
		next.Stamp = e.stamp
		sent := false
		switch {
		case e.callee != nil:
			caller := r.caller
			if origin != x.self {
				caller = newRemoteCaller(x, origin, call, r.flags)
			}
			err := x.give(e.callee, p, e.stamp, r, caller)
			sent = err == nil
			switch {
			case errors.Is(err, ErrLimit) && r.flags&Queue == 0:
				r.skip.limited = append(r.skip.limited, e.stamp)
				continue
			case errors.Is(err, ErrLimit), errors.Is(err, ErrBusy) && r.flags&Queue != 0:
				room = pause{clock: x.clock}
			case errors.Is(err, ErrBusy):
				room = e.callee
			}
			if sent {
				x.startProgress(caller, e.callee)
			}
			if sent && routed {
				origin.send(&frame{kind: frameRouted, call: call, origin: x.self.hash})
			}
		case e.member.full():
			room = *e.member.link.Load()
		default:
			f := x.callFrame(frameTurn, p, r)
			f.call, f.origin, f.stamp, f.epoch, f.seq = call, origin.hash, e.stamp, epoch, next.Seq
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
			last.dealt = next
			if x.observe != nil {
				x.observe(p, next, slices.Concat(r.skip.tried, r.skip.limited), e.callee != nil)
			}
			return 0, nil
		}
		r.skip.busy = append(r.skip.busy, e.stamp)
	}
}

// refuseInMinority answers a call that needs the owner of its procedure, in Majority mode, where this
// replica reaches too few of the others to know who that is.
func (x *calls) refuseInMinority(r *routing) {
	refused := x.table.inMinority(fmt.Sprintf("%q cannot be called", x.name(r)))
	r.fail(refused.URI, refused.Message)
}
