package cluster

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// The tests here run whole nodes under load. Every one of them judges, beside what it is about: that
// each call ends in one answer, that what is confirmed can be called from everywhere, that the
// rotation of one caller is exact, and that nothing single is granted twice.

// At rest everything is exact, and gossip that loses, repeats and delays a third of its packets
// loses nobody.
func TestBubbleLossyGossip(t *testing.T) {
	for _, n := range []int{3, 5} {
		inBubble(t, n, func(b *bubble) {
			b.load.begin()
			time.Sleep(5 * time.Second)
			b.net.weather(0.3, 0.1, 0.1)
			for range 100 {
				time.Sleep(100 * time.Millisecond)
				if err := b.together(); err != nil && len(b.live()[0].Members()) != n {
					b.failf("%v", err)
				}
			}
			b.net.weather(0, 0, 0)
			b.settled(time.Second)
		})
	}
}

// A replica that falls silent is avoided by new calls before it is found dead, and gone in two
// seconds; one that crashes on a machine that lives is gone at once.
func TestBubbleDeath(t *testing.T) {
	for _, test := range []struct {
		nodes          int
		dark           bool
		standby, death time.Duration
	}{
		{3, true, maskAfter + 3*judgeEvery, 2 * time.Second},
		{5, true, maskAfter + 3*judgeEvery, 2 * time.Second},
		{9, true, maskAfter + 3*judgeEvery, 2 * time.Second},
		{3, false, 50 * time.Millisecond, 200 * time.Millisecond},
	} {
		inBubble(t, test.nodes, func(b *bubble) {
			b.load.begin()
			time.Sleep(3 * time.Second)
			first := b.live()[0].list("com.first")
			victim := b.nodes[slices.IndexFunc(b.nodes, func(n *bubbleNode) bool { return n.self.replica == first[0].Replica })]
			b.load.trouble(victim)
			b.kill(victim, test.dark)
			found := make(chan time.Duration)
			go func() { found <- b.standby() }()
			gone := b.settled(test.death)
			standby := <-found
			if standby > test.standby {
				b.failf("new calls went to the lost replica for %v", standby)
			}
			t.Logf("calls go to the standby after %v, the replica is gone after %v", standby, gone)
			b.load.calm()
			time.Sleep(5 * time.Second)
		})
	}
}

// standby calls com.first for two seconds from all replicas; it gives the time of the last call that
// failed.
func (b *bubble) standby() time.Duration {
	var all sync.WaitGroup
	var mu sync.Mutex
	var last time.Duration
	start := time.Now()
	for range 200 {
		for _, n := range b.live() {
			since := time.Since(start)
			all.Go(func() {
				c := b.load.call(n, "com.first")
				if _, ok := c.wait(); !ok || c.failed {
					mu.Lock()
					last = max(last, since)
					mu.Unlock()
				}
			})
		}
		time.Sleep(10 * time.Millisecond)
	}
	all.Wait()
	return last
}

// Both sides of a split serve, and are one again within three seconds after it heals.
func TestBubbleSplit(t *testing.T) {
	for _, sizes := range [][]int{{2, 1}, {3, 2}} {
		inBubble(t, sizes[0]+sizes[1], func(b *bubble) {
			b.load.begin()
			time.Sleep(3 * time.Second)
			b.splitAndHeal(sizes[0], 10*time.Second)
			b.load.calm()
			time.Sleep(5 * time.Second)
		})
	}
}

// Splits that follow one another so soon that links of the last one still go round it.
func TestBubbleSplitAgain(t *testing.T) {
	inBubble(t, 5, func(b *bubble) {
		b.load.begin()
		for range 5 {
			b.splitAndHeal(1+b.rng.IntN(4), time.Duration(500+b.rng.IntN(4000))*time.Millisecond)
			b.load.calm()
			time.Sleep(time.Second)
		}
	})
}

func (b *bubble) splitAndHeal(size int, d time.Duration) {
	live := b.live()
	b.rng.Shuffle(len(live), func(i, j int) { live[i], live[j] = live[j], live[i] })
	b.load.split(live[:size], live[size:])
	b.net.split(addresses(live[:size]), addresses(live[size:]))
	time.Sleep(d)
	b.load.heal()
	b.net.heal()
	healed := b.settled(3 * time.Second)
	b.t.Logf("one cluster %v after the split healed", healed)
}

func addresses(nodes []*bubbleNode) []string {
	var ips []string
	for _, n := range nodes {
		ips = append(ips, n.ip)
	}
	return ips
}

// Two replicas of which one does not hear the other go on as one cluster with the third: their links
// go through it.
func TestBubbleOneWayCut(t *testing.T) {
	for _, both := range []bool{false, true} {
		inBubble(t, 3, func(b *bubble) {
			b.load.begin()
			time.Sleep(3 * time.Second)
			x := b.rng.IntN(3)
			from, to := b.nodes[x], b.nodes[(x+1+b.rng.IntN(2))%3]
			b.load.trouble(from, to)
			b.net.cut(from.ip, to.ip)
			if both {
				b.net.cut(to.ip, from.ip)
			}
			time.Sleep(time.Second) // they notice
			took := b.settled(3 * time.Second)
			t.Logf("%s does not reach %s: one cluster again after %v", from.self.replica, to.self.replica, time.Second+took)
			b.load.calm()
			time.Sleep(10 * time.Second)
			b.load.trouble(from, to)
			b.net.heal()
			time.Sleep(6 * time.Second) // links go back to the direct way
			b.settled(time.Second)
			b.load.calm()
			time.Sleep(3 * time.Second)
		})
	}
}

// A replica that crashed and is back at once, at its address or another one, is a new member, and the
// earlier one is gone.
func TestBubbleRestart(t *testing.T) {
	for _, dark := range []bool{false, true} {
		inBubble(t, 3, func(b *bubble) {
			b.load.begin()
			for _, moves := range []bool{false, true, false} {
				time.Sleep(3 * time.Second)
				b.restart(b.nodes[b.rng.IntN(3)], dark, moves, 500*time.Millisecond)
				took := b.settled(8 * time.Second)
				t.Logf("one cluster after %v (silent %v, at another address %v)", took, dark, moves)
				b.load.calm()
			}
			time.Sleep(3 * time.Second)
		})
	}
}

// restart kills a replica and starts it again after a while.
func (b *bubble) restart(n *bubbleNode, dark, moves bool, most time.Duration) {
	b.load.trouble(n)
	b.kill(n, dark)
	time.Sleep(time.Duration(b.rng.Int64N(int64(most))))
	ip := n.ip
	if moves {
		b.net.withdraw(ip)
		b.moved++
		ip = fmt.Sprintf("10.0.1.%d", b.moved)
	}
	b.startAt(n.number, ip)
}

// Six replicas that join three at the same instant.
func TestBubbleJoinStorm(t *testing.T) {
	inBubble(t, 3, func(b *bubble) {
		b.load.demand()
		b.load.begin()
		time.Sleep(3 * time.Second)
		for range 6 {
			b.add()
		}
		b.settled(5 * time.Second)
		time.Sleep(5 * time.Second)
	})
}

// Replicas that are told to stop and come back, one after another: no call fails that another
// callee could have taken.
func TestBubbleRollingRestart(t *testing.T) {
	for _, n := range []int{3, 5} {
		inBubble(t, n, func(b *bubble) {
			b.load.demand()
			b.load.begin()
			time.Sleep(3 * time.Second)
			for i := range n {
				old := b.nodes[i]
				b.load.trouble(old)
				b.leave(old)
				time.Sleep(time.Second)
				b.startAt(old.number, old.ip)
				b.settled(5 * time.Second)
				time.Sleep(time.Second)
			}
			b.load.calm()
			time.Sleep(3 * time.Second)
		})
	}
}

// A replica that hears nothing for a while is given up and comes back.
func TestBubblePause(t *testing.T) {
	for _, d := range []time.Duration{500 * time.Millisecond, 3 * time.Second, 10 * time.Second} {
		inBubble(t, 3, func(b *bubble) {
			b.load.begin()
			time.Sleep(3 * time.Second)
			n := b.nodes[b.rng.IntN(3)]
			b.load.split([]*bubbleNode{b.nodes[(n.number+1)%3], b.nodes[(n.number+2)%3]}, []*bubbleNode{n})
			n.host.pause()
			time.Sleep(d)
			b.load.heal()
			n.host.resume()
			b.settled(4 * time.Second)
			b.load.calm()
			time.Sleep(3 * time.Second)
		})
	}
}
