package cluster

import (
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"
)

var bubbleStorm = flag.Duration("bubble.storm", 16*time.Second, "how long the storm over five whole nodes lasts; over nine half as long")

// One misfortune after another, at random.
func TestBubbleStorm(t *testing.T) {
	for n, lasts := range map[int]time.Duration{5: *bubbleStorm, 9: *bubbleStorm / 2} {
		inBubble(t, n, func(b *bubble) {
			b.load.begin()
			for end := time.Now().Add(lasts); time.Now().Before(end); {
				time.Sleep(2 * time.Second)
				b.net.weather(b.rng.Float64()/4, b.rng.Float64()/10, b.rng.Float64()/10)
				what := b.misfortune()
				took := b.settled(6 * time.Second)
				if b.failedAlready() {
					b.failf("after: %s, settled in %v", what, took)
					return
				}
				b.load.calm()
			}
		})
	}
}

// misfortune does one thing to the cluster and tells what.
func (b *bubble) misfortune() string {
	n := b.nodes[b.rng.IntN(len(b.nodes))]
	pause := time.Duration(b.rng.IntN(4000)) * time.Millisecond
	switch b.rng.IntN(6) {
	case 0:
		b.restart(n, false, b.rng.IntN(2) == 0, 500*time.Millisecond)
		return "restart of " + n.self.replica
	case 1:
		b.restart(n, true, b.rng.IntN(2) == 0, 500*time.Millisecond)
		return "power failure of " + n.self.replica
	case 2:
		b.load.trouble(n)
		b.leave(n)
		time.Sleep(pause)
		b.startAt(n.number, n.ip)
		return "planned restart of " + n.self.replica
	case 3:
		b.splitAndHeal(1+b.rng.IntN(len(b.nodes)-1), pause)
		return fmt.Sprintf("split for %v", pause)
	case 4:
		others := slices.DeleteFunc(b.live(), func(m *bubbleNode) bool { return m == n })
		b.load.split(others, []*bubbleNode{n})
		n.host.pause()
		time.Sleep(pause)
		b.load.heal()
		n.host.resume()
		return fmt.Sprintf("pause of %s for %v", n.self.replica, pause)
	default:
		m := b.nodes[(n.number+1)%len(b.nodes)]
		b.load.trouble(n, m)
		b.kill(n, true)
		b.kill(m, b.rng.IntN(2) == 0)
		time.Sleep(pause)
		b.startAt(m.number, m.ip)
		b.startAt(n.number, n.ip)
		return fmt.Sprintf("loss of %s and %s for %v", n.self.replica, m.self.replica, pause)
	}
}
