package cluster

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"time"
)

// A simulated cluster: the machines and the call paths of several members on one clock that
// jumps from event to event, and a network that delays, loses and breaks as a seed says. One
// goroutine runs it all, so a seed replays the same run.

// simNet is the clock and the network. What happens to the members is in simnode_test.go, what
// to the links between them in simlinks_test.go, and what gossip tells them in simgossip_test.go.
type simNet struct {
	random *rand.Rand
	now    time.Time
	queue  simQueue
	seq    uint64
	nodes  []*simNode
	failed error
	// tracing keeps what happens in trace. It costs much more than what it describes, so a
	// seed runs without, and again with it when it failed.
	tracing bool
	trace   []string
	logger  *slog.Logger

	// What the members are started with: a flaw, the replicas of a Majority cluster, and how far
	// their clocks may be from the right time, and from one another.
	flaw    flaw
	quorum  int
	skew    time.Duration
	declare map[ProcedureKey]Declaration
	// tickEvery is how often a member is told the time.
	tickEvery time.Duration
	// loses is how many changes of lists in a million vanish although their link stands, which
	// TCP does not do: the lists must survive it nevertheless.
	loses int
	// heeds says which failures count; nil: all do.
	heeds func(failure string) bool

	cuts      map[simWay]int // packets that vanish: by how many causes
	together  map[simWay]int // how often two members came together again
	parts     map[simWay][]simPart
	sent      func(l *simLink, f *frame)
	arriving  func(l *simLink, f *frame)
	starting  func(*simNode)
	ownership int // slots that were taken by an owner
}

// simWay is the way of packets from one member to another.
type simWay struct{ from, to *simNode }

func newSimNet(seed uint64) *simNet {
	return &simNet{
		random: rand.New(rand.NewPCG(seed, 0)), now: time.Unix(1_700_000_000, 0), tickEvery: tickEvery,
		logger: slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError + 1})), cuts: map[simWay]int{}, together: map[simWay]int{}, parts: map[simWay][]simPart{},
	}
}

func (s *simNet) fail(format string, args ...any) {
	if s.failed == nil && (s.heeds == nil || s.heeds(fmt.Sprintf(format, args...))) {
		s.failed = fmt.Errorf("after %v: %w", s.now.Sub(time.Unix(1_700_000_000, 0)), fmt.Errorf(format, args...))
		s.note("FAILED: %v", s.failed)
	}
}

func (s *simNet) note(format string, args ...any) {
	if s.tracing {
		s.trace = append(s.trace, s.now.Format("05.000000 ")+fmt.Sprintf(format, args...))
	}
}

func (s *simNet) at(t time.Time, f func()) {
	s.seq++
	s.queue.push(simEvent{t.UnixNano(), s.seq, f})
}

func (s *simNet) after(d time.Duration, f func()) { s.at(s.now.Add(d), f) }

func (s *simNet) between(a, b time.Duration) time.Duration {
	return a + time.Duration(s.random.Int64N(int64(b-a)))
}

// chance is true once in n times.
func (s *simNet) chance(n int) bool { return s.random.IntN(n) == 0 }

// run lets time pass until the end, or the first failure.
func (s *simNet) run(until time.Time) {
	end := until.UnixNano()
	for s.failed == nil && len(s.queue) > 0 && s.queue[0].at < end {
		e := s.queue.pop()
		s.now = time.Unix(0, e.at)
		e.do()
	}
	s.now = until
}

// simEvent is something that happens at a time; of those at the same time the one that was
// planned first comes first.
type simEvent struct {
	at  int64
	seq uint64
	do  func()
}

// simQueue is a heap of events.
type simQueue []simEvent

func (q simQueue) less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].seq < q[j].seq
}

func (q *simQueue) push(e simEvent) {
	*q = append(*q, e)
	h := *q
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 2
		if !h.less(i, up) {
			break
		}
		h[i], h[up] = h[up], h[i]
		i = up
	}
}

func (q *simQueue) pop() simEvent {
	h := *q
	first := h[0]
	last := len(h) - 1
	h[0] = h[last]
	h[last] = simEvent{}
	h = h[:last]
	*q = h
	for i := 0; ; {
		least := i
		for down := 2*i + 1; down <= 2*i+2 && down < last; down++ {
			if h.less(down, least) {
				least = down
			}
		}
		if least == i {
			return first
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
}
