package cluster

import (
	"testing"
	"time"
)

// The judges of whole nodes notice when what they are there for is missing: the same scenario passes
// with it and fails without it.
func TestBubbleNoticesFlaws(t *testing.T) {
	restart := func(moves bool) func(b *bubble) {
		return func(b *bubble) {
			b.load.begin()
			for range 3 {
				time.Sleep(time.Second)
				b.restart(b.nodes[2], false, moves, 20*time.Millisecond) // which the others dial
				b.settled(8 * time.Second)
				b.load.calm()
				if b.failedAlready() {
					return
				}
			}
			time.Sleep(time.Second)
		}
	}
	for _, test := range []struct {
		name string
		flaw flaw
		play func(b *bubble)
	}{
		// Members that have been dead for half a minute are told nothing any more, so that neither side of
		// a longer split hears of the other.
		{"no rejoin", flawNoRejoin, func(b *bubble) {
			b.splitAndHeal(2, 40*time.Second)
			b.load.calm()
			time.Sleep(time.Second)
		}},
		// The others take it for the one that was there.
		{"a name used again at the same address", flawReusedName, restart(false)},
		// The others take it for somebody else who uses the name.
		{"a name used again at another address", flawReusedName, restart(true)},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, 3, test.play)
			const worlds = 10 // the same seed does not always show it
			for i, noticed := 1, ""; noticed == ""; i++ {
				if i > worlds {
					t.Fatalf("nobody noticed in %d worlds", worlds)
				}
				inFlawedBubble(t, 3, test.flaw, test.play, func(b *bubble) {
					if len(b.failed) > 0 {
						noticed = b.failed[0]
						t.Logf("noticed in world %d: %s", i, noticed)
					}
				})
			}
		})
	}
}
