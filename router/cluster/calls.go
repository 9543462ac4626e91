package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

const (
	// routeWait bounds how long a call waits for a callee with room, or for the owner of
	// its rotation to be elected.
	routeWait = 10 * time.Second
	// routePause is how long a call waits before it tries again when there is nothing
	// that it could wait for.
	routePause = 5 * time.Millisecond
)

// Waiter is what a call that found no room waits for.
type Waiter interface {
	// WaitRoom blocks until there may be room.
	WaitRoom(ctx context.Context) error
}

// calls takes each call to its callee: at the caller's replica, at the owner of its
// procedure's slot, and at the callee's replica. It touches the procedure, the caller and the
// callee of a call and nothing that all calls share.
type calls struct {
	self  *member
	table *table
	// open are calls of callers here that are on another replica.
	open   shards[uint64, openCall]
	crowds crowds
	last   atomic.Uint64
	clock  clock
	random func(n int) int
	// pending calls f with the caller of each call that a callee here has not answered.
	pending func(f func(Caller))
	// observe, when a test sets it, sees each turn of a rotation: dealt by the owner, then
	// delivered at the callee's replica.
	observe func(p *procedure, t turn, delivered bool)
}

// clock is the time, and a way to be called later, so that a test can have its own.
type clock interface {
	Now() time.Time
	AfterFunc(d time.Duration, f func())
}

// openCall is a call that is on its way to, or at, another replica.
type openCall struct {
	caller    Caller
	procedure wamp.ID
	// at is the replica that has it: when the links to it break, the call is lost.
	at *member
	// via is the owner that passed it on there, if one did: when the links between the
	// two break, the call may not have arrived.
	via *member
	// since is when the call first had to wait.
	since time.Time
	// uri is kept of a call to a procedure that this replica knows nothing of, so that the
	// refusal can name it.
	uri string
}

// routing is one call on its way to a callee.
type routing struct {
	procedure wamp.ID
	key       ProcedureKey // the URI is empty when only the procedure's id is known
	caller    Caller
	details   wamp.Dict
	payload   wamp.Payload
	skip      skip
	since     time.Time
	unknown   string // the URI of a procedure that is not in the table
}

func newCalls(self *member, t *table, c clock, pending func(func(Caller))) *calls {
	x := &calls{self: self, table: t, clock: c, random: rand.IntN, pending: pending}
	x.open.init()
	x.crowds.marks.init()
	return x
}

// Call takes a call to a callee: nil when it is on its way; its answer goes to c.Caller,
// perhaps before Call returns. A Waiter when nothing was sent because no callee has room, or
// the owner of the rotation is being elected: wait for it and call again with the same c. A
// call that had to wait for 10 s in all is answered with an error.
func (r *Realm) Call(c *Call) Waiter {
	x := r.node.calls
	key := ProcedureKey{Realm: r.name, URI: c.URI}
	route := routing{
		procedure: RegistrationID(key.Realm, key.Match, key.URI), key: key,
		caller: c.Caller, details: c.Details, payload: c.Payload, since: c.since,
		skip: skip{random: x.random},
	}
	w := x.route(&route)
	if w == nil {
		return nil
	}
	if c.since.IsZero() {
		c.since = x.clock.Now()
	} else if x.clock.Now().Sub(c.since) > routeWait {
		x.giveUp(&route)
		return nil
	}
	return w
}

// Continue takes a further piece of a progressive call (CALL with the same request) to the
// callee that has it, on another replica: call is the number that Caller.Sent told last. The
// Waiter is as for Call.
func (r *Realm) Continue(call uint64, c *Call) Waiter { return nil }

// Cancel interrupts a call at its callee on another replica, by the number that Caller.Sent told.
func (r *Realm) Cancel(call uint64, i *Interruption) {}

// Reroute takes back a call that was delivered to a callee here, which says that it is not
// available (WAMP advanced profile, "Call Rerouting"), and finds another. The delivery must own
// what it points to.
func (r *Realm) Reroute(d *Delivery) {}

// route finds a callee for a call and sends it there.
func (x *calls) route(r *routing) Waiter {
	if x.crowds.closed(r.procedure, x.clock.Now()) {
		return pause{x.clock}
	}
	p, _ := x.table.byID.get(r.procedure)
	if p == nil || len(p.load().entries) == 0 {
		return x.askOwner(r)
	}
	if p.load().invoke == RoundRobin {
		return x.rotate(p, r)
	}
	return x.direct(p, r)
}

// direct sends a call to the callee that this replica chooses: for every policy but
// roundrobin all replicas choose from the same list by the same rule.
func (x *calls) direct(p *procedure, r *routing) Waiter {
	var room Waiter
	for {
		v := p.load()
		e := v.choose(0, &r.skip)
		switch {
		case e == nil && len(v.entries) == 0:
			return x.askOwner(r)
		case e == nil:
			return x.noneLeft(r, room)
		}
		full := Waiter(e.callee)
		if e.callee != nil {
			err := e.callee.Deliver(x.delivery(p, r, r.caller))
			if err == nil {
				return nil
			}
			if !errors.Is(err, ErrBusy) {
				r.skip.gone = append(r.skip.gone, e.stamp)
				continue
			}
		} else {
			if !e.member.full() {
				f := frame{kind: frameCall, procedure: uint64(p.id), stamp: e.stamp, details: r.details, Payload: r.payload}
				if x.sendCall(r, e.member, &f) {
					return nil
				}
				r.skip.gone = append(r.skip.gone, e.stamp)
				continue
			}
			full = *e.member.link.Load()
		}
		// Only a policy that leaves the choice open passes over a callee for want of room.
		if v.invoke != Random {
			return full
		}
		room = full
		r.skip.busy = append(r.skip.busy, e.stamp)
	}
}

// noneLeft: every callee was passed over. Those that were full may have room soon; those on
// replicas that cannot be reached may be back soon, or leave the list.
func (x *calls) noneLeft(r *routing, room Waiter) Waiter {
	r.skip.busy, r.skip.gone = nil, nil
	if room != nil {
		return room
	}
	return pause{x.clock}
}

// toOwner sends a call to the owner of its slot for it to choose the callee.
func (x *calls) toOwner(s *slot, r *routing) Waiter {
	owner := s.owner.Load()
	if owner == nil || owner == x.self || !owner.up.Load() {
		return pause{x.clock} // being elected
	}
	if owner.full() {
		return *owner.link.Load()
	}
	f := frame{kind: frameDeal, procedure: uint64(r.procedure), details: r.details, Payload: r.payload}
	if n := len(r.skip.gone); n > 0 {
		f.stamp = r.skip.gone[n-1]
	}
	if !x.sendCall(r, owner, &f) {
		return pause{x.clock}
	}
	return nil
}

// askOwner is for a call to a procedure that this replica knows no callee of: a registration
// that was confirmed elsewhere a moment ago is known to the owner.
func (x *calls) askOwner(r *routing) Waiter {
	s := &x.table.slots[slotOf(r.procedure)]
	if s.active.Load() == 0 {
		if r.unknown == "" {
			r.unknown = strings.Clone(r.key.URI)
		}
		return x.toOwner(s, r)
	}
	if p, ok := x.table.byID.get(r.procedure); ok && len(p.load().entries) > 0 {
		return pause{x.clock}
	}
	x.noProcedure(r)
	return nil
}

func (x *calls) delivery(p *procedure, r *routing, caller Caller) *Delivery {
	return &Delivery{Registration: p.id, Caller: caller, Details: r.details, Payload: r.payload}
}

// sendCall sends a call of a caller here to another replica and remembers where it is.
func (x *calls) sendCall(r *routing, to *member, f *frame) bool {
	f.call = x.last.Add(1)
	x.open.set(f.call, openCall{caller: r.caller, procedure: r.procedure, at: to, since: r.since, uri: r.unknown})
	if to.send(f) {
		return true
	}
	// When the call is not there any more, the breaking of the links has answered it.
	_, mine := x.open.take(f.call)
	return !mine
}

// later tries a call again later that cannot block whoever brought it here: the longer it has
// waited, the later.
func (x *calls) later(r *routing) {
	now := x.clock.Now()
	if r.since.IsZero() {
		r.since = now
	}
	waited := now.Sub(r.since)
	if waited > routeWait {
		x.giveUp(r)
		return
	}
	x.clock.AfterFunc(min(max(routePause, waited/4), crowdMost), func() {
		if x.route(r) != nil {
			x.later(r)
		}
	})
}

// own copies what a routing borrowed from a frame.
func (r *routing) own() *routing {
	c := *r
	c.details, c.payload = r.details.Clone(), r.payload.Clone()
	return &c
}

func (x *calls) name(r *routing) string {
	if r.key.URI != "" {
		return r.key.URI
	}
	if p, ok := x.table.byID.get(r.procedure); ok {
		return p.key.URI
	}
	return "the procedure"
}

func (x *calls) noProcedure(r *routing) {
	answerError(r.caller, wamp.ErrNoSuchProcedure, fmt.Sprintf("no callee has registered %q", x.name(r)))
}

func (x *calls) giveUp(r *routing) {
	answerError(r.caller, wamp.ErrNoAvailableCallee, fmt.Sprintf(
		"no callee of %q could take the call within %v: all are full, or on replicas that cannot be reached", x.name(r), routeWait))
}

func answerError(caller Caller, uri, text string) {
	payload, err := wamp.NewPayload(wamp.MessagePack, []any{text}, nil)
	if err != nil {
		panic(err) // a string can be encoded
	}
	caller.Answer(&Answer{Error: uri, Payload: payload})
}

// pause waits a moment: for an owner to be elected, for links to be back.
type pause struct{ clock clock }

func (p pause) WaitRoom(ctx context.Context) error {
	over := make(chan struct{})
	p.clock.AfterFunc(routePause, func() { close(over) })
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
