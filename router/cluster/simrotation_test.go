package cluster

import (
	"cmp"
	"encoding/binary"
	"slices"
	"time"
)

// simTurn is a turn of a rotation.
type simTurn struct {
	turn
	passed           []uint64 // callees that the call had been to, or that take no more
	dealt, delivered time.Time
	arrived          time.Time // at the callee's replica, delivered or not
	by, at           *simNode  // who dealt and who delivered it
	link             *simLink  // that it was sent on; nil: it was delivered where it was dealt
	deposedBy        *simNode  // who owned the slot by then, for the callee's replica
	call             *simCall
	unreachable      []*simNode // replicas that were leaving, or that the owner had no link to
}

// sending notes on which link a turn goes out.
func (w *simWorld) sending(l *simLink, f *frame) {
	if f.kind == frameTurn {
		w.via, w.carried = l, w.calls[binary.BigEndian.Uint64(f.Args)]
	}
}

// arriving notes that a turn came to the callee's replica.
func (w *simWorld) arriving(l *simLink, f *frame) {
	if f.kind != frameTurn {
		return
	}
	for _, what := range simProcedures {
		turns := w.turns[what.uri]
		for i := len(turns) - 1; i >= 0; i-- {
			if t := turns[i]; t.link == l && t.turn == (turn{Epoch: f.epoch, Seq: f.seq, Stamp: f.stamp}) {
				t.arrived = w.net.now
				slot := &l.to.m.table.slots[slotOf(RegistrationID("realm1", Exact, what.uri))]
				if o := slot.owner.Load(); f.epoch < slot.promised.Load() && o != nil {
					t.deposedBy = w.nodeOf(o.id)
				}
				return
			}
		}
	}
}

// observe learns of a turn that was dealt or delivered.
func (w *simWorld) observe(n *simNode, p *procedure, t turn, passed []uint64, delivered bool) {
	turns := w.turns[p.key.URI]
	var known *simTurn
	for i := len(turns) - 1; i >= 0 && known == nil; i-- {
		if turns[i].turn == t && (turns[i].by == n || turns[i].link != nil && turns[i].link.to == n) {
			known = turns[i]
		}
	}
	if known == nil {
		known = &simTurn{turn: t, dealt: w.net.now, passed: slices.Clone(passed), by: n}
		if !delivered {
			known.link, known.call = w.via, w.carried
		}
		for _, other := range w.net.nodes {
			if other.m.state == stateDraining || other != n && (!n.reaches(other) || w.net.separate(n, other, w.net.now, w.net.now)) {
				known.unreachable = append(known.unreachable, other)
			}
		}
		w.turns[p.key.URI] = append(turns, known)
		w.net.note("%s deals %+v of %s", n.id, t, p.key.URI)
	}
	if delivered {
		if promised := p.slot.promised.Load(); t.Epoch < promised {
			w.net.fail("P2: %s delivers a turn of epoch %d of %s, and has promised epoch %d to another owner", n.id, t.Epoch, p.key.URI, promised)
		}
		w.stats.Turns++
		known.delivered, known.at = w.net.now, n
		w.net.note("%s delivers %+v of %s", n.id, t, p.key.URI)
	}
}

// reaches says that a member sends calls to another.
func (n *simNode) reaches(o *simNode) bool {
	p := n.m.peer(o.id)
	return p != nil && n.links[o.id] != nil && p.up.Load() && p.synced
}

// judgeRotation checks P2: of two turns that were delivered one after the other, the second
// went to the callee that comes after the first in the list. A callee may be passed over
// only if it was not there, could not be reached by the owner, or if its turn is one that
// was dealt and did not arrive, because its caller, its callee or its link ended. That holds for the
// turns of one owner. A new owner goes on after the last turn that a member knows that can reach
// it; turns that only members know which ended, or were separate from it, are known to nobody.
func (w *simWorld) judgeRotation(uri string) {
	s := w.net
	var turns []*simTurn
	for _, t := range w.turns[uri] {
		if !t.delivered.IsZero() {
			turns = append(turns, t)
		}
	}
	slices.SortStableFunc(turns, func(a, b *simTurn) int {
		return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Seq, b.Seq))
	})
	if s.quorum > 0 {
		w.judgeReigns(uri, turns)
	}
	last := map[*simNode]*simTurn{}
	for i, b := range turns {
		before := last[b.by]
		last[b.by] = b
		if before != nil && before.Epoch == b.Epoch {
			if passed := w.passedOver(uri, before, b); passed != nil {
				w.broken(uri, before, b, passed)
			}
			continue
		}
		var passed *simCallee
		var after *simTurn
		for j := i - 1; j >= 0; j-- {
			a := turns[j]
			if b.dealt.Before(a.dealt) {
				if !s.separate(a.by, b.by, b.dealt, a.dealt) && w.survived(b, a) {
					s.fail("P2: %s: %+v was dealt by %s before %+v by %s", uri, b.turn, b.by.id, a.turn, a.by.id)
				}
				continue
			}
			if a.Epoch == b.Epoch {
				if !s.separate(a.by, b.by, a.dealt, b.dealt) && w.survived(a, b) {
					s.fail("P2: %s: %s and %s both deal in epoch %d", uri, a.by.id, b.by.id, a.Epoch)
				}
				continue
			}
			over := w.passedOver(uri, a, b)
			if over == nil {
				passed = nil
				break
			}
			if passed == nil {
				passed, after = over, a
			}
			if w.known(a, b) {
				break
			}
			if j == 0 {
				passed = nil // nobody knew where the rotation was
			}
		}
		if passed != nil && !w.merged(uri, turns[:i], after, b) {
			w.broken(uri, after, b, passed)
		}
	}
}

// judgeReigns checks for Majority mode that nobody dealt a turn between those of another owner, also
// while the cluster was split.
func (w *simWorld) judgeReigns(uri string, turns []*simTurn) {
	turns = slices.SortedStableFunc(slices.Values(turns), func(a, b *simTurn) int { return a.dealt.Compare(b.dealt) })
	over := map[simReign]*simTurn{}
	for i, t := range turns {
		if before := over[simReign{t.by, t.Epoch}]; before != nil {
			w.net.fail("P6: %s: %+v was dealt by %s at %s, between turns of %s in epoch %d", uri, before.turn, before.by.id, before.dealt.Format("05.000000"), t.by.id, t.Epoch)
		}
		if i > 0 && (turns[i-1].by != t.by || turns[i-1].Epoch != t.Epoch) {
			over[simReign{turns[i-1].by, turns[i-1].Epoch}] = t
		}
	}
}

// simReign is a time in which a member deals.
type simReign struct {
	by    *simNode
	epoch uint64
}

// merged says that the turn b comes after the last one that a part of the cluster knew which was
// separate when the last turn of all was dealt: when a split heals, the rotation of one of the parts
// goes on, unless only one may have a rotation.
func (w *simWorld) merged(uri string, turns []*simTurn, after, b *simTurn) bool {
	s := w.net
	if s.quorum > 0 {
		return false
	}
	return slices.ContainsFunc(s.nodes, func(n *simNode) bool {
		if n.dead && n.died.Before(after.dealt) || !s.separate(n, after.by, after.dealt, after.dealt) && !s.separate(n, b.by, after.dealt, b.dealt) {
			return false
		}
		for _, a := range slices.Backward(turns) {
			knew := func(o *simNode) bool { return o == n || !s.separate(o, n, a.dealt, a.dealt) }
			if a.Epoch < b.Epoch && !b.dealt.Before(a.dealt) && (knew(a.by) || knew(a.at)) {
				return w.passedOver(uri, a, b) == nil
			}
		}
		return false
	})
}

func (w *simWorld) broken(uri string, a, b *simTurn, passed *simCallee) {
	w.net.fail("P2: %s: after %+v (%s, by %s at %s) came %+v (%s, by %s at %s), callee %d of session %d at %s was passed over",
		uri, a.turn, a.dealt.Format("05.000000"), a.by.id, a.at.id, b.turn, b.dealt.Format("05.000000"), b.by.id, b.at.id, passed.stamp, passed.session, passed.node.id)
}

// known says that the owner that dealt b must have known of a: a member that it could reach knew.
func (w *simWorld) known(a, b *simTurn) bool {
	for _, n := range [2]*simNode{a.by, a.at} {
		if n == b.by || (!n.dead || n.died.After(b.dealt)) && !w.net.separate(n, b.by, a.dealt, b.dealt) {
			return true
		}
	}
	return false
}

// survived says that a member that served when one turn was dealt was there, and not separate from
// who dealt it, when a later one was: it had promised the epoch of the first to its owner, or heard of it
// when they met again. When all are gone that had, epochs may begin anew.
func (w *simWorld) survived(first, later *simTurn) bool {
	end := later.dealt
	if first.by.dead && first.by.died.Before(end) {
		end = first.by.died
	}
	return slices.ContainsFunc(w.net.nodes, func(n *simNode) bool {
		return n != first.by && !n.served.IsZero() && n.served.Before(first.dealt) && (!n.dead || n.died.After(later.dealt)) &&
			!w.net.separate(n, later.by, first.dealt, later.dealt) && !w.net.separateThroughout(n, first.by, first.dealt, end)
	})
}

// passedOver gives a callee that should have had a turn between two others.
func (w *simWorld) passedOver(uri string, a, b *simTurn) *simCallee {
	for _, c := range w.of[uri] {
		if c.stamp == 0 || !between(a.Stamp, c.stamp, b.Stamp) {
			continue
		}
		there := !c.confirmed.IsZero() && c.confirmed.Before(a.dealt) && (c.ended.IsZero() || c.ended.After(b.delivered))
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
		return (slices.Contains(t.passed, c.stamp) || slices.Contains(t.unreachable, c.node)) && !a.after(t.turn) && !t.after(b.turn)
	})
}

// swallowed says that the callee had no room for its turn between two others, or that the turn was
// dealt and did not arrive for a reason.
func (w *simWorld) swallowed(c *simCallee, a, b *simTurn) bool {
	if slices.ContainsFunc(c.busy, func(at time.Time) bool {
		return !at.Before(a.dealt) && !at.After(b.dealt)
	}) {
		return true
	}
	return slices.ContainsFunc(w.turns[c.uri], func(t *simTurn) bool {
		return t.delivered.IsZero() && t.Stamp == c.stamp && t.after(a.turn) && b.after(t.turn) && w.lost(c, t)
	})
}

// lost says why a turn that was dealt did not arrive.
func (w *simWorld) lost(c *simCallee, t *simTurn) bool {
	s := w.net
	switch {
	case !t.arrived.IsZero() && !c.ended.IsZero() && !c.ended.After(t.arrived): // it closed
	case t.deposedBy != nil && s.separate(t.by, t.deposedBy, t.dealt, t.arrived): // and did not know it yet
	case c.turned[t.call], !t.call.canceled.IsZero():
	case t.call.node.dead:
	case t.arrived.IsZero() && !t.link.pair.ended.IsZero(): // it was lost with the link
	case t.arrived.IsZero() && t.link.from.dead && t.link.to.dead: // nobody was left to take the link out of use
	case t.link.over(t.dealt):
	case s.separate(t.call.node, c.node, t.dealt, s.now): // it does not know the caller's replica
	default:
		return false
	}
	return true
}

// over says that a link ended not long after a time.
func (l *simLink) over(t time.Time) bool {
	return !l.pair.ended.IsZero() && l.pair.ended.Sub(t) < breakAfter+500*time.Millisecond || l.to.pauses > 0 && !l.pair.ended.IsZero()
}

// between says that x comes strictly after a and before b on the ring of stamps. When a and b
// are the same callee, everybody else is between them.
func between(a, x, b uint64) bool {
	if a < b {
		return a < x && x < b
	}
	return x > a || x < b
}
