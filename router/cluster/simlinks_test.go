package cluster

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// simPair is the connections between two members: one for control, one for calls in each direction.
type simPair struct {
	sides [2]*simLink
	slow  time.Duration
	// via is the member that relays; nil for direct links.
	via    *simNode
	broken time.Time // nothing arrives after; zero while they stand
	ended  time.Time // when one of the two took them out of use
}

// simLink is one side of a pair: what its member sends and whether it hears the other. Both
// directions are FIFO.
type simLink struct {
	from, to *simNode
	member   *member // of to, as from knows it
	pair     *simPair
	rev      *simLink  // the other side
	control  time.Time // when the last control message arrives
	frames   time.Time // when the last frame arrives

	// Packets that are lost are sent again when they can pass again: what has been written waits.
	stalled bool
	since   time.Time // when that began
	change  int       // counts how often that changed
	held    []simArrival
	read    []message // what has arrived and the other process has not taken yet

	closed bool // from has given it up, and what comes is not read
	// deaf is since when nothing can be heard on it; masked, that the machine was told.
	deaf   time.Time
	deafs  int
	masked bool
	// good is since when it has stood and been heard in both directions.
	good time.Time
}

type simArrival struct{ arrived, take func() }

func (s *simNet) cut(a, b *simNode) bool { return s.cuts[simWay{a, b}] > 0 || s.cuts[simWay{b, a}] > 0 }

// impede makes packets from one member to another vanish, or ends one cause of that.
func (s *simNet) impede(from, to *simNode, causes int) { s.cuts[simWay{from, to}] += causes }

// refresh lets what changed in the network and the processes take effect on links.
func (s *simNet) refresh() {
	for _, n := range s.nodes {
		if n.dead {
			continue
		}
		for _, o := range s.nodes {
			l := n.links[o.id]
			if l == nil || l.to != o {
				continue
			}
			l.stall()
			l.listen()
			l.rev.listen()
		}
	}
}

// impeded says whether what is sent on l vanishes, and now or once the sender may send no more
// before it hears of what it has sent.
func (l *simLink) impeded() (impeded, later bool) {
	s := l.from.net
	if v := l.pair.via; v != nil {
		return v.dead || v.paused || s.cut(l.from, v) || s.cut(v, l.to), false
	}
	if s.cuts[simWay{l.from, l.to}] > 0 {
		return true, false
	}
	back := s.cuts[simWay{l.to, l.from}] > 0
	return back, back
}

func (l *simLink) stall() {
	s := l.from.net
	impeded, later := l.impeded()
	if impeded == !l.since.IsZero() {
		return
	}
	l.change++
	change := l.change
	if impeded {
		l.since = s.now
		if !later {
			l.stalled = true
			return
		}
		s.after(s.between(0, time.Second), func() {
			if l.change == change {
				l.stalled = true
				l.rev.listen()
			}
		})
		return
	}
	outage := min(s.now.Sub(l.since), time.Second)
	l.since = time.Time{}
	if !l.stalled {
		return
	}
	// The next time that TCP tries again: the longer it has been, the later.
	s.after(s.between(time.Millisecond, 2*time.Millisecond+outage), func() {
		if l.change != change {
			return
		}
		l.stalled = false
		held := l.held
		l.held = nil
		for _, a := range held {
			l.pass(a)
		}
		l.rev.listen()
	})
}

// listen finds out whether l hears anything. When it does not, its member masks the other after a
// while, and then gives the link up; not while it is paused, since then it knows that it heard
// nothing because of itself.
func (l *simLink) listen() {
	s, n := l.from.net, l.from
	if l.closed || n.dead || n.links[l.to.id] != l {
		return
	}
	hears := !l.rev.stalled && !l.rev.closed && !l.to.dead && !l.to.paused
	if fine := hears && !l.stalled && l.since.IsZero() && l.rev.since.IsZero() && !n.paused && l.to.links[n.id] == l.rev; !fine {
		l.good, l.rev.good = time.Time{}, time.Time{}
	} else if l.good.IsZero() {
		l.good, l.rev.good = s.now, s.now
	}
	if hears {
		if !l.deaf.IsZero() {
			l.deaf = time.Time{}
			l.deafs++
		}
		if l.masked {
			deafs := l.deafs
			n.later(s.between(0, heartbeat), func() {
				if l.deafs == deafs && n.links[l.to.id] == l && l.masked {
					l.masked = false
					n.step(func(m *machine) { m.linkSilent(l.to.id, false) })
				}
			})
		}
		return
	}
	if n.paused {
		l.deaf = time.Time{} // it starts anew when it wakes
		l.deafs++
		return
	}
	if !l.deaf.IsZero() {
		return
	}
	l.deaf = s.now
	l.deafs++
	deafs := l.deafs
	heard := s.now.Add(-s.between(0, heartbeat))
	check := func(after time.Duration, f func()) {
		s.at(maxTime(s.now, heard.Add(after+s.between(0, heartbeat/2))), func() {
			if l.deafs == deafs && !n.paused {
				n.input(func() {
					if n.links[l.to.id] == l && l.deafs == deafs {
						f()
					}
				})
			}
		})
	}
	check(maskAfter, func() {
		l.masked = true
		n.step(func(m *machine) { m.linkSilent(l.to.id, true) })
	})
	check(breakAfter, func() {
		s.note("%s gives up the link to %s: silent", n.id, l.to.id)
		if s.unreachable(n, l.to) || !s.cut(n, l.to) {
			s.part(n, l.to, heard)
		}
		l.giveUp()
	})
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// giveUp closes this side. The other learns of it when packets pass.
func (l *simLink) giveUp() {
	l.closed = true
	l.from.unlink(l)
	if impeded, _ := l.impeded(); !impeded && !l.stalled {
		l.rev.noticeAt(l.from.net.now.Add(l.pair.slow + l.from.net.between(0, l.pair.slow)))
	}
	l.rev.listen()
}

// noticeAt lets a member notice that its link was closed by the other side.
func (l *simLink) noticeAt(t time.Time) {
	l.from.net.at(t, func() {
		l.from.take(simInput{broken: true, do: func() { l.from.unlink(l) }})
	})
}

// unlink takes a link out of use.
func (n *simNode) unlink(l *simLink) {
	if n.dead || n.links[l.to.id] != l {
		return
	}
	n.net.note("%s has no link to %s any more", n.id, l.to.id)
	l.closed = true
	if l.pair.ended.IsZero() {
		l.pair.ended = n.net.now
	}
	delete(n.links, l.to.id)
	if n.net.unreachable(n, l.to) {
		n.net.part(n, l.to, n.net.now)
	}
	n.net.after(goneAfter*9/10, func() { n.net.isolated(l.to) })
	var last uint64
	n.step(func(m *machine) {
		last = n.calls.last.Load()
		done := n.fences.drop(l.member)
		m.linkDown(l.to.id)
		for _, fence := range done {
			m.fenceDone(fence)
		}
	})
	n.calls.lose(l.member, last)
	if n.id < l.to.id {
		n.dial(l.to, 3*time.Millisecond)
	}
}

// dial links a member again and again with one that gossip knows. Of two the one with the smaller
// name does it.
func (n *simNode) dial(to *simNode, pause time.Duration) {
	s := n.net
	if n.dialing[to.id] {
		return
	}
	n.dialing[to.id] = true
	var try func(pause time.Duration)
	try = func(pause time.Duration) {
		n.later(pause/2+s.between(0, pause), func() {
			if !n.knows[to] || to.dead || n.links[to.id] != nil {
				n.dialing[to.id] = false
				return
			}
			switch via := n.relay(to); {
			case !s.cut(n, to) && !to.paused:
				s.connect(n, to, nil)
				n.dialing[to.id] = false
			case via != nil && pause > 200*time.Millisecond:
				s.connect(n, to, via)
				n.dialing[to.id] = false
			default:
				try(min(2*pause, 500*time.Millisecond))
			}
		})
	}
	try(pause)
}

// relay gives a member through which two can be linked that cannot reach each other.
func (n *simNode) relay(to *simNode) *simNode {
	s := n.net
	if to.paused || !s.cut(n, to) {
		return nil
	}
	for _, v := range s.nodes {
		if v != n && v != to && !v.dead && !v.paused && !s.cut(n, v) && !s.cut(v, to) && n.links[v.id] != nil && v.links[to.id] != nil {
			return v
		}
	}
	return nil
}

// connect brings links up: first at the side that was dialed.
func (s *simNet) connect(a, b, via *simNode) {
	pair := &simPair{slow: s.between(50*time.Microsecond, 3*time.Millisecond), via: via}
	if via != nil {
		pair.slow += s.between(50*time.Microsecond, 3*time.Millisecond)
	}
	there := s.now.Add(pair.slow)
	here := there.Add(pair.slow)
	la := &simLink{from: a, to: b, pair: pair, control: here, frames: here}
	lb := &simLink{from: b, to: a, pair: pair, control: here, frames: here}
	la.rev, lb.rev = lb, la
	pair.sides = [2]*simLink{la, lb}
	s.at(there, func() { b.input(func() { b.use(lb) }) })
	s.at(here, func() { a.input(func() { a.use(la) }) })
	if via != nil {
		s.direct(la)
	}
}

// direct replaces a relayed link by a direct one some time after that has become possible.
func (s *simNet) direct(l *simLink) {
	s.after(s.between(200*time.Millisecond, 2*time.Second), func() {
		switch {
		case l.from.dead || l.from.links[l.to.id] != l:
		case s.cut(l.from, l.to) || l.to.paused || l.from.paused:
			s.direct(l)
		default:
			l.from.input(func() { l.giveUp() })
		}
	})
}

// use is Node.useLink: the link is the one in use with its member from now on.
func (n *simNode) use(l *simLink) {
	if old := n.links[l.to.id]; old != nil {
		old.giveUp() // the other side knows that it broke before this one does
	}
	n.net.note("%s has a link to %s, via %v", n.id, l.to.id, l.pair.via != nil)
	n.links[l.to.id] = l
	n.step(func(m *machine) {
		l.member = m.addPeer(l.to.id, l.to.replica).member
		var calls callLink = l
		l.member.link.Store(&calls)
		l.member.echo.Store(0)
		n.calls.linked(l.member)
		m.linkUp(l.to.id, l.to.replica)
	})
	if l.to.dead || l.rev.closed || !l.pair.broken.IsZero() { // it may have been severed before it was in use
		l.noticeAt(maxTime(l.pair.broken, n.net.now.Add(l.pair.slow)))
	}
	l.stall()
	l.listen()
	if l.to.links[n.id] == l.rev {
		n.net.joined(n, l.to)
	}
}

// echoes tells a member in Majority mode what the others have heard of it: a beat is sent every
// 100 ms, and the answer comes with the next beat of the other side.
func (n *simNode) echoes() {
	if n.net.quorum == 0 {
		return
	}
	for _, o := range n.net.nodes {
		l := n.links[o.id]
		if l == nil || l.to != o || l.stalled || l.rev.stalled || !l.since.IsZero() || o.dead || o.paused || o.links[n.id] != l.rev {
			continue
		}
		sent := n.Now().Add(-n.net.between(heartbeat, 2*heartbeat))
		if !l.good.IsZero() && n.net.now.Sub(l.good) > 2*heartbeat {
			l.member.echo.Store(max(l.member.echo.Load(), steady(sent)))
		}
	}
}

// sever breaks the links of two members; they find out one after the other.
func (s *simNet) sever(a, b *simNode) bool {
	l := a.links[b.id]
	if l == nil || l.to != b || !l.pair.broken.IsZero() {
		return false
	}
	s.note("sever %s %s", a.id, b.id)
	l.pair.broken = s.now.Add(s.between(0, 2*time.Millisecond))
	for _, side := range l.pair.sides {
		side.noticeAt(l.pair.broken.Add(s.between(0, 5*time.Millisecond)))
	}
	return true
}

// deliver brings something to the other side, behind what was sent before on the same connection:
// arrived is called when it is there, take when the process takes it, which is the same moment unless
// it is slow or paused.
func (l *simLink) deliver(last *time.Time, arrived, take func()) {
	s := l.from.net
	at := maxTime(*last, s.now.Add(l.pair.slow+s.between(0, l.pair.slow)))
	*last = at
	s.at(at, func() {
		a := simArrival{arrived, take}
		if l.stalled || len(l.held) > 0 {
			l.held = append(l.held, a)
			return
		}
		l.pass(a)
	})
}

// pass hands what arrived to the process, where the link may be out of use by then.
func (l *simLink) pass(a simArrival) {
	if !l.pair.broken.IsZero() && !l.from.net.now.Before(l.pair.broken) {
		return
	}
	if a.arrived != nil {
		a.arrived()
	}
	l.to.take(simInput{call: a.arrived == nil, do: func() {
		if l.to.links[l.from.id] == l.rev {
			a.take()
		}
	}})
}

// say sends a control message.
func (l *simLink) say(b []byte) {
	s := l.from.net
	if s.loses > 0 && messageKind(b[0]) == kindDelta && s.random.IntN(1_000_000) < s.loses {
		return
	}
	msg, err := parseMessage(b)
	if err != nil {
		s.fail("message: %v", err)
		return
	}
	l.deliver(&l.control, func() {
		l.read = append(l.read, msg)
	}, func() {
		msgs := l.read
		l.read = nil
		if len(msgs) > 0 {
			l.to.step(func(m *machine) { m.receive(l.from.id, msgs...) })
		}
	})
}

func (l *simLink) send(f *frame) bool {
	s := l.from.net
	if l.from.links[l.to.id] != l {
		return false
	}
	if s.sent != nil {
		s.sent(l, f)
	}
	b := appendFrame(nil, f)
	l.deliver(&l.frames, nil, func() {
		var f frame
		if err := parseFrame(b, &f); err != nil {
			s.fail("frame: %v", err)
			return
		}
		if s.arriving != nil {
			s.arriving(l, &f)
		}
		s.note("%s gets from %s: %s", l.to.id, l.from.id, describe(&f))
		l.to.onFrame(l.rev, &f)
	})
	return true
}

// describe gives a frame in the words of a trace; only called for one.
func describe(f *frame) fmt.Stringer { return described{f} }

type described struct{ f *frame }

func (d described) String() string {
	kinds := map[frameKind]string{
		frameCall: "call", frameDeal: "deal", frameTurn: "turn", frameRouted: "routed", frameRefused: "refused", frameLost: "lost",
		frameHeld: "held", frameHolds: "holds", frameAnswer: "answer", frameCancel: "cancel", frameFence: "fence", frameFenced: "fenced",
	}
	return fmt.Sprintf("%s %d, reason %d, epoch %d seq %d stamp %d %s", kinds[d.f.kind], d.f.call, d.f.reason, d.f.epoch, d.f.seq, d.f.stamp, d.f.text)
}

func (l *simLink) Full() bool                     { return false }
func (l *simLink) WaitRoom(context.Context) error { return nil }

// disturbed begins the time anew for which the links of a member have been good.
func (s *simNet) disturbed(n *simNode) {
	for _, o := range s.nodes {
		if l := n.links[o.id]; l != nil && !l.good.IsZero() {
			l.good, l.rev.good = s.now, s.now
		}
	}
}

// linked says that two members have used the same links, undisturbed, for a time.
func (s *simNet) linked(a, b *simNode, d time.Duration) bool {
	l := a.links[b.id]
	return l != nil && l.to == b && b.links[a.id] == l.rev && !a.paused && !b.paused && a.slow == 0 && b.slow == 0 &&
		!l.good.IsZero() && !l.rev.good.IsZero() && s.now.Sub(l.good) >= d && s.now.Sub(l.rev.good) >= d
}

// live are the members that run, in the order in which they were started.
func (s *simNet) live() []*simNode {
	return slices.DeleteFunc(slices.Clone(s.nodes), func(n *simNode) bool { return n.dead })
}
