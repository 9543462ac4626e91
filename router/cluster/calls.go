package cluster

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wamp-operator/wamp-operator/router/internal/backlog"
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
	open openCalls
	// progressive are the callees here of progressive calls from other replicas.
	progressive shards[progressKey, Callee]
	// streams are the progressive results that callees here send to callers elsewhere.
	streams shards[progressKey, *answerStream]
	crowds  crowds
	holds   holds
	last    atomic.Uint64
	clock   clock
	random  func(n int) int
	// pending calls f with the callee and the caller of each call that a callee here has not
	// answered.
	pending func(f func(Callee, Caller))
	// observe, when a test sets it, sees each turn of a rotation, with the callees that the
	// call had to pass over: dealt by the owner, then
	// delivered at the callee's replica.
	observe func(p *procedure, t turn, passed []uint64, delivered bool)
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
	realm string
	// uri is that of the procedure, so that a refusal can name it; empty for patterns.
	uri string
	// lost is how often the call was lost with a callee before.
	lost int
	// held is there when the call was parked before.
	held *held
	// progress is there for progressive calls.
	progress *progressing
	// taking is there when progressive results came.
	taking *taking
}

// routing is one call on its way to a callee.
type routing struct {
	procedure wamp.ID
	realm     string
	uri       string // that was called; empty when only the procedure's id is known
	pattern   bool   // procedure is a pattern that the URI matches
	caller    Caller
	details   wamp.Dict
	payload   wamp.Payload
	flags     CallFlags
	timeout   uint32
	skip      skip
	since     time.Time
	lost      int          // times that the call was lost with a callee
	number    uint64       // that it was sent under before it came back
	held      *held        // when it was parked before
	trying    bool         // it is parked, and goes back there when it cannot be sent
	known     string       // the URI, where it is kept beyond the frame
	progress  *progressing // of a progressive call
	describe  *Call        // to be asked for details when the callees have flags
	via       *backlog.Via // where it came in; nil when that is not read by this goroutine
}

func newCalls(self *member, t *table, c clock, pending func(func(Callee, Caller))) *calls {
	x := &calls{self: self, table: t, clock: c, random: rand.IntN, pending: pending}
	x.progressive.init()
	x.streams.init()
	x.crowds.marks.init()
	t.listChanged = x.listChanged
	return x
}

// Call takes a call to a callee: nil when it is on its way, or held until there is a callee; its
// answer goes to c.Caller, perhaps before Call returns. A Waiter when nothing was sent because no callee has room, or
// the owner of the rotation is being elected: wait for it and call again with the same c. A
// call that had to wait for 10 s in all is answered with an error.
func (r *Realm) Call(c *Call) Waiter {
	x := r.node.calls
	route := r.routing(c)
	if x.holds.queues.Load() > 0 {
		if w, parked := x.behind(&route); w != nil || parked {
			return w
		}
	}
	w := x.route(&route)
	if w == nil || absent(w) && x.park(&route) {
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

func (r *Realm) routing(c *Call) routing {
	route := routing{
		via: c.Via, procedure: RegistrationID(r.name, Exact, c.URI), realm: r.name, uri: c.URI,
		caller: c.Caller, details: c.Details, payload: c.Payload, flags: c.Flags, timeout: c.Timeout, since: c.since,
		lost: c.Lost, skip: skip{random: r.node.calls.random},
	}
	if c.Describe != nil && !c.described {
		route.describe = c
	}
	return route
}

// route finds a callee for a call and sends it there.
func (x *calls) route(r *routing) Waiter {
	for r.caller.Open() {
		if w, again := x.attempt(r); !again {
			return w
		}
	}
	return nil
}

// attempt sends a call on, or says what to wait for, or that the list changed under it: then the
// procedure is looked up anew.
func (x *calls) attempt(r *routing) (w Waiter, again bool) {
	p := x.resolve(r)
	if x.crowds.closed(r.procedure, x.clock) {
		return pause{clock: x.clock}, false
	}
	switch {
	case p != nil:
	case r.trying:
		return pause{clock: x.clock, absent: true, nobody: true}, false
	case x.full(r):
		return pause{clock: x.clock}, false
	case x.park(r):
		return nil, false
	default:
		return x.askOwner(r), false
	}
	v := p.load()
	if !r.pattern {
		r.known = p.key.URI
	}
	if v.flags != 0 && r.describe != nil {
		c := r.describe
		c.described, c.Details = true, c.Describe(c, v.flags)
		r.details, r.describe = c.Details, nil
	}
	switch {
	case v.local:
		return x.rotateHere(p, r)
	case v.invoke == RoundRobin:
		return x.rotate(p, r)
	}
	return x.direct(p, r, nil)
}

// resolve gives the procedure that a call goes to: the one with just its URI, else the pattern
// that decides; nil when this replica knows neither.
func (x *calls) resolve(r *routing) *procedure {
	p, ok := x.table.byID.get(r.procedure)
	if r.pattern && (!ok || len(p.load().entries) == 0) { // that is gone
		r.procedure, r.pattern = RegistrationID(r.realm, Exact, r.uri), false
		p, ok = x.table.byID.get(r.procedure)
	}
	if ok && len(p.load().entries) > 0 {
		return p
	}
	if r.uri == "" {
		return nil
	}
	if p := x.table.pattern(r.realm, r.uri); p != nil && len(p.load().entries) > 0 {
		r.procedure, r.pattern = p.id, true
		return p
	}
	return nil
}

// direct sends a call to the callee that this replica chooses: for every policy but
// roundrobin all replicas choose from the same list by the same rule. Last, when there, is the stamp
// of the callee that the last turn of this replica's own rotation went to.
func (x *calls) direct(p *procedure, r *routing, last *uint64) (w Waiter, again bool) {
	var cursor uint64
	if last != nil {
		cursor = *last
	}
	var room Waiter
	for {
		v := p.load()
		e := v.choose(cursor, &r.skip)
		switch {
		case len(v.entries) == 0, v.invoke == RoundRobin && v.local != (last != nil):
			return nil, true // it is not this rule any more
		case e == nil:
			if w, again = x.noneLeft(v, r, room); again {
				continue
			}
			return w, false
		}
		// Only a policy that leaves the choice open passes over a callee for want of room.
		open := v.invoke == Random || v.invoke == RoundRobin
		full := Waiter(e.callee)
		if e.callee != nil {
			err := x.give(e.callee, p, e.stamp, r, r.caller)
			switch {
			case err == nil:
				used(last, e)
				if !open { // the calls go here now, and not where there was no room
					x.crowds.clear(r.procedure)
				}
				return nil, false
			case errors.Is(err, ErrLimit) && r.flags&Queue == 0:
				if open {
					r.skip.limited = append(r.skip.limited, e.stamp)
				} else {
					r.flags |= Queue
				}
				continue
			case !errors.Is(err, ErrBusy) && !errors.Is(err, ErrLimit):
				r.skip.gone = append(r.skip.gone, e.stamp)
				continue
			}
			if r.flags&Queue != 0 {
				full = pause{clock: x.clock} // the queue is full, and not the connection
			}
		} else {
			if !e.member.full() {
				f := x.callFrame(frameCall, p, r)
				f.stamp = e.stamp
				if x.sendCall(r, e.member, &f) {
					used(last, e)
					return nil, false
				}
				r.skip.gone = append(r.skip.gone, e.stamp)
				continue
			}
			full = *e.member.link.Load()
		}
		if !open {
			return full, false
		}
		room = full
		r.skip.busy = append(r.skip.busy, e.stamp)
	}
}

// noneLeft: every callee was passed over. When all said that they are not available, that is the
// answer. Those whose concurrency is used up are asked again, to queue the call. Those that were
// full may have room soon; those on replicas that cannot be reached may be back soon, or leave
// the list.
func (x *calls) noneLeft(v *view, r *routing, room Waiter) (w Waiter, again bool) {
	if r.skip.exhausted(v) {
		x.noneAvailable(r)
		return nil, false
	}
	if r.queue() {
		return nil, true
	}
	r.skip.busy, r.skip.gone = nil, nil
	if room != nil {
		return room, false
	}
	return pause{clock: x.clock, absent: true}, false
}

// queue makes a call wait in the queue of a callee, when some are at their concurrency and that
// was not tried.
func (r *routing) queue() bool {
	if len(r.skip.limited) == 0 || r.flags&Queue != 0 {
		return false
	}
	r.flags |= Queue
	r.skip.limited = nil
	return true
}

// callFrame is a call on its way to another replica.
func (x *calls) callFrame(kind frameKind, p *procedure, r *routing) frame {
	f := frame{
		via: r.via, kind: kind, procedure: uint64(r.procedure), details: r.details, Payload: r.payload,
		flags: r.flags, timeout: r.timeout, skips: packSkips(&r.skip),
	}
	if p != nil && p.key.Match != Exact {
		f.text = r.uri
	}
	return f
}

// toOwner sends a call to the owner of its slot for it to choose the callee.
func (x *calls) toOwner(s *slot, r *routing) Waiter {
	owner := s.owner.Load()
	if owner == nil || owner == x.self || !owner.up.Load() {
		if x.table.minority.Load() {
			x.refuseInMinority(r)
			return nil
		}
		return pause{clock: x.clock, absent: true} // being elected
	}
	if owner.full() {
		return *owner.link.Load()
	}
	p, _ := x.table.byID.get(r.procedure)
	r.skip.busy = nil // the owner sees for itself
	f := x.callFrame(frameDeal, p, r)
	if !x.sendCall(r, owner, &f) {
		return pause{clock: x.clock, absent: true}
	}
	return nil
}

// askOwner is for a call to a procedure that this replica knows no callee of: a registration
// that was confirmed elsewhere a moment ago is known to the owner.
func (x *calls) askOwner(r *routing) Waiter {
	s := &x.table.slots[slotOf(r.procedure)]
	if x.acting(s) == 0 {
		if r.known == "" {
			r.known = strings.Clone(r.uri)
		}
		x.foretell(r)
		return x.toOwner(s, r)
	}
	if p, ok := x.table.byID.get(r.procedure); ok && len(p.load().entries) > 0 {
		return pause{clock: x.clock, absent: true}
	}
	x.noProcedure(r)
	return nil
}

// deliveries recycles what is handed to callees: it would be allocated, since a callee is an
// interface.
var deliveries = sync.Pool{New: func() any { return new(Delivery) }}

// give delivers a call to a callee that is connected here.
func (x *calls) give(to Callee, p *procedure, stamp uint64, r *routing, caller Caller) error {
	d := deliveries.Get().(*Delivery)
	*d = Delivery{
		Via: r.via, Registration: p.id, Caller: caller, Details: r.details, Payload: r.payload, Flags: r.flags,
		Timeout: r.timeout, Stamp: stamp, Tried: r.skip.tried, called: p.key.URI, lost: r.lost, held: r.held,
	}
	if p.key.Match != Exact {
		d.URI = r.uri
	}
	err := to.Deliver(d)
	*d = Delivery{}
	deliveries.Put(d)
	return err
}

// sendCall sends a call of a caller here to another replica and remembers where it is.
func (x *calls) sendCall(r *routing, to *member, f *frame) bool {
	f.call = x.last.Add(1)
	if r.flags&Progress != 0 && r.progress == nil {
		r.progress = newProgressing()
	}
	x.open.set(f.call, openCall{
		caller: r.caller, procedure: r.procedure, at: to, since: r.since, realm: r.realm, uri: r.known, progress: r.progress,
		lost: r.lost, held: r.held,
	})
	r.caller.Sent(f.call)
	if to.send(f) {
		if !r.caller.Open() { // canceled meanwhile, by somebody who did not know this number
			x.cancelAt(f.call, &Interruption{Mode: KillNoWait, Reason: wamp.ErrCanceled})
		}
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
		if w := x.route(r); w != nil && (!absent(w) || !x.park(r)) {
			x.later(r)
		}
	})
}

// own copies what a routing borrowed from a frame, so that another goroutine can go on with it.
func (r *routing) own() *routing {
	c := *r
	c.via = nil
	c.details, c.payload, c.uri = r.details.Clone(), r.payload.Clone(), strings.Clone(r.uri)
	if r.describe != nil { // what it says is read into again
		d := *r.describe
		d.Via, d.URI, d.Details, d.Payload = nil, c.uri, c.details, c.payload
		c.describe = &d
	}
	return &c
}

// pause waits a moment: for an owner to be elected, for links to be back.
type pause struct {
	clock clock
	// absent: what is missing is a callee, or the owner of a rotation, that can be reached. Nobody:
	// there is no callee.
	absent, nobody bool
}

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
