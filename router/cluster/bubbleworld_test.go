package cluster

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var (
	bubbleSeed   = flag.Uint64("bubble.seed", 0, "the seed of the first world of whole nodes; 0: the one in the test")
	bubbleWorlds = flag.Int("bubble.worlds", 1, "how many worlds each test of whole nodes runs")
)

// bubble is a cluster of whole nodes, with memberlist and links as in production, over a network in
// memory and in virtual time.
type bubble struct {
	t     *testing.T
	seed  uint64
	net   *bubbleNet
	rng   *rand.Rand
	flaw  flaw
	keys  [][]byte // in every third world gossip and links are encrypted
	start time.Time
	load  *bubbleLoad
	moved int // how many replicas came back at an address that nobody had

	mu     sync.Mutex
	nodes  []*bubbleNode // by number; the ones that ended stay
	failed []string
}

// bubbleNode is one replica, or one run of it.
type bubbleNode struct {
	*Node
	number int
	ip     string
	host   *bubbleHost
	router *bubbleRouter
	dead   bool // was killed or left; it belongs to the lock of the bubble
}

// inBubble runs a scenario in as many worlds as asked, each of its own seed.
func inBubble(t *testing.T, n int, play func(b *bubble)) {
	t.Helper()
	inFlawedBubble(t, n, flawNone, play, func(b *bubble) {
		if len(b.failed) > 0 {
			t.Errorf("%d nodes, seed %d (-bubble.seed=%d; what the scheduler decides does not repeat):\n%s",
				n, b.seed, b.seed, strings.Join(b.failed, "\n"))
		}
	})
}

// inFlawedBubble does so with nodes that lack a mechanism, and hands over what came of each world.
func inFlawedBubble(t *testing.T, n int, f flaw, play, judge func(b *bubble)) {
	t.Helper()
	first := uint64(n)
	if *bubbleSeed != 0 {
		first = *bubbleSeed
	}
	for seed := first; seed < first+uint64(*bubbleWorlds) && !t.Failed(); seed++ {
		synctest.Test(t, func(t *testing.T) {
			b := newBubble(t, seed)
			b.flaw = f
			if seed%3 == 0 {
				b.keys = [][]byte{[]byte("0123456789abcdef")}
			}
			for range n {
				b.add()
			}
			b.settled(5 * time.Second)
			play(b)
			b.end()
			judge(b)
			b.stop()
		})
	}
}

func newBubble(t *testing.T, seed uint64) *bubble {
	b := &bubble{t: t, seed: seed, net: newBubbleNet(seed), rng: rand.New(rand.NewPCG(seed, 1)), start: time.Now()}
	b.load = newBubbleLoad(b)
	return b
}

// failf notes what went against a promise; the first few suffice.
func (b *bubble) failf(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.failed) < 10 {
		b.failed = append(b.failed, fmt.Sprintf("%8.3fs ", time.Since(b.start).Seconds())+fmt.Sprintf(format, args...))
	}
}

func (b *bubble) failedAlready() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.failed) > 0
}

// add starts a replica more.
func (b *bubble) add() *bubbleNode {
	b.mu.Lock()
	number := len(b.nodes)
	b.mu.Unlock()
	return b.startAt(number, fmt.Sprintf("10.0.0.%d", number+1))
}

// startAt starts a replica at an address, perhaps again; it is known to the others by its number.
func (b *bubble) startAt(number int, ip string) *bubbleNode {
	n := &bubbleNode{number: number, ip: ip, host: b.net.host(ip), router: newBubbleRouter()}
	config := Config{
		Cluster: "bubble", Replica: fmt.Sprintf("r%d", number), Logger: testLogger().With("on", fmt.Sprintf("r%d", number)),
		Host: n.router, fabric: n.host, flaw: b.flaw,
		Network: &Network{
			Gossip: fmt.Sprintf("0.0.0.0:%d", bubbleGossip), Links: fmt.Sprintf("0.0.0.0:%d", bubbleLinks),
			Advertise: ip, Join: []string{bubbleRoutersName}, Keys: b.keys,
		},
	}
	var err error
	if n.Node, err = Start(config); err != nil {
		b.t.Fatal(err)
	}
	b.mu.Lock()
	if number == len(b.nodes) {
		b.nodes = append(b.nodes, n)
	} else {
		b.nodes[number] = n
	}
	b.mu.Unlock()
	b.load.serve(n)
	return n
}

// live gives the replicas that run.
func (b *bubble) live() []*bubbleNode {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(b.nodes), func(n *bubbleNode) bool { return n.dead })
}

// kill ends a replica without a word. Of a dark one the network tells nothing either.
func (b *bubble) kill(n *bubbleNode, dark bool) {
	b.load.over(n)
	n.host.kill(dark)
	b.bury(n)
	n.end()
}

func (b *bubble) bury(n *bubbleNode) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n.dead = true
}

// leave ends a replica as a router does that was told to stop.
func (b *bubble) leave(n *bubbleNode) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := n.Drain(ctx); err != nil {
		b.failf("%s: %v", n.self.replica, err)
	}
	b.load.leave(n)
	b.bury(n)
	_ = n.Close()
	n.host.kill(false)
	b.load.over(n)
}

// within waits until a condition holds, and says how long that took.
func (b *bubble) within(most time.Duration, what string, check func() error) time.Duration {
	b.t.Helper()
	start := time.Now()
	for {
		err := check()
		if err == nil {
			return time.Since(start)
		}
		if time.Since(start) >= most {
			b.failf("%s: not after %v: %v", what, most, err)
			return most
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// settled waits until the replicas that run are one cluster: each counts just them, and holds the
// same lists.
func (b *bubble) settled(most time.Duration) time.Duration {
	b.t.Helper()
	return b.within(most, "one cluster", b.together)
}

func (b *bubble) together() error {
	live := b.live()
	var names []string
	for _, n := range live {
		names = append(names, n.self.replica)
	}
	slices.Sort(names)
	for _, n := range live {
		if !n.Joined() {
			return fmt.Errorf("%s has not joined", n.self.replica)
		}
		if seen := n.Members(); !slices.Equal(seen, names) {
			return fmt.Errorf("%s counts %v, there are %v", n.self.replica, seen, names)
		}
		if avoided := n.avoided(); len(avoided) > 0 {
			return fmt.Errorf("%s sends no new calls to %v", n.self.replica, avoided)
		}
	}
	first := live[0]
	for _, n := range live[1:] {
		if x, y := first.ListHash(), n.ListHash(); x != y {
			return fmt.Errorf("the lists of %s and %s differ: %s, %s", first.self.replica, n.self.replica, x, y)
		}
	}
	return nil
}

// avoided gives the members that new calls are not sent to.
func (n *bubbleNode) avoided() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var names []string
	for _, p := range n.m.peers {
		if p.live() && !p.up.Load() {
			names = append(names, p.replica)
		}
	}
	return names
}

// end stops the load, gives calls that are not answered the time that a call may take, and judges.
func (b *bubble) end() {
	b.load.stop()
	for end := time.Now().Add(routeWait + 5*time.Second); b.load.unanswered() > 0 && time.Now().Before(end); {
		time.Sleep(100 * time.Millisecond)
	}
	time.Sleep(100 * time.Millisecond) // for a second answer
	b.load.judge()
}

// stop ends all replicas, and waits for what memberlist still has under way: probes and connections
// that it does not end itself.
func (b *bubble) stop() {
	b.load.stop()
	for _, n := range b.live() {
		b.bury(n)
		n.end()
	}
	time.Sleep(time.Minute)
}
