package dealer

import (
	"sync/atomic"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// place is whether a call by a caller here is still open, and where it is. Whoever ends a call
// first makes it not open and then looks where it is; whoever delivers it first says where and
// then looks whether it is open. So a call that ended is interrupted wherever it got to.
type place struct {
	over atomic.Bool
	// killed tells that the caller canceled the call and left the last word to its callee. A
	// callee that gets it later was not asked: then the call ends instead.
	killed atomic.Bool
	// at is the callee, when it is on this replica, and invocation the number that the call
	// has there; 0 while it waits there.
	at         atomic.Pointer[Peer]
	invocation atomic.Uint64
	// number is that of the call when it was sent to another replica last; 0 when it was not.
	number atomic.Uint64
	// spare is there when the call may be sent again, should it be lost with its callee.
	spare atomic.Pointer[spare]
}

// Open implements cluster.Caller.
func (c *place) Open() bool { return !c.over.Load() }

// Sent implements cluster.Caller.
func (c *place) Sent(number uint64) {
	for {
		now := c.number.Load()
		if number <= now || c.number.CompareAndSwap(now, number) {
			return // a call that is parked and sent on at the same moment is where it went later
		}
	}
}

// wanted tells whether the call may be delivered.
func (c *place) wanted() bool { return !c.over.Load() && !c.killed.Load() }

// leave takes note that the callee here handed the call back.
func (c *place) leave(p *Peer) {
	c.invocation.Store(0)
	c.at.CompareAndSwap(p, nil)
}

// interrupt tells the callee, wherever it is. With Kill it is false when no callee has the call.
func (c *place) interrupt(realm Realm, i *cluster.Interruption) bool {
	if p := c.at.Load(); p != nil && p.Interrupt(i) {
		return true
	}
	if number := c.number.Load(); number != 0 {
		realm.Cancel(number, i)
		return true
	}
	return false
}

// local gives the place of a call by a caller on this replica; nil when it is elsewhere.
func local(c cluster.Caller) *place {
	switch c := c.(type) {
	case *call:
		return &c.place
	case *internalCall:
		return &c.place
	}
	return nil
}

// nobody takes the answers that are not wanted any more.
type nobody struct{}

func (nobody) Answer(*cluster.Answer) {}
func (nobody) Open() bool             { return false }
func (nobody) Sent(uint64)            {}
func (nobody) Room() cluster.Waiter   { return nil }

// invocation is a call that was delivered to this session and that it has not answered.
type invocation struct {
	caller cluster.Caller
	// registration whose concurrency it uses, also while that has no limit: it may get one.
	registration *registration
	progress     bool // the caller takes progressive results
	// kept is there when more may be done with the call than to answer it.
	kept *kept
}

// kept is what is remembered of the delivery of a call that may be handed back, or that may get
// further pieces.
type kept struct {
	delivery     cluster.Delivery
	registration *registration
	reroute      bool // it can be handed back
	bytes        copies
}

// find looks for the invocation of a call; called with mu held.
func (p *Peer) find(caller cluster.Caller) (wamp.ID, *invocation) {
	if c := local(caller); c != nil {
		id := wamp.ID(c.invocation.Load())
		if inv := p.invocations.Get(id); inv != nil && inv.caller == caller {
			return id, inv
		}
		return 0, nil
	}
	for id, inv := range p.invocations.All() {
		if cluster.SameCall(inv.caller, caller) {
			return id, p.invocations.Get(id)
		}
	}
	return 0, nil
}
