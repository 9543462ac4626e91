package cluster

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// simWorld is the load on a simulated cluster, the faults (simfaults_test.go), and the judge of what
// comes of it (simjudge_test.go).
type simWorld struct {
	net      *simNet
	seed     uint64
	size     int
	trouble  simTrouble
	end      time.Time // of the trouble
	started  int
	session  wamp.ID
	callees  []*simCallee
	of       map[string][]*simCallee // by URI
	turns    map[string][]*simTurn   // by URI
	via      *simLink                // that the last turn was sent on, and its call: the owner tells of it next
	carried  *simCall
	calls    []*simCall
	cuts     []*simCut
	versions map[*simNode]*simSeen
	acted    map[simAct]*simNode
	stats    simStats
}

// simStats counts what a world went through.
type simStats struct {
	Seeds, Members, Calls, Turns, Registrations, Refused, Unregistered, Ownerships   int
	Canceled, GivenUp, Interrupted, Declined, Limited, Minority, Revoked, Majorities int
	Again, Held                                                                      int
	Crashes, SilentCrashes, Restarts, Joins, Leaves, RollingRestarts                 int
	Severed, Pauses, Slow, OneWay, Splits, Flaps, Skewed                             int
	Virtual                                                                          time.Duration
}

// simCallee is a session with one registration.
type simCallee struct {
	w         *simWorld
	node      *simNode
	uri       string
	invoke    Policy
	session   wamp.ID
	stamp     uint64
	asked     time.Time
	confirmed time.Time // zero until REGISTERED
	ended     time.Time // zero while it is there
	refused   bool
	busy      []time.Time
	turned    map[*simCall]bool // down, because it was busy
}

func (c *simCallee) key() listKey { return listKey{Realm: "realm1", URI: c.uri, Session: c.session} }

// there says that the callee is registered and stays so.
func (c *simCallee) there() bool { return !c.confirmed.IsZero() && c.ended.IsZero() }

type simCall struct {
	w         *simWorld
	node      *simNode
	uri       string
	begun     time.Time
	delivered int
	answered  int
	// number is what the cluster called it last; declined is how often a callee said that
	// it is not available; canceled is when its caller gave it up.
	number   uint64
	declined int
	canceled time.Time
	pauses   int
	payload  wamp.Payload
	lost     int    // times that it was lost with its callee, or may have been, and sent again
	chosen   Policy // when it was last sent to another replica
}

func (c *simCall) Open() bool   { return c.answered == 0 && c.canceled.IsZero() }
func (c *simCall) Room() Waiter { return nil }

func (c *simCall) Sent(n uint64) {
	c.number, c.chosen = n, c.node.view(c.uri).invoke
	c.w.net.note("%s sends call %d of %s as %d", c.node.id, binary.BigEndian.Uint64(c.payload.Args), c.uri, n)
}

// cancel gives the call up, with the callee to be interrupted.
func (c *simCall) cancel() {
	if c.Open() {
		c.canceled = c.w.net.now
		c.w.stats.GivenUp++
		c.node.realm.Cancel(c.number, &Interruption{Caller: c, Reason: wamp.ErrCanceled})
	}
}

// simProcedures are registered by callees with these policies; of sim.mixed they disagree.
var simProcedures = []struct {
	uri    string
	invoke Policy
}{
	{"sim.rotate.a", RoundRobin}, {"sim.rotate.b", RoundRobin}, {"sim.rotate.c", RoundRobin},
	{"sim.first", First}, {"sim.last", Last}, {"sim.random", Random}, {"sim.single.a", Single}, {"sim.single.b", Single},
	{"sim.mixed", First}, {"sim.local", RoundRobin}, {"sim.again", RoundRobin}, {"sim.hold", First},
}

// simHold is how long calls of sim.hold wait for a callee.
const simHold = 2 * time.Second

var simDeclared = map[ProcedureKey]Declaration{
	{Realm: "realm1", URI: "sim.local"}: {Invoke: RoundRobin, LocalRotation: true},
	{Realm: "realm1", URI: "sim.again"}: {Invoke: RoundRobin, Idempotent: true},
	{Realm: "realm1", URI: "sim.hold"}:  {Invoke: First, Hold: simHold},
}

// simOption changes a world before it plays.
type simOption func(*simWorld)

func newSimWorld(seed uint64, options ...simOption) *simWorld {
	w := &simWorld{
		net: newSimNet(seed), seed: seed, of: map[string][]*simCallee{}, turns: map[string][]*simTurn{},
		versions: map[*simNode]*simSeen{}, acted: map[simAct]*simNode{},
	}
	s := w.net
	w.size = []int{3, 3, 5, 5, 9}[s.random.IntN(5)]
	if s.chance(3) {
		s.quorum = w.size
		w.stats.Majorities++
	}
	if s.chance(2) {
		s.skew = 3 * time.Second
		w.stats.Skewed++
	}
	s.tickEvery = s.between(tickEvery, 2*tickEvery)
	s.declare = simDeclared
	s.sent, s.arriving = w.sending, w.arriving
	s.starting = w.place
	w.trouble = w.someTrouble()
	for _, o := range options {
		o(w)
	}
	return w
}

func (w *simWorld) start() *simNode {
	w.started++
	return w.adopt(w.net.start(fmt.Sprintf("r%d", w.started)))
}

// startAs starts the replica of a member that ended again.
func (w *simWorld) startAs(n *simNode) *simNode {
	if w.net.flaw == flawReusedName {
		return w.adopt(w.net.startAs(n.replica, n.id))
	}
	return w.adopt(w.net.start(n.replica))
}

func (w *simWorld) adopt(n *simNode) *simNode {
	w.stats.Members++
	n.calls.observe = func(p *procedure, t turn, passed []uint64, delivered bool) { w.observe(n, p, t, passed, delivered) }
	n.revoked = func(k listKey) { w.revoked(n, k) }
	return n
}

// play runs the world: a while of trouble, then quiet, then the verdict.
func (w *simWorld) play() {
	s := w.net
	s.note("size %d, quorum %d, trouble %+v", w.size, s.quorum, w.trouble)
	for range w.size {
		w.start()
	}
	s.run(s.now.Add(800 * time.Millisecond))
	w.end = s.now.Add(7 * time.Second)
	w.every(8*time.Millisecond, w.end, w.someCall)
	w.every(40*time.Millisecond, w.end, w.someRegistration)
	w.every(60*time.Millisecond, w.end, w.someEnd)
	w.every(60*time.Millisecond, w.end.Add(healed), w.someDigest)
	w.every(50*time.Millisecond, w.end.Add(healed), w.watch)
	w.cause(w.trouble, w.end)
	s.run(w.end)
	w.calm()
	quiet := w.end.Add(healed)
	s.run(quiet)
	if s.quorum > 0 {
		for _, n := range s.live() { // one that has just started promises nobody anything
			quiet = maxTime(quiet, n.born.Add(leaseOver+settling))
		}
		s.run(quiet)
	}
	w.judgeLists()
	w.every(10*time.Millisecond, quiet.Add(500*time.Millisecond), w.someCall)
	s.tickEvery = 4 * tickEvery
	s.run(quiet.Add(routeWait + 2*time.Second))
	w.judge()
	w.stats.Ownerships = s.ownership
	w.stats.Virtual = s.now.Sub(time.Unix(1_700_000_000, 0))
	w.stats.Seeds = 1
}

func (w *simWorld) every(mean time.Duration, end time.Time, f func()) {
	w.net.after(w.net.between(0, 2*mean), func() {
		if w.net.now.Before(end) {
			f()
			w.every(mean, end, f)
		}
	})
}

// ready are the members that serve clients.
func (w *simWorld) ready() []*simNode {
	var ready []*simNode
	for _, n := range w.net.nodes {
		if !n.dead && !n.paused && n.m.state == stateReady {
			ready = append(ready, n)
		}
	}
	return ready
}

func (w *simWorld) pick() *simNode {
	ready := w.ready()
	if len(ready) == 0 {
		return nil
	}
	return ready[w.net.random.IntN(len(ready))]
}

func (w *simWorld) someDigest() {
	if a, b := w.pick(), w.pick(); a != nil && a != b {
		w.net.digest(a, b)
	}
}

func (w *simWorld) someRegistration() {
	n := w.pick()
	if n == nil {
		return
	}
	what := simProcedures[w.net.random.IntN(len(simProcedures))]
	w.session++
	c := &simCallee{w: w, node: n, uri: what.uri, invoke: what.invoke, session: w.session, asked: w.net.now, turned: map[*simCall]bool{}}
	if c.uri == "sim.mixed" && w.net.chance(2) {
		c.invoke = Last
	}
	w.callees = append(w.callees, c)
	w.of[c.uri] = append(w.of[c.uri], c)
	w.net.note("session %d at %s asks for %s as %v", c.session, n.id, c.uri, c.invoke)
	n.step(func(m *machine) {
		m.register(c.key(), c.invoke, 0, c, func(_ wamp.ID, err error) { w.registered(c, err) })
	})
}

// someEnd closes a session, or takes its registration back.
func (w *simWorld) someEnd() {
	var live []*simCallee
	for _, c := range w.callees {
		if !c.node.dead && !c.node.paused && c.ended.IsZero() && (!c.confirmed.IsZero() || w.net.chance(4)) {
			live = append(live, c)
		}
	}
	if len(live) == 0 {
		return
	}
	c := live[w.net.random.IntN(len(live))]
	c.ended = w.net.now
	if c.confirmed.IsZero() || w.net.chance(2) {
		w.net.note("close session %d of %s at %s", c.session, c.uri, c.node.id)
		c.node.step(func(m *machine) { m.closeSession(c.session) })
		c.abandon()
		return
	}
	w.net.note("unregister session %d of %s at %s", c.session, c.uri, c.node.id)
	c.node.step(func(m *machine) { m.unregister(c.key(), func() { w.unregistered(c) }) })
}

// abandon answers the calls that a session had when it closed.
func (c *simCallee) abandon() {
	for _, p := range slices.Clone(c.node.pending) {
		if p.callee == c {
			c.node.settle(p.caller)
			p.caller.Answer(&Answer{Error: wamp.ErrCanceled, Lost: true})
		}
	}
}

// settle forgets a call that was delivered here; false when it is not there any more.
func (n *simNode) settle(caller Caller) bool {
	before := len(n.pending)
	n.pending = slices.DeleteFunc(n.pending, func(p simPending) bool { return p.caller == caller })
	return len(n.pending) < before
}

func (w *simWorld) someCall() {
	n := w.pick()
	if n == nil {
		return
	}
	what := simProcedures[w.net.random.IntN(len(simProcedures))]
	for range 1 + w.net.random.IntN(3) {
		number := binary.BigEndian.AppendUint64(nil, uint64(len(w.calls)))
		c := &simCall{w: w, node: n, uri: what.uri, begun: w.net.now, pauses: n.pauses, payload: wamp.Payload{Args: number}}
		w.calls = append(w.calls, c)
		w.stats.Calls++
		c.try(&Call{URI: c.uri, Caller: c, Payload: c.payload})
		if w.net.chance(30) {
			n.later(w.net.between(0, 15*time.Millisecond), c.cancel)
		}
	}
}

func (c *simCall) try(call *Call) {
	if c.node.realm.Call(call) != nil {
		c.node.later(routePause, func() { c.try(call) })
	}
}

func (c *simCall) Answer(a *Answer) {
	if !c.canceled.IsZero() {
		return
	}
	if a.Lost && c.uri == "sim.again" && c.lost < 3 {
		c.lost++
		c.w.stats.Again++
		again := &Call{URI: c.uri, Caller: c, Payload: c.payload, Lost: c.lost}
		c.node.later(0, func() { c.node.realm.Again(again) })
		return
	}
	c.answered++
	switch a.Error {
	case wamp.ErrCanceled:
		c.w.stats.Canceled++
	case wamp.ErrUnavailable:
		c.w.stats.Minority++
	}
	c.w.judgeAnswer(c, a)
}

func (c *simCallee) WaitRoom(context.Context) error { return nil }

// Deliver answers the call after a while; calls are numbered, so that a second delivery shows.
func (c *simCallee) Deliver(d *Delivery) error {
	s := c.w.net
	if !c.ended.IsZero() {
		return ErrGone
	}
	if !d.Caller.Open() {
		return nil
	}
	call := c.w.calls[binary.BigEndian.Uint64(d.Payload.Args)]
	if full := s.chance(200); full || d.Flags&Queue == 0 && s.chance(200) {
		c.busy = append(c.busy, s.now)
		c.turned[call] = true
		if full {
			return ErrBusy
		}
		c.w.stats.Limited++
		return ErrLimit
	}
	call.delivered++
	s.note("%s delivers call %d of %s to session %d", c.node.id, binary.BigEndian.Uint64(d.Payload.Args), c.uri, c.session)
	c.w.judgeDelivery(c, call, d)
	caller, n := d.Caller, c.node
	n.pending = append(n.pending, simPending{c, caller})
	var declined *Delivery
	if s.chance(60) {
		own := *d
		own.Details, own.Payload, own.Tried = d.Details.Clone(), d.Payload.Clone(), slices.Clone(d.Tried)
		declined = &own
	}
	n.later(s.between(0, 20*time.Millisecond), func() {
		if !n.settle(caller) {
			return
		}
		if declined != nil {
			call.declined++
			c.w.stats.Declined++
			n.realm.Reroute(declined)
			return
		}
		caller.Answer(&Answer{})
	})
	return nil
}

func (c *simCallee) Continue(*Delivery) error { return nil }

func (c *simCallee) Interrupt(i *Interruption) bool {
	held := slices.ContainsFunc(c.node.pending, func(p simPending) bool { return p.callee == c && SameCall(p.caller, i.Caller) })
	if held {
		c.w.stats.Interrupted++
	}
	return held
}
