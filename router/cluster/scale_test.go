package cluster

import (
	"cmp"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// A cluster of a hundred members comes together, registers, loses ten at once and settles: all
// within a time that does not get out of hand with the number of members, on the clock of the
// cluster and on that of the machine that runs it.
func TestHundredMembers(t *testing.T) {
	members, lost, procedures := 100, 10, 2000
	if simDefaultSeeds < 100 { // the race detector finds nothing in one goroutine
		members, lost = 25, 3
	}
	began := time.Now()
	s := newSwarm(1)
	for i := range members {
		s.at(time.Duration(i)*2*time.Second/time.Duration(members), func() { s.start(fmt.Sprintf("r%d", i)) })
	}
	s.run(2 * time.Second)
	start := s.now
	s.await(t, 5*time.Second, "own all slots once", s.settled)
	t.Logf("%d members: settled %v after the last started, %d messages, %d MB", members, s.now.Sub(start), s.messages, s.bytes>>20)

	confirmed := 0
	start = s.now
	for i := range procedures {
		n := s.nodes[s.random.IntN(len(s.nodes))]
		k := listKey{Realm: "realm1", URI: fmt.Sprintf("com.example.p%d", i%(procedures/2)), Session: wamp.ID(i + 1)}
		n.step(func(m *machine) {
			m.register(k, RoundRobin, 0, nil, func(_ wamp.ID, err error) {
				if err != nil {
					t.Errorf("registering %s: %v", k.URI, err)
				}
				confirmed++
			})
		})
	}
	s.await(t, 2*time.Second, "confirm all registrations", func() bool { return confirmed == procedures })
	t.Logf("%d registrations confirmed after %v, %d messages", procedures, s.now.Sub(start), s.messages)

	start = s.now
	for range lost {
		s.crash(s.nodes[s.random.IntN(len(s.nodes))])
	}
	s.await(t, 5*time.Second, "own all slots once, with the lists of those that live", func() bool { return s.settled() && s.agree() })
	kept := 0
	for _, n := range s.nodes {
		kept += len(n.m.registrations(n.m.self))
	}
	if seen := s.nodes[0].callees(); seen != kept {
		t.Errorf("%d callees are known, %d are there", seen, kept)
	}
	t.Logf("settled %v after the loss of %d, %d messages, %d MB; %v in all", s.now.Sub(start), lost, s.messages, s.bytes>>20, time.Since(began))
}

// swarm is a cluster of machines on one clock, with a network that only delays. It is not as wicked
// as simNet and can take many more members.
type swarm struct {
	random   *rand.Rand
	now      time.Time
	queue    simQueue
	seq      uint64
	nodes    []*swarmNode
	messages int
	bytes    int
}

type swarmNode struct {
	s     *swarm
	id    MemberID
	m     *machine
	dead  bool
	links map[MemberID]*swarmNode
}

func newSwarm(seed uint64) *swarm {
	return &swarm{random: rand.New(rand.NewPCG(seed, 0)), now: time.Unix(1_700_000_000, 0)}
}

func (s *swarm) at(d time.Duration, f func()) {
	s.seq++
	s.queue.push(simEvent{s.now.Add(d).UnixNano(), s.seq, f})
}

func (s *swarm) within(d time.Duration) time.Duration {
	return time.Duration(s.random.Int64N(int64(d)))
}

func (s *swarm) run(d time.Duration) {
	until := s.now.Add(d)
	for len(s.queue) > 0 && s.queue[0].at < until.UnixNano() {
		e := s.queue.pop()
		s.now = time.Unix(0, e.at)
		e.do()
	}
	s.now = until
}

func (s *swarm) await(t *testing.T, most time.Duration, what string, so func() bool) {
	t.Helper()
	for end := s.now.Add(most); !so(); s.run(10 * time.Millisecond) {
		if !s.now.Before(end) {
			t.Fatalf("%d members do not %s within %v", len(s.nodes), what, most)
		}
	}
}

func (s *swarm) start(name string) {
	self := newMember(MemberID(name+".1"), name)
	n := &swarmNode{s: s, id: self.id, links: map[MemberID]*swarmNode{}}
	n.m = newMachine(self, newTable(), slog.New(slog.DiscardHandler), s.random.Int64N)
	for _, other := range s.nodes {
		for _, pair := range [][2]*swarmNode{{n, other}, {other, n}} {
			pair[0].later(s.within(30*time.Millisecond), func() {
				pair[0].step(func(m *machine) { m.peerAlive(pair[1].id, string(pair[1].id)) })
			})
		}
		s.at(30*time.Millisecond+s.within(50*time.Millisecond), func() { s.connect(n, other) })
	}
	s.nodes = append(s.nodes, n)
	n.later(100*time.Millisecond+s.within(50*time.Millisecond), func() { n.step((*machine).joinedAll) })
	var tick func()
	tick = func() {
		n.step((*machine).tick)
		n.later(tickEvery, tick)
	}
	n.later(s.within(tickEvery), tick)
}

func (s *swarm) connect(a, b *swarmNode) {
	if a.dead || b.dead {
		return
	}
	a.links[b.id], b.links[a.id] = b, a
	a.step(func(m *machine) { m.linkUp(b.id, string(b.id)) })
	b.step(func(m *machine) { m.linkUp(a.id, string(a.id)) })
}

// crash ends a node; the others learn of it from their links, and a second later from gossip.
func (s *swarm) crash(n *swarmNode) {
	n.dead = true
	s.nodes = slices.DeleteFunc(s.nodes, func(o *swarmNode) bool { return o == n })
	for _, o := range s.nodes {
		delete(o.links, n.id)
		o.later(s.within(5*time.Millisecond), func() { o.step(func(m *machine) { m.linkDown(n.id) }) })
		o.later(1200*time.Millisecond+s.within(700*time.Millisecond), func() { o.step(func(m *machine) { m.peerDead(n.id) }) })
	}
}

func (n *swarmNode) later(d time.Duration, f func()) {
	n.s.at(d, func() {
		if !n.dead {
			f()
		}
	})
}

// step does what Node.step does. What a step sends to a member arrives together, after half a
// millisecond and behind what was sent to it before.
func (n *swarmNode) step(f func(*machine)) {
	n.m.at(n.s.now)
	f(n.m)
	for {
		out := n.m.take()
		slices.SortStableFunc(out.messages, func(a, b envelope) int { return cmp.Compare(a.to.id, b.to.id) })
		for i := 0; i < len(out.messages); {
			to := n.links[out.messages[i].to.id]
			var wire [][]byte
			for id := out.messages[i].to.id; i < len(out.messages) && out.messages[i].to.id == id; i++ {
				b, err := appendMessage(nil, out.messages[i].m)
				if err != nil {
					panic(err)
				}
				wire = append(wire, b)
				n.s.bytes += len(b)
			}
			if n.s.messages += len(wire); to != nil {
				to.later(500*time.Microsecond, func() { to.take(n, wire) })
			}
		}
		for _, done := range out.done {
			done()
		}
		if len(out.fences) == 0 {
			return
		}
		for _, fence := range out.fences {
			n.later(time.Millisecond, func() { n.step(func(m *machine) { m.fenceDone(fence) }) })
		}
	}
}

func (n *swarmNode) take(from *swarmNode, wire [][]byte) {
	var msgs []message
	for _, b := range wire {
		m, err := parseMessage(b)
		if err != nil {
			panic(err)
		}
		msgs = append(msgs, m)
	}
	n.step(func(m *machine) { m.receive(from.id, msgs...) })
}

// settled: every member owns what it should, and every slot has one owner.
func (s *swarm) settled() bool {
	owners := make([]int, slotCount)
	for _, n := range s.nodes {
		if !n.m.settled() {
			return false
		}
		for i := range owners {
			if n.m.table.slots[i].active.Load() != 0 {
				owners[i]++
			}
		}
	}
	return !slices.ContainsFunc(owners, func(n int) bool { return n != 1 })
}

// agree: all hold the same lists, and those of nobody else.
func (s *swarm) agree() bool {
	return !slices.ContainsFunc(s.nodes, func(n *swarmNode) bool {
		return n.m.hash() != s.nodes[0].m.hash() || slices.ContainsFunc(n.m.peers, func(p *peer) bool { return !p.linked && !p.gone })
	})
}

func (n *swarmNode) callees() int {
	callees := 0
	n.m.table.byID.each(func(_ wamp.ID, p *procedure) { callees += len(p.load().entries) })
	return callees
}

// BenchmarkList100k is what a list of a hundred thousand registrations costs a replica that gets it
// whole, and the memory that it takes there.
func BenchmarkList100k(b *testing.B) {
	const count = 100_000
	f := &full{Version: count}
	for i := range count {
		f.Entries = append(f.Entries, listEntry{
			Key:   listKey{Realm: "realm1", URI: fmt.Sprintf("com.example.building.device%06d.read", i), Session: wamp.ID(i/10 + 1)},
			Stamp: uint64(1_700_000_000_000_000 + i), Invoke: RoundRobin,
		})
	}
	wire, err := appendMessage(nil, f)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := appendMessage(wire[:0], f); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(wire))/count, "B/registration")
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := parseMessage(wire); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("apply", func(b *testing.B) {
		b.ReportAllocs()
		var kept *machine
		before := heapInUse()
		for b.Loop() {
			kept = swarmPair(b, wire)
		}
		b.ReportMetric(float64(heapInUse()-before)/count, "heap-B/registration")
		if n := kept.table.count.Load(); n != count {
			b.Fatalf("%d procedures", n)
		}
	})
}

// swarmPair gives a machine that has taken a list from another member.
func swarmPair(b *testing.B, wire []byte) *machine {
	m := newMachine(newMember("a.1", "a"), newTable(), slog.New(slog.DiscardHandler), rand.Int64N)
	m.at(time.Now())
	m.linkUp("b.1", "b")
	msg, err := parseMessage(wire)
	if err != nil {
		b.Fatal(err)
	}
	m.receive("b.1", &greet{State: stateReady}, msg)
	m.take()
	return m
}

func heapInUse() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
