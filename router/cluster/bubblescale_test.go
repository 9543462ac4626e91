//go:build !race

package cluster

import (
	"flag"
	"testing"
	"time"
)

var bubbleMembers = flag.Int("bubble.members", 60, "how many whole nodes the test of many members starts")

// Many members find one another, settle, and are rid of ten that die at once.
func TestBubbleManyMembers(t *testing.T) {
	inBubble(t, 5, func(b *bubble) {
		for len(b.nodes) < *bubbleMembers {
			b.add()
		}
		start := time.Now()
		b.settled(30 * time.Second)
		t.Logf("%d members are one cluster after %v", *bubbleMembers, time.Since(start))
		b.load.begin()
		time.Sleep(time.Second)
		live := b.live()
		lost := live[len(live)-10:]
		b.load.trouble(lost...)
		for _, n := range lost {
			b.kill(n, true)
		}
		took := b.settled(5 * time.Second)
		t.Logf("ten that fell silent at once are gone after %v", took)
		b.load.calm()
		time.Sleep(time.Second)
		b.settled(time.Second)
	})
}
