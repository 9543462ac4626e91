package cluster

import (
	"fmt"
	"slices"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

const (
	// healed is how long after all trouble every member must have the same lists: the rejoin loop
	// needs 2 s, links one, and who has to go is asked twice.
	healed = 4 * time.Second
	// settling is how long after their links are back two members may disagree on what they did
	// while they were apart.
	settling = time.Second
	// routedAround is how long after its death calls may be sent to a silent member, forgotten how
	// long its callees may be on a list.
	routedAround = 2 * time.Second
	forgotten    = 4 * time.Second
)

// simSeen is what a member had when it was looked at before: it must only grow.
type simSeen struct {
	versions map[MemberID]uint64
	promised map[slotID]uint64
}

// simAct is an epoch of a slot, in which one member acts as its owner.
type simAct struct {
	slot  slotID
	epoch uint64
}

// simSlots are the slots of the procedures of the simulation.
var simSlots = func() (slots []slotID) {
	for _, what := range simProcedures {
		slots = append(slots, slotOf(RegistrationID("realm1", Exact, what.uri)))
	}
	return slots
}()

// watch checks what must be so at every moment.
func (w *simWorld) watch() {
	s := w.net
	ready := w.ready()
	for _, n := range ready {
		seen := w.versions[n]
		if seen == nil {
			n.served = s.now
			seen = &simSeen{map[MemberID]uint64{}, map[slotID]uint64{}}
			w.versions[n] = seen
		}
		for _, p := range n.m.peers {
			if p.version != 0 && p.version < seen.versions[p.id] && s.flaw != flawReusedName {
				s.fail("%s had version %d of the list of %s and has %d", n.id, seen.versions[p.id], p.id, p.version)
			}
			seen.versions[p.id] = p.version
		}
		for _, slot := range simSlots {
			promised := n.m.table.slots[slot].promised.Load()
			if active := n.m.table.slots[slot].active.Load(); promised < seen.promised[slot] || active > promised {
				s.fail("%s promised epoch %d of slot %d, before %d, and acts in %d", n.id, promised, slot, seen.promised[slot], active)
			}
			seen.promised[slot] = promised
			if active := n.m.table.slots[slot].active.Load(); active != 0 {
				act := simAct{slot, active}
				o := w.acted[act]
				if o != nil && o != n && !o.dead && !s.separate(o, n, s.now, s.now) {
					s.fail("P2: %s and %s both act as owners of slot %d in epoch %d", o.id, n.id, slot, active)
				}
				w.acted[act] = n
			}
		}
	}
	for i, a := range ready {
		for _, b := range ready[i+1:] {
			w.watchPair(a, b)
		}
	}
}

func (w *simWorld) watchPair(a, b *simNode) {
	s := w.net
	for _, slot := range simSlots {
		x, y := &a.m.table.slots[slot], &b.m.table.slots[slot]
		if x.active.Load() != 0 && y.active.Load() != 0 && (!s.separate(a, b, s.now, s.now) || w.leased(a) && w.leased(b)) {
			s.fail("P2: slot %d has two owners: %s in epoch %d, %s in epoch %d; separate: %v", slot, a.id, x.active.Load(), b.id, y.active.Load(), s.parts[sortedWay(a, b)])
		}
	}
	if s.linked(a, b, settling) {
		for _, way := range [2]simWay{{a, b}, {b, a}} {
			if p := way.from.m.peer(way.to.id); p == nil || p.gone || !p.up.Load() {
				s.fail("P1: %s and %s are linked, but the one avoids the other: %+v", way.from.id, way.to.id, p)
			}
		}
	}
}

// leased says that a member may act as an owner in Majority mode.
func (w *simWorld) leased(n *simNode) bool {
	return w.net.quorum > 0 && n.m.table.leased(n.Now())
}

// has says that a member has, or has not, a callee on its list; if not so that must be because the
// callee's replica could not reach it: by P1 every live replica has the change when it is confirmed,
// one that does not answer within a second excepted.
func (w *simWorld) everywhere(c *simCallee, has bool, waited time.Duration, what string) {
	s := w.net // clocks differ by less than 2 %
	for _, n := range w.ready() {
		if n == c.node || n.has(c.uri, c.session) == has {
			continue
		}
		switch {
		case s.separate(c.node, n, c.asked, s.now):
			continue // it may have had it, and have dropped it with all that the replica has
		case waited >= ackWait*98/100 && !s.linked(c.node, n, ackWait):
			continue // the wait is bounded, and the link was not good all the time
		}
		p := c.node.m.peer(n.id)
		s.fail("P1: session %d of %s at %s is %s, %s does not have that; after %v, separate %v, gone %v live %v sees %v", c.session, c.uri, c.node.id, what, n.id, waited, s.parts[sortedWay(c.node, n)], p != nil && p.gone, p != nil && p.live(), p != nil && c.node.m.seenByOthers(p))
	}
}

// registered checks P1 and P3 at the moment of REGISTERED.
func (w *simWorld) registered(c *simCallee, err error) {
	if c.node.dead {
		return
	}
	s := w.net
	if err != nil {
		w.stats.Refused++
		w.judgeRefusal(c, err)
		c.refused = err.(*Error).URI != wamp.ErrUnavailable // it may have had a place that a majority did not get
		if c.ended.IsZero() {
			c.ended = s.now
		}
		return
	}
	w.stats.Registrations++
	c.confirmed = s.now
	for _, e := range c.node.view(c.uri).entries {
		if e.session == c.session {
			c.stamp = e.stamp
		}
	}
	s.note("registered %s session %d at %s stamp %d", c.uri, c.session, c.node.id, c.stamp)
	if !c.ended.IsZero() {
		return
	}
	w.everywhere(c, true, s.now.Sub(c.asked), "REGISTERED")
	// Who granted it may be separate from whom the callee's replica reaches already.
	owner := w.ownerOf(c)
	var oldest *simCallee
	for _, o := range w.of[c.uri] {
		if o == c || !o.there() {
			continue
		}
		apart := s.separate(o.node, c.node, c.asked, s.now) || owner != nil && s.separate(o.node, owner, c.asked, s.now)
		if c.invoke == Single && (!apart || s.quorum > 0 && !o.node.paused && w.leased(o.node) && w.leased(c.node)) {
			s.fail("P3: %s is single, sessions %d at %s and %d at %s have it", c.uri, o.session, o.node.id, c.session, c.node.id)
		} else if !apart && (oldest == nil || o.stamp < oldest.stamp) {
			oldest = o
		}
	}
	// While a cluster is split its parts may agree on different policies: the oldest callee's goes on.
	agrees := slices.ContainsFunc(w.of[c.uri], func(o *simCallee) bool {
		return o != c && o.stamp != 0 && o.stamp < c.stamp && o.invoke == c.invoke && (o.ended.IsZero() || o.ended.After(c.asked))
	})
	if oldest != nil && oldest.stamp < c.stamp && oldest.invoke != c.invoke && !agrees {
		s.fail("P3: sessions %d and %d have %s as %v and as %v", oldest.session, c.session, c.uri, oldest.invoke, c.invoke)
	}
}

// ownerOf gives the member that granted a registration that has just been confirmed.
func (w *simWorld) ownerOf(c *simCallee) *simNode {
	if m := c.node.m.table.slots[slotOf(RegistrationID("realm1", Exact, c.uri))].owner.Load(); m != nil {
		return w.nodeOf(m.id)
	}
	return nil
}

// nodeOf gives the member with a name.
func (w *simWorld) nodeOf(id MemberID) *simNode {
	for _, n := range slices.Backward(w.net.nodes) {
		if n.id == id {
			return n
		}
	}
	return nil
}

// judgeRefusal checks that somebody else has what was refused.
func (w *simWorld) judgeRefusal(c *simCallee, err error) {
	e, ok := err.(*Error)
	if !ok {
		w.net.fail("a registration failed: %v", err)
		return
	}
	switch e.URI {
	case wamp.ErrProcedureAlreadyExists, wamp.ErrInvocationPolicyMismatch:
		for _, o := range w.of[c.uri] {
			if o != c && !o.refused && (o.ended.IsZero() || !o.ended.Before(c.asked.Add(-askWait))) {
				return
			}
		}
		w.net.fail("P3: session %d was refused %s: %v; nobody else has had it for long", c.session, c.uri, err)
	case wamp.ErrUnavailable:
	default:
		w.net.fail("a registration failed: %v", err)
	}
}

// revoked checks that whoever is revoked is the younger callee of a single procedure.
func (w *simWorld) revoked(n *simNode, k listKey) {
	for _, c := range w.of[k.URI] {
		if c.session != k.Session || !c.ended.IsZero() {
			continue
		}
		e, ok := n.m.ownEntry(k)
		if !ok {
			continue
		}
		w.stats.Revoked++
		w.net.note("session %d of %s at %s is revoked", c.session, c.uri, n.id)
		// What was decided while the replica was paused it hears when it wakes.
		decided := w.net.now.Add(-settling)
		if n.woke.After(decided) {
			decided = n.stopped
		}
		if !slices.ContainsFunc(w.of[k.URI], func(o *simCallee) bool {
			return o != c && o.stamp != 0 && o.stamp < e.Stamp && (o.ended.IsZero() || o.ended.After(decided))
		}) && !slices.ContainsFunc(w.net.live(), func(o *simNode) bool { // or it is on its way to be confirmed
			return slices.ContainsFunc(o.view(k.URI).entries, func(older entry) bool { return older.callee != nil && older.stamp < e.Stamp })
		}) {
			for _, o := range w.net.live() { // the views that led to it
				for _, e := range o.view(k.URI).entries {
					w.net.note("revocation of %d: %s knows session %d stamp %d at %s", c.session, o.id, e.session, e.stamp, e.member.id)
				}
			}
			w.net.fail("P6: session %d of %s was revoked, there is no older one", c.session, c.uri)
		}
		c.ended = w.net.now
		n.step(func(m *machine) { m.unregister(k, func() {}) })
	}
}

// unregistered checks P1 at the moment of UNREGISTERED.
func (w *simWorld) unregistered(c *simCallee) {
	if !c.node.dead {
		w.stats.Unregistered++
		w.everywhere(c, false, w.net.now.Sub(c.ended), "UNREGISTERED")
	}
}

// judgeDelivery checks P3 and P5 when a callee gets a call.
func (w *simWorld) judgeDelivery(c *simCallee, call *simCall, d *Delivery) {
	s := w.net
	if call.delivered > 1+call.declined+call.lost {
		s.fail("P5: a call of %s was delivered %d times, declined %d times, and lost %d times", c.uri, call.delivered, call.declined, call.lost)
	}
	if !call.canceled.IsZero() && s.now.Sub(call.canceled) > time.Second && s.linked(call.node, c.node, settling) {
		s.fail("a call of %s was delivered %v after it was canceled", c.uri, s.now.Sub(call.canceled))
	}
	// The caller's replica chose, by a policy that the parts of a split cluster may disagree on.
	if v := call.node.view(c.uri); v.invoke != First && v.invoke != Last || v.invoke != c.invoke || len(d.Tried) > 0 || c.node.m.state != stateReady {
		return
	}
	if call.node != c.node && call.chosen != c.invoke {
		return // it was on its way when the policy changed
	}
	for _, o := range w.of[c.uri] {
		better := o.stamp < d.Stamp
		if c.invoke == Last {
			better = o.stamp > d.Stamp
		}
		if o != c && better && o.there() && o.invoke == c.invoke && o.confirmed.Before(call.begun) && o.node.m.state == stateReady && len(o.busy) == 0 &&
			(call.node == o.node || s.linked(call.node, o.node, settling)) && s.now.Sub(call.begun) < settling/2 {
			if slices.ContainsFunc(call.node.view(c.uri).entries, func(e entry) bool { return e.invoke != c.invoke }) {
				return
			}
			s.fail("P3: a call of %s at %s went to session %d at %s, and not to %d at %s", c.uri, call.node.id, c.session, c.node.id, o.session, o.node.id)
		}
	}
}

// judgeAnswer checks P5 when a call is answered.
func (w *simWorld) judgeAnswer(c *simCall, a *Answer) {
	s := w.net
	took := s.now.Sub(c.begun)
	switch {
	case c.answered > 1:
		s.fail("P5: a call of %s got %d answers, the last %q", c.uri, c.answered, a.Error)
	case took > c.most() && c.pauses == c.node.pauses:
		s.fail("P5: a call of %s at %s was answered after %v", c.uri, c.node.id, took)
	case a.Error == wamp.ErrUnavailable && s.quorum == 0:
		s.fail("P6: a call of %s was refused as in a minority", c.uri)
	case a.Error == wamp.ErrNoSuchProcedure:
		if c.uri == "sim.hold" {
			if w.stats.Held++; took < simHold*98/100 {
				s.fail("a call of %s was not held: %v", c.uri, took)
			}
		}
		for _, o := range w.of[c.uri] {
			if o.there() && o.confirmed.Before(c.begun) && (o.node == c.node || s.linked(o.node, c.node, settling)) {
				s.fail("P3: a call of %s at %s finds no callee, session %d is registered at %s", c.uri, c.node.id, o.session, o.node.id)
			}
		}
	}
}

// most is how long a call may take: it may wait for a callee, and anew when it was lost with one.
func (c *simCall) most() time.Duration { return time.Duration(1+c.lost)*routeWait + 3*time.Second }

// watchDeath checks P4: nobody has the callees of a member that has been dead for long.
func (w *simWorld) watchDeath(n *simNode) {
	s := w.net
	died := s.now
	pauses := map[*simNode]int{}
	for _, o := range s.nodes {
		pauses[o] = o.pauses
	}
	s.after(routedAround, func() { w.judgeDeath(n, died, pauses, false) })
	s.after(forgotten, func() { w.judgeDeath(n, died, pauses, true) })
}

func (w *simWorld) judgeDeath(n *simNode, died time.Time, pauses map[*simNode]int, gone bool) {
	s := w.net
	if n.restartedAs != nil && n.restartedAs.id == n.id {
		return
	}
	for _, o := range w.ready() {
		if pauses[o] != o.pauses || o.slow > 0 || o.born.After(died) || slices.ContainsFunc(s.nodes, func(x *simNode) bool {
			return x != o && x != n && (!x.dead || x.died.After(died)) && s.separate(o, x, died, s.now)
		}) {
			continue
		}
		for _, what := range simProcedures {
			for _, e := range o.view(what.uri).entries {
				if e.member.id == n.id && (gone || e.member.up.Load()) {
					s.fail("P4: %s died %v ago, %s still has its session %d for %s", n.id, s.now.Sub(died), o.id, e.session, what.uri)
				}
			}
		}
	}
}

// judgeLists checks P1, P3 and P6 when all trouble has been over for a while.
func (w *simWorld) judgeLists() {
	s := w.net
	ready := w.ready()
	for _, n := range s.live() {
		if n.m.state == stateJoining {
			s.fail("P1: %s is still joining after quiet", n.id)
		}
	}
	if len(ready) == 0 || s.failed != nil {
		return
	}
	for _, n := range ready[1:] {
		if n.m.hash() != ready[0].m.hash() {
			s.fail("P1: after quiet %s and %s hold different lists", ready[0].id, n.id)
		}
	}
	majority := s.quorum == 0 || 2*len(ready) > s.quorum
	for _, n := range ready {
		if !n.m.settled() && majority {
			s.fail("after quiet %s does not own what it should", n.id)
		}
		for _, what := range simProcedures {
			v := n.view(what.uri)
			var live []*simCallee
			for _, c := range w.of[what.uri] {
				if c.there() {
					live = append(live, c)
				}
			}
			if len(v.entries) != len(live) {
				s.fail("P1: %s knows %d callees of %s, there are %d", n.id, len(v.entries), what.uri, len(live))
			}
			if len(live) > 1 && live[0].invoke == Single {
				s.fail("P6: %s is single, and %d callees have it after quiet", what.uri, len(live))
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
		if owners != 1 && majority {
			s.fail("after quiet slot %d has %d owners", i, owners)
		}
	}
}

// judge checks at the end that everything asked was answered, and the rotations.
func (w *simWorld) judge() {
	s := w.net
	for _, c := range w.calls {
		if c.Open() && !c.node.dead && (c.lost == 0 || s.now.Sub(c.begun) > c.most()) {
			s.fail("P5: a call of %s begun at %v on %s has no answer; it was sent as %d", c.uri, c.begun.Format("05.000000"), c.node.id, c.number)
		}
	}
	for _, c := range w.callees {
		if c.confirmed.IsZero() && c.ended.IsZero() && !c.node.dead {
			s.fail("P5: the registration of session %d for %s at %s has no answer", c.session, c.uri, c.node.id)
		}
	}
	for _, what := range simProcedures {
		if what.invoke == RoundRobin {
			w.judgeRotation(what.uri)
		}
	}
}

// failure describes a failed world for people.
func (w *simWorld) failure() string {
	return fmt.Sprintf("seed %d (%d members, quorum %d, trouble %+v): %v", w.seed, w.size, w.net.quorum, w.trouble, w.net.failed)
}
