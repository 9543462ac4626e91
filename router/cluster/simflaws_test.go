package cluster

import (
	"strings"
	"testing"
	"time"
)

// What keeps the promises is switched off, one mechanism at a time: the judge must notice each.
// A judge that excuses too much would not.
func TestSimulationNoticesFlaws(t *testing.T) {
	for _, c := range []struct {
		name  string
		flaw  flaw
		first uint64 // a seed that shows it, or one shortly before
		seeds uint64 // how many are tried
		with  simOption
	}{
		{"the turns of replaced owners are taken", flawNoFence, 8, 100, available(simTrouble{flap: time.Second, oneWay: time.Second, slow: time.Second})},
		{"a new owner begins the rotation anew", flawCursorReset, 1, 5, troubled(simTrouble{crash: time.Second, join: time.Second})},
		{"a gap in a list is not filled", flawNoPull, 1, 5, lossy},
		{"members that were lost are not looked for", flawNoRejoin, 1, 5, troubled(simTrouble{split: time.Second})},
		{"a member comes back under its name", flawReusedName, 1, 20, troubled(simTrouble{crash: time.Second})},
		{"REGISTERED does not wait", flawNoAcks, 1, 5, troubled(simTrouble{sever: time.Second})},
		{"an owner in the minority goes on", flawNoLease, 1, 20, majority(simTrouble{split: 2 * time.Second})},
		{"two callees of a single procedure stay", flawNoRevocation, 1, 20, available(simTrouble{split: 2 * time.Second})},
		{"a member is given up although others reach it", flawNoWitness, 1, 20, available(simTrouble{oneWay: 500 * time.Millisecond})},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, noticed := simFlaw(flawNone, c.first, min(c.seeds, 3), c.with); noticed != nil {
				t.Fatalf("without the flaw: %v", noticed)
			}
			seed, noticed := simFlaw(c.flaw, c.first, c.seeds, c.with)
			if noticed == nil {
				t.Fatalf("not noticed in %d seeds", c.seeds)
			}
			t.Logf("seed %d: %v", seed, noticed)
		})
	}
}

// simFlaw runs seeds with a flaw until one fails.
func simFlaw(f flaw, first, seeds uint64, with simOption) (uint64, error) {
	for seed := first; seed < first+seeds; seed++ {
		w := newSimWorld(seed, with, func(w *simWorld) { w.net.flaw = f })
		if w.play(); w.net.failed != nil {
			return seed, w.net.failed
		}
	}
	return 0, nil
}

// troubled has these faults and no others, on clocks that are right.
func troubled(trouble simTrouble) simOption {
	return func(w *simWorld) { w.trouble, w.net.skew = trouble, 0 }
}

func available(trouble simTrouble) simOption {
	return func(w *simWorld) {
		troubled(trouble)(w)
		w.net.quorum = 0
	}
}

func majority(trouble simTrouble) simOption {
	return func(w *simWorld) {
		troubled(trouble)(w)
		w.net.quorum = w.size
	}
}

// lossy loses changes of lists now and then, although links stand. That is not what TCP does, and the
// promises do not hold while it lasts; but what gossip says of the versions must mend the lists.
func lossy(w *simWorld) {
	troubled(simTrouble{})(w)
	w.net.loses = 20_000
	w.net.heeds = func(failure string) bool { return strings.Contains(failure, "P1: after quiet") }
}
