package cluster

import (
	"encoding/binary"
	"fmt"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// lose answers the calls that a member had when the links to it broke, up to the last one that
// was made before: whether a callee has got them is not known. Turns that one of the two had
// dealt to the other may be lost as well, also those for callers of third members; these are
// told, with the calls of theirs that have come this far and are open.
func (x *calls) lose(m *member, last uint64) {
	m.lostBefore.Store(last)
	x.dropProgress(m)
	x.cancel(m, func(call uint64, c *openCall) bool { return c.at == m && call <= last })
	held := x.held()
	for _, other := range x.table.allMembers() {
		other.send(&frame{kind: frameLost, origin: m.hash, Payload: wamp.Payload{Args: held[other]}})
	}
	x.askAbout(m, last)
}

// askAbout asks the members to which a lost one has passed on calls made here whether they have these.
// They say so by themselves when their own links to it break; but these may have been down already on
// their side, while the other passed on calls on links that it did not know to be lost.
func (x *calls) askAbout(owner *member, last uint64) {
	at := map[*member]bool{}
	x.open.each(func(call uint64, c openCall) {
		if c.via == owner && call <= last {
			at[c.at] = true
		}
	})
	if len(at) == 0 {
		return
	}
	for _, other := range x.table.allMembers() {
		if at[other] {
			other.send(&frame{kind: frameHeld, origin: owner.hash, call: last, seq: laterIfLinked})
		}
	}
}

// laterIfLinked in a frameHeld asks a member that has links to the origin to answer when all that is on
// its way on them has come: by then it has arrived, or the links are broken.
const laterIfLinked = 1

// linked: the links to a member are new. What it sent on those before, which it may have held for
// good when this side had given them up, is lost; so a call that was made until now, and that an owner
// says only later to be there, may have been answered already.
func (x *calls) linked(m *member) { m.lostBefore.Store(x.last.Load()) }

// held gives the open calls that were delivered here, by the member of their caller.
func (x *calls) held() map[*member][]byte {
	held := map[*member][]byte{}
	x.pending(func(_ Callee, caller Caller) {
		if c, ok := caller.(*remoteCaller); ok {
			held[c.to] = binary.BigEndian.AppendUint64(held[c.to], c.call)
		}
	})
	return held
}

// onLost: the links between two other members broke. Calls made here that one of them passed on
// to the other, and that the other does not hold, will not be answered. The sender says what it
// holds; the other is asked, because it may have said so before the sender noticed.
func (x *calls) onLost(from *member, f *frame) {
	lost := x.table.member(f.origin)
	if lost == nil {
		return
	}
	from.lostVia.Store(lost, x.last.Load())
	x.cancelUnheld(from, lost, f, x.last.Load())
	lost.send(&frame{kind: frameHeld, origin: from.hash, call: x.last.Load()})
}

// onHeld answers with the calls that are held here for the sender.
func (x *calls) onHeld(from *member, f *frame) {
	origin, call := f.origin, f.call
	answer := func() {
		from.send(&frame{kind: frameHolds, origin: origin, call: call, Payload: wamp.Payload{Args: x.held()[from]}})
	}
	if owner := x.table.member(origin); f.seq == laterIfLinked && owner != nil && owner.up.Load() {
		x.clock.AfterFunc(breakAfter, answer)
		return
	}
	answer()
}

// onHolds: that is the answer, for the calls up to the one that was the last when it was asked.
func (x *calls) onHolds(from *member, f *frame) {
	if owner := x.table.member(f.origin); owner != nil {
		x.cancelUnheld(from, owner, f, f.call)
	}
}

// cancelUnheld answers the calls that an owner passed on to a member that does not hold them.
func (x *calls) cancelUnheld(at, owner *member, f *frame, last uint64) {
	held := make(map[uint64]bool, len(f.Args)/8)
	for b := f.Args; len(b) >= 8; b = b[8:] {
		held[binary.BigEndian.Uint64(b)] = true
	}
	x.cancel(owner, func(call uint64, c *openCall) bool {
		return c.at == at && c.via == owner && call <= last && !held[call]
	})
}

func (x *calls) cancel(m *member, which func(uint64, *openCall) bool) {
	x.open.each(func(call uint64, c openCall) {
		if !which(call, &c) {
			return
		}
		if c, ok := x.open.take(call); ok {
			answerLost(c.caller, fmt.Sprintf(
				"the call was lost: replica %s, which had it, cannot be reached", m.replica))
		}
	})
}
