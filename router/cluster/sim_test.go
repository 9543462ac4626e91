package cluster

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

var (
	simSeeds = flag.Int("sim.seeds", simDefaultSeeds, "how many seeds the simulation runs")
	simFirst = flag.Uint64("sim.first", 1, "the first seed")
)

// TestSimulation runs a cluster of three to five members through crashes, joins, leaves,
// broken links and a steady load of calls and registrations, and checks the promises: one
// list (P1), one rotation (P2), one answer (P3) and no lost call (P5). A failing seed is
// replayed with -sim.first=SEED -sim.seeds=1.
func TestSimulation(t *testing.T) {
	var total simStats
	for seed := *simFirst; seed < *simFirst+uint64(*simSeeds); seed++ {
		w := newSimWorld(seed)
		w.play()
		if w.net.failed != nil {
			last := w.net.trace[max(0, len(w.net.trace)-100):]
			t.Fatalf("seed %d: %v\n%s", seed, w.net.failed, strings.Join(last, "\n"))
		}
		total.add(w.stats)
	}
	t.Logf("%d seeds: %+v", *simSeeds, total)
	if total.Turns == 0 || total.Crashes == 0 || total.Joins == 0 || total.Severed == 0 || total.Ownerships == 0 || total.Interrupted == 0 || total.Declined == 0 || total.Limited == 0 || total.Canceled > total.Calls/20 {
		t.Errorf("the simulation does not do what it should: %+v", total)
	}
}

// A seed that fails is of use only if it fails again.
func TestSimulationRepeatsItself(t *testing.T) {
	for seed := uint64(1); seed <= 5; seed++ {
		a, b := newSimWorld(seed), newSimWorld(seed)
		a.play()
		b.play()
		if !slices.Equal(a.net.trace, b.net.trace) || a.stats != b.stats {
			t.Errorf("seed %d went %+v, then %+v", seed, a.stats, b.stats)
		}
	}
}

type simStats struct {
	Calls, Turns, Registrations, Refused, Crashes, Joins, Leaves, Severed, Ownerships, Canceled, GivenUp, Interrupted, Declined, Limited int
}

func (s *simStats) add(o simStats) {
	s.Calls += o.Calls
	s.Turns += o.Turns
	s.Registrations += o.Registrations
	s.Refused += o.Refused
	s.Crashes += o.Crashes
	s.Joins += o.Joins
	s.Leaves += o.Leaves
	s.Severed += o.Severed
	s.Ownerships += o.Ownerships
	s.Canceled += o.Canceled
	s.GivenUp += o.GivenUp
	s.Interrupted += o.Interrupted
	s.Declined += o.Declined
	s.Limited += o.Limited
}

// simWorld is the load on a simulated cluster and the judge of what comes of it.
type simWorld struct {
	net      *simNet
	started  int
	session  wamp.ID
	callees  []*simCallee
	turns    map[string][]*simTurn // by URI
	calls    []*simCall
	stats    simStats
	troubled []simTrouble
}

// simTrouble is a time in which turns may be lost: something crashed or broke.
type simTrouble struct{ from, to time.Time }

// simCallee is a session with one registration.
type simCallee struct {
	w         *simWorld
	node      *simNode
	uri       string
	invoke    Policy
	session   wamp.ID
	stamp     uint64
	confirmed time.Time // zero until REGISTERED
	ended     time.Time // zero while it is there
	busy      []time.Time
}

// simTurn is a turn of a rotation.
type simTurn struct {
	passed []uint64 // callees that the call had been to, or that take no more
	turn
	dealt, delivered time.Time
	at               *simNode          // delivered by
	unreachable      map[*simNode]bool // replicas that were leaving, or that the owner had no link to
}

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
}

func (c *simCall) Open() bool    { return c.answered == 0 && c.canceled.IsZero() }
func (c *simCall) Sent(n uint64) { c.number = n }
func (c *simCall) Room() Waiter  { return nil }

// cancel gives the call up, with the callee to be interrupted.
func (c *simCall) cancel() {
	if c.Open() {
		c.canceled = c.w.net.now
		c.w.stats.GivenUp++
		c.node.realm.Cancel(c.number, &Interruption{Caller: c, Reason: wamp.ErrCanceled})
	}
}

var simProcedures = []struct {
	uri    string
	invoke Policy
}{
	{"sim.rotate.a", RoundRobin}, {"sim.rotate.b", RoundRobin}, {"sim.rotate.c", RoundRobin},
	{"sim.first", First}, {"sim.last", Last}, {"sim.random", Random}, {"sim.single.a", Single}, {"sim.single.b", Single},
}

func newSimWorld(seed uint64) *simWorld {
	return &simWorld{net: newSimNet(seed), turns: map[string][]*simTurn{}}
}

func (w *simWorld) start() *simNode {
	w.started++
	n := w.net.start(fmt.Sprintf("r%d", w.started))
	n.calls.observe = func(p *procedure, t turn, passed []uint64, delivered bool) { w.observe(n, p, t, passed, delivered) }
	return n
}

// play runs the world: a while of trouble, then quiet, then the verdict.
func (w *simWorld) play() {
	s := w.net
	for range 3 + s.random.IntN(3) {
		w.start()
	}
	s.run(s.now.Add(time.Second))
	end := s.now.Add(8 * time.Second)
	w.every(4*time.Millisecond, end, w.someCall)
	w.every(40*time.Millisecond, end, w.someRegistration)
	w.every(60*time.Millisecond, end, w.someEnd)
	w.every(1500*time.Millisecond, end, w.someCrash)
	w.every(1500*time.Millisecond, end, w.someJoin)
	w.every(2500*time.Millisecond, end, w.someLeave)
	w.every(700*time.Millisecond, end, w.someSever)
	s.run(end)
	s.run(end.Add(routeWait + 5*time.Second))
	w.judge()
}

func (w *simWorld) every(mean time.Duration, end time.Time, f func()) {
	w.net.after(w.net.between(0, 2*mean), func() {
		if w.net.now.Before(end) {
			f()
			w.every(mean, end, f)
		}
	})
}

func (w *simWorld) ready() []*simNode {
	var ready []*simNode
	for _, n := range w.net.nodes {
		if !n.dead && n.m.state == stateReady {
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

func (w *simWorld) trouble() {
	w.troubled = append(w.troubled, simTrouble{w.net.now.Add(-20 * time.Millisecond), w.net.now.Add(20 * time.Millisecond)})
}

func (w *simWorld) someCrash() {
	if ready := w.ready(); len(ready) > 2 {
		w.kill(ready[w.net.random.IntN(len(ready))])
		w.stats.Crashes++
	}
}

func (w *simWorld) kill(n *simNode) {
	w.trouble()
	w.net.crash(n)
	for _, c := range w.callees {
		if c.node == n && c.ended.IsZero() {
			c.ended = w.net.now
		}
	}
}

func (w *simWorld) someJoin() {
	if len(w.ready()) < 6 {
		w.start()
		w.stats.Joins++
	}
}

// someLeave drains a member as a rolling restart does.
func (w *simWorld) someLeave() {
	ready := w.ready()
	if len(ready) < 3 {
		return
	}
	n := ready[w.net.random.IntN(len(ready))]
	w.stats.Leaves++
	w.net.note("drain %s", n.id)
	n.step((*machine).drain)
	deadline := w.net.now.Add(3 * time.Second)
	var wait func()
	wait = func() {
		if !n.m.drained() && w.net.now.Before(deadline) {
			n.later(10*time.Millisecond, wait)
			return
		}
		w.kill(n)
	}
	n.later(100*time.Millisecond, wait)
}

func (w *simWorld) someSever() {
	a, b := w.pick(), w.pick()
	if a != nil && a != b {
		w.stats.Severed++
		w.trouble()
		w.net.sever(a, b)
	}
}

func (w *simWorld) someRegistration() {
	n := w.pick()
	if n == nil {
		return
	}
	what := simProcedures[w.net.random.IntN(len(simProcedures))]
	w.session++
	c := &simCallee{w: w, node: n, uri: what.uri, invoke: what.invoke, session: w.session}
	w.callees = append(w.callees, c)
	k := listKey{Realm: "realm1", URI: c.uri, Session: c.session}
	n.step(func(m *machine) { m.register(k, c.invoke, 0, c, func(_ wamp.ID, err error) { w.registered(c, err) }) })
}

// registered checks P1 and P3 at the moment of REGISTERED.
func (w *simWorld) registered(c *simCallee, err error) {
	if c.node.dead {
		return
	}
	if err != nil {
		w.stats.Refused++
		c.ended = w.net.now
		return
	}
	w.stats.Registrations++
	c.confirmed = w.net.now
	for _, e := range c.node.view(c.uri).entries {
		if e.session == c.session {
			c.stamp = e.stamp
		}
	}
	w.net.note("registered %s session %d at %s stamp %d", c.uri, c.session, c.node.id, c.stamp)
	if !c.ended.IsZero() {
		return
	}
	for _, n := range w.ready() {
		if p := c.node.m.peer(n.id); p != nil && p.gone {
			continue // nobody has a link to it
		}
		if !slices.ContainsFunc(n.view(c.uri).entries, func(e entry) bool { return e.session == c.session }) {
			w.net.fail("P1: session %d is REGISTERED for %s, %s does not know it", c.session, c.uri, n.id)
		}
	}
	if c.invoke == Single {
		for _, other := range w.callees {
			if other != c && other.uri == c.uri && !other.confirmed.IsZero() && other.ended.IsZero() {
				w.net.fail("P3: %s is single, sessions %d and %d have it", c.uri, other.session, c.session)
			}
		}
	}
}

func (n *simNode) view(uri string) *view {
	if p, ok := n.m.table.find(ProcedureKey{Realm: "realm1", URI: uri}); ok {
		return p.load()
	}
	return emptyView
}

// someEnd closes a session.
func (w *simWorld) someEnd() {
	var live []*simCallee
	for _, c := range w.callees {
		if !c.node.dead && c.ended.IsZero() && (!c.confirmed.IsZero() || w.net.random.IntN(4) == 0) {
			live = append(live, c)
		}
	}
	if len(live) == 0 {
		return
	}
	c := live[w.net.random.IntN(len(live))]
	c.ended = w.net.now
	w.net.note("close session %d of %s at %s", c.session, c.uri, c.node.id)
	c.node.step(func(m *machine) { m.closeSession(c.session) })
}

func (w *simWorld) someCall() {
	n := w.pick()
	if n == nil {
		return
	}
	what := simProcedures[w.net.random.IntN(len(simProcedures))]
	for range 1 + w.net.random.IntN(3) {
		c := &simCall{w: w, node: n, uri: what.uri, begun: w.net.now}
		w.calls = append(w.calls, c)
		w.stats.Calls++
		number, err := wamp.NewPayload(wamp.MessagePack, []any{len(w.calls) - 1}, nil)
		if err != nil {
			panic(err)
		}
		c.try(&Call{URI: c.uri, Caller: c, Payload: number})
		if w.net.random.IntN(30) == 0 {
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
	c.answered++
	if a.Error == wamp.ErrCanceled {
		c.w.stats.Canceled++
	}
	if c.answered > 1 {
		c.w.net.fail("P5: a call of %s got %d answers, the last %q", c.uri, c.answered, a.Error)
	}
}

func (c *simCallee) WaitRoom(context.Context) error { return nil }

// Deliver answers the call after a while; calls are numbered, so that a second delivery shows.
func (c *simCallee) Deliver(d *Delivery) error {
	if !c.ended.IsZero() {
		return ErrGone
	}
	if !d.Caller.Open() {
		return nil
	}
	if c.w.net.random.IntN(200) == 0 {
		c.busy = append(c.busy, c.w.net.now)
		return ErrBusy
	}
	if d.Flags&Queue == 0 && c.w.net.random.IntN(200) == 0 {
		c.w.stats.Limited++
		c.busy = append(c.busy, c.w.net.now)
		return ErrLimit
	}
	args, _, err := d.Payload.Decode()
	if err != nil {
		return err
	}
	var number int
	if _, err := fmt.Sscan(fmt.Sprint(args[0]), &number); err != nil {
		return err
	}
	call := c.w.calls[number]
	if call.delivered++; call.delivered > 1+call.declined {
		c.w.net.fail("P5: a call of %s was delivered %d times, and declined %d times", c.uri, call.delivered, call.declined)
	}
	if !call.canceled.IsZero() && c.w.net.now.Sub(call.canceled) > 500*time.Millisecond {
		c.w.net.fail("a call of %s was delivered %v after it was canceled", c.uri, c.w.net.now.Sub(call.canceled))
	}
	caller := d.Caller
	n := c.node
	n.pending = append(n.pending, simPending{c, caller})
	var declined *Delivery
	if c.w.net.random.IntN(60) == 0 {
		own := *d
		own.Details, own.Payload, own.Tried = d.Details.Clone(), d.Payload.Clone(), slices.Clone(d.Tried)
		declined = &own
	}
	n.later(c.w.net.between(0, 20*time.Millisecond), func() {
		n.pending = slices.DeleteFunc(n.pending, func(p simPending) bool { return p.caller == caller })
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

func (w *simWorld) observe(n *simNode, p *procedure, t turn, passed []uint64, delivered bool) {
	var known *simTurn
	for i := len(w.turns[p.key.URI]) - 1; i >= 0 && known == nil; i-- {
		if w.turns[p.key.URI][i].turn == t {
			known = w.turns[p.key.URI][i]
		}
	}
	if known == nil {
		known = &simTurn{turn: t, dealt: w.net.now, unreachable: map[*simNode]bool{}}
		for _, other := range w.net.nodes {
			if other.m.state == stateDraining || other != n && (other.dead || n.links[other] == nil || !n.m.peer(other.id).up.Load()) {
				known.unreachable[other] = true
			}
		}
		known.passed = passed
		w.turns[p.key.URI] = append(w.turns[p.key.URI], known)
	}
	if delivered {
		w.stats.Turns++
		known.delivered, known.at = w.net.now, n
	}
}

// judge checks what must hold after the trouble is over.
func (w *simWorld) judge() {
	ready := w.ready()
	for _, n := range ready[1:] {
		if n.m.hash() != ready[0].m.hash() {
			w.net.fail("P1: after quiet %s and %s hold different lists", ready[0].id, n.id)
		}
	}
	for _, n := range ready {
		if !n.m.settled() {
			w.net.fail("after quiet %s does not own what it should", n.id)
		}
		w.stats.Ownerships += int(n.m.maxEpoch)
		for _, what := range simProcedures {
			v := n.view(what.uri)
			live := 0
			for _, c := range w.callees {
				if c.uri == what.uri && !c.confirmed.IsZero() && c.ended.IsZero() {
					live++
				}
			}
			if len(v.entries) != live {
				w.net.fail("P1: %s knows %d callees of %s, there are %d", n.id, len(v.entries), what.uri, live)
			}
		}
	}
	for i := range slotCount {
		owners := 0
		for _, n := range ready {
			if n.m.table.slots[i].active.Load() != 0 {
				owners++
			}
		}
		if owners != 1 {
			w.net.fail("after quiet slot %d has %d owners", i, owners)
		}
	}
	for _, c := range w.calls {
		if c.Open() && !c.node.dead {
			w.net.fail("P5: a call of %s begun at %v on %s has no answer", c.uri, c.begun.Format("05.000000"), c.node.id)
		}
	}
	for _, what := range simProcedures {
		if what.invoke == RoundRobin {
			w.judgeRotation(what.uri)
		}
	}
}

// judgeRotation checks P2: of two turns that were delivered one after the other, the second
// went to the callee that comes after the first in the list. A callee may be passed over
// only if it was not there, could not be reached by the owner, or if its turn is the one that
// a crash or a broken link swallowed. When an owner crashes, turns that it delivered to its
// own callees last are known to nobody; the rotation then goes on after the last known turn.
func (w *simWorld) judgeRotation(uri string) {
	var turns []*simTurn
	for _, t := range w.turns[uri] {
		if !t.delivered.IsZero() {
			turns = append(turns, t)
		}
	}
	slices.SortFunc(turns, func(a, b *simTurn) int {
		return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Seq, b.Seq))
	})
	for i := 1; i < len(turns); i++ {
		a, b := turns[i-1], turns[i]
		if b.dealt.Before(a.dealt) {
			w.net.fail("P2: %s: turn %+v was dealt before %+v", uri, b.turn, a.turn)
		}
		passed := w.passedOver(uri, a, b)
		for j := i - 2; passed != nil && j >= 0 && a.Epoch < b.Epoch && a.at.dead; j-- {
			a = turns[j]
			if again := w.passedOver(uri, a, b); again == nil {
				passed = nil
			}
		}
		if passed != nil {
			a = turns[i-1]
			w.net.fail("P2: %s: after %+v (%s) came %+v (%s), callee %d of session %d at %s was passed over",
				uri, a.turn, a.dealt.Format("05.000000"), b.turn, b.dealt.Format("05.000000"), passed.stamp, passed.session, passed.node.id)
		}
	}
}

// passedOver gives a callee that should have had a turn between two others.
func (w *simWorld) passedOver(uri string, a, b *simTurn) *simCallee {
	for _, c := range w.callees {
		if c.uri != uri || c.stamp == 0 || !between(a.Stamp, c.stamp, b.Stamp) {
			continue
		}
		there := !c.confirmed.IsZero() && !c.confirmed.After(a.dealt) && (c.ended.IsZero() || c.ended.After(b.delivered))
		if there && !w.unreached(c, a, b) && !w.swallowed(c, a, b) {
			return c
		}
	}
	return nil
}

// unreached says that an owner could not reach the callee, or that the call had to pass it over,
// when one of two turns was dealt, or one between them that was not delivered.
func (w *simWorld) unreached(c *simCallee, a, b *simTurn) bool {
	return slices.ContainsFunc(w.turns[c.uri], func(t *simTurn) bool {
		return (t.unreachable[c.node] || slices.Contains(t.passed, c.stamp)) && !a.after(t.turn) && !t.after(b.turn)
	})
}

// swallowed says that the turn of a callee between two others was dealt, but the callee had no
// room for it or closed before it came, or it was on its way when something crashed or broke.
func (w *simWorld) swallowed(c *simCallee, a, b *simTurn) bool {
	dealt := slices.ContainsFunc(w.turns[c.uri], func(t *simTurn) bool {
		return t.delivered.IsZero() && t.Stamp == c.stamp && t.after(a.turn) && b.after(t.turn)
	})
	busy := slices.ContainsFunc(c.busy, func(at time.Time) bool {
		return !at.Before(a.dealt) && at.Before(b.delivered.Add(20*time.Millisecond))
	})
	closed := !c.ended.IsZero() && c.ended.Before(b.delivered.Add(20*time.Millisecond))
	canceled := slices.ContainsFunc(w.calls, func(call *simCall) bool {
		return call.uri == c.uri && !call.canceled.IsZero() && !call.canceled.Before(a.dealt.Add(-20*time.Millisecond)) && !call.begun.After(b.dealt)
	})
	return busy || dealt && (closed || canceled || w.inTrouble(a.dealt, b.dealt))
}

func (w *simWorld) inTrouble(from, to time.Time) bool {
	return slices.ContainsFunc(w.troubled, func(t simTrouble) bool { return t.from.Before(to) && from.Before(t.to) })
}

// between says that x comes strictly after a and before b on the ring of stamps. When a and b
// are the same callee, everybody else is between them.
func between(a, x, b uint64) bool {
	if a < b {
		return a < x && x < b
	}
	return x > a || x < b
}
