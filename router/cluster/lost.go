package cluster

import (
	"encoding/binary"
	"fmt"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// lose answers the calls that a member had when the links to it broke, up to the last one that
// was made before: whether a callee has got them is not known. The turns that it dealt to callees here may be lost too, so the others
// are told which of their calls have come this far and are open.
func (x *calls) lose(m *member, last uint64) {
	m.lostBefore.Store(last)
	x.cancel(m, func(call uint64, c *openCall) bool { return c.at == m && call <= last })
	held := map[*member][]byte{}
	x.pending(func(caller Caller) {
		if c, ok := caller.(*remoteCaller); ok {
			held[c.to] = binary.BigEndian.AppendUint64(held[c.to], c.call)
		}
	})
	for _, other := range x.table.allMembers() {
		other.send(&frame{kind: frameLost, origin: m.hash, Payload: wamp.Payload{Args: held[other]}})
	}
}

// onLost: a member has lost the links to an owner, and gets no more of the turns that this
// owner had dealt. Those of the calls made here that it does not hold will not be answered.
func (x *calls) onLost(from *member, f *frame) {
	owner := x.table.member(f.origin)
	if owner == nil {
		return
	}
	from.lostVia.Store(owner, x.last.Load())
	held := make(map[uint64]bool, len(f.Args)/8)
	for b := f.Args; len(b) >= 8; b = b[8:] {
		held[binary.BigEndian.Uint64(b)] = true
	}
	x.cancel(owner, func(call uint64, c *openCall) bool {
		return c.at == from && c.via == owner && !held[call]
	})
}

func (x *calls) cancel(m *member, which func(uint64, *openCall) bool) {
	x.open.each(func(call uint64, c openCall) {
		if !which(call, &c) {
			return
		}
		if c, ok := x.open.take(call); ok {
			answerError(c.caller, wamp.ErrCanceled, fmt.Sprintf(
				"the call was lost: replica %s, which had it, cannot be reached", m.replica))
		}
	})
}
