package cluster

import (
	"container/heap"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"
)

// A simulated cluster: the machines and the call paths of several members on one clock that
// jumps from event to event, and a network that delays, loses and breaks as a seed says. One
// goroutine runs it all, so a seed replays the same run.

// simNet is the clock and the network.
type simNet struct {
	random *rand.Rand
	now    time.Time
	queue  simQueue
	seq    int
	nodes  []*simNode
	failed error
	trace  []string
}

func newSimNet(seed uint64) *simNet {
	return &simNet{random: rand.New(rand.NewPCG(seed, 0)), now: time.Unix(1_700_000_000, 0)}
}

func (s *simNet) fail(format string, args ...any) {
	if s.failed == nil {
		s.failed = fmt.Errorf(format, args...)
	}
}

func (s *simNet) note(format string, args ...any) {
	s.trace = append(s.trace, s.now.Format("05.000000 ")+fmt.Sprintf(format, args...))
}

func (s *simNet) at(t time.Time, f func()) {
	s.seq++
	heap.Push(&s.queue, &simEvent{t, s.seq, f})
}

func (s *simNet) after(d time.Duration, f func()) { s.at(s.now.Add(d), f) }

func (s *simNet) between(a, b time.Duration) time.Duration {
	return a + time.Duration(s.random.Int64N(int64(b-a)))
}

// run lets time pass until the end, or the first failure.
func (s *simNet) run(until time.Time) {
	for s.failed == nil && len(s.queue) > 0 && s.queue[0].at.Before(until) {
		e := heap.Pop(&s.queue).(*simEvent)
		s.now = e.at
		e.do()
	}
	s.now = until
}

type simEvent struct {
	at  time.Time
	seq int
	do  func()
}

type simQueue []*simEvent

func (q simQueue) Len() int { return len(q) }
func (q simQueue) Less(i, j int) bool {
	return q[i].at.Before(q[j].at) || q[i].at.Equal(q[j].at) && q[i].seq < q[j].seq
}
func (q simQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *simQueue) Push(x any)   { *q = append(*q, x.(*simEvent)) }
func (q *simQueue) Pop() any {
	old := *q
	e := old[len(old)-1]
	*q = old[:len(old)-1]
	return e
}

// simNode is one member: what a Node is around the machine.
type simNode struct {
	net    *simNet
	id     MemberID
	m      *machine
	calls  *calls
	fences fences
	links  map[*simNode]*simLink
	dead   bool
	realm  *Realm
	// pending are the calls that callees here have not answered.
	pending []simPending
}

type simPending struct {
	callee Callee
	caller Caller
}

// simLink is one side of the connections between two members. Both directions are FIFO; a
// break loses what is on its way.
type simLink struct {
	from, to *simNode
	pair     *simPair
	control  time.Time // when the last control message arrives
	frames   time.Time // when the last frame arrives
}

// simPair is the connections themselves.
type simPair struct {
	broken time.Time // zero while they stand; nothing arrives after
	slow   time.Duration
}

func (n *simNode) Now() time.Time { return n.net.now }

func (n *simNode) AfterFunc(d time.Duration, f func()) { n.later(d, f) }

// later is for what a crash of the node ends.
func (n *simNode) later(d time.Duration, f func()) {
	n.net.after(d, func() {
		if !n.dead {
			f()
		}
	})
}

func (s *simNet) start(name string) *simNode {
	id := MemberID(fmt.Sprintf("%s.%08x", name, s.random.Uint32()))
	self := newMember(id, name)
	t := newTable()
	n := &simNode{net: s, id: id, fences: fences{}, links: map[*simNode]*simLink{}}
	n.calls = newCalls(self, t, n, func(f func(Callee, Caller)) {
		for _, c := range slices.Clone(n.pending) {
			f(c.callee, c.caller)
		}
	})
	n.calls.random = s.random.IntN
	n.m = newMachine(self, t, slog.New(slog.NewTextHandler(io.Discard, nil)), s.random.Int64N)
	n.realm = &Realm{name: "realm1", node: &Node{calls: n.calls, table: t}}
	for _, other := range s.nodes {
		if !other.dead {
			s.introduce(n, other)
		}
	}
	s.nodes = append(s.nodes, n)
	n.later(s.between(20*time.Millisecond, 300*time.Millisecond), func() { n.step((*machine).joinedAll) })
	var tick func()
	tick = func() {
		n.step((*machine).tick)
		n.later(tickEvery, tick)
	}
	n.later(s.between(0, tickEvery), tick)
	s.note("start %s", id)
	return n
}

// introduce lets gossip tell two members of one another, and links them.
func (s *simNet) introduce(a, b *simNode) {
	for _, pair := range [][2]*simNode{{a, b}, {b, a}} {
		pair[0].later(s.between(0, 15*time.Millisecond), func() {
			pair[0].step(func(m *machine) { m.peerAlive(pair[1].id, string(pair[1].id)) })
		})
	}
	s.after(s.between(16*time.Millisecond, 100*time.Millisecond), func() { s.connect(a, b) })
}

func (s *simNet) connect(a, b *simNode) {
	if a.dead || b.dead || a.links[b] != nil || b.links[a] != nil {
		return
	}
	pair := &simPair{slow: s.between(50*time.Microsecond, 3*time.Millisecond)}
	for _, side := range [][2]*simNode{{a, b}, {b, a}} {
		l := &simLink{from: side[0], to: side[1], pair: pair, control: s.now, frames: s.now}
		side[0].links[side[1]] = l
	}
	for _, side := range [][2]*simNode{{a, b}, {b, a}} {
		from, to := side[0], side[1]
		l := from.links[to]
		from.step(func(m *machine) {
			p := m.addPeer(to.id, string(to.id))
			var calls callLink = l
			p.link.Store(&calls)
			m.linkUp(to.id, string(to.id))
		})
	}
}

// sever breaks the links of two members; they find out one after the other, and link again
// if both live.
func (s *simNet) sever(a, b *simNode) {
	l := a.links[b]
	if l == nil || !l.pair.broken.IsZero() {
		return
	}
	l.pair.broken = s.now.Add(s.between(0, 2*time.Millisecond))
	s.note("sever %s %s", a.id, b.id)
	for _, side := range [][2]*simNode{{a, b}, {b, a}} {
		s.at(l.pair.broken.Add(s.between(0, 5*time.Millisecond)), func() { side[0].unlink(side[1]) })
	}
	s.at(l.pair.broken.Add(s.between(6*time.Millisecond, 60*time.Millisecond)), func() { s.connect(a, b) })
}

func (n *simNode) unlink(other *simNode) {
	if n.dead || n.links[other] == nil {
		return
	}
	delete(n.links, other)
	m := n.m.peer(other.id).member
	done := n.fences.drop(m)
	n.step(func(machine *machine) {
		machine.linkDown(other.id)
		for _, fence := range done {
			machine.fenceDone(fence)
		}
	})
	n.calls.lose(m, n.calls.last.Load())
}

// crash ends a node at once. What it sent last may or may not arrive.
func (s *simNet) crash(n *simNode) {
	s.note("crash %s", n.id)
	n.dead = true
	for _, other := range s.nodes {
		l := n.links[other]
		if l == nil {
			continue
		}
		l.pair.broken = s.now.Add(s.between(0, 2*time.Millisecond))
		s.at(l.pair.broken.Add(s.between(0, time.Millisecond)), func() { other.unlink(n) })
	}
	for _, other := range s.nodes {
		other.later(s.between(1200*time.Millisecond, 1900*time.Millisecond), func() {
			other.step(func(m *machine) { m.peerDead(n.id) })
		})
	}
}

func (l *simLink) deliver(last *time.Time, f func()) {
	s := l.from.net
	at := s.now.Add(l.pair.slow + s.between(0, l.pair.slow))
	if at.Before(*last) {
		at = *last
	}
	*last = at
	s.at(at, func() {
		if (l.pair.broken.IsZero() || at.Before(l.pair.broken)) && !l.to.dead && l.to.links[l.from] != nil && l.to.links[l.from].pair == l.pair {
			f()
		}
	})
}

func (l *simLink) send(f *frame) bool {
	if l.from.links[l.to] != l {
		return false
	}
	if f.kind == frameRefused {
		l.from.net.note("%s refuses to %s: reason %d, stamp %d, epoch %d seq %d", l.from.id, l.to.id, f.reason, f.stamp, f.epoch, f.seq)
	}
	b := appendFrame(nil, f)
	l.deliver(&l.frames, func() {
		var f frame
		if err := parseFrame(b, &f); err != nil {
			l.from.net.fail("frame: %v", err)
			return
		}
		l.to.onFrame(l.from, &f)
	})
	return true
}

func (l *simLink) Full() bool                     { return false }
func (l *simLink) WaitRoom(context.Context) error { return nil }

func (n *simNode) onFrame(from *simNode, f *frame) {
	m := n.m.peer(from.id).member
	switch f.kind {
	case frameFence:
		m.send(&frame{kind: frameFenced, call: f.call})
	case frameFenced:
		n.step(func(machine *machine) {
			if n.fences.back(f.call, m) {
				machine.fenceDone(f.call)
			}
		})
	default:
		n.calls.receive(m, f)
	}
}

// step is Node.step in the simulation.
func (n *simNode) step(f func(*machine)) {
	n.m.at(n.net.now)
	f(n.m)
	var done []func()
	for {
		out := n.m.take()
		for _, e := range out.messages {
			b, err := appendMessage(nil, e.m)
			if err != nil {
				n.net.fail("message: %v", err)
			}
			for other, l := range n.links { // at most one matches
				if other.id == e.to.id {
					l.deliver(&l.control, func() {
						msg, err := parseMessage(b)
						if err != nil {
							n.net.fail("message: %v", err)
							return
						}
						other.step(func(m *machine) { m.receive(n.id, msg) })
					})
				}
			}
		}
		done = append(done, out.done...)
		if len(out.fences) == 0 {
			break
		}
		for _, fence := range out.fences {
			var to []*member
			for _, p := range n.m.peers {
				if p.linked {
					to = append(to, p.member)
				}
			}
			if n.fences.start(fence, to) {
				n.m.fenceDone(fence)
			}
		}
	}
	for _, f := range done {
		f()
	}
}
