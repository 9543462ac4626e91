package cluster

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// simTrouble says how often, on average, what happens to a cluster; zero is never. Each seed has
// some of the faults and not others: what one hides another does not.
type simTrouble struct {
	crash, silent, join, storm, leave, rolling time.Duration
	sever, pause, slow, oneWay, split, flap    time.Duration
}

// someTrouble picks the faults of a seed.
func (w *simWorld) someTrouble() (t simTrouble) {
	s := w.net
	for _, f := range []struct {
		mean *time.Duration
		once int // in so many seeds
		is   time.Duration
	}{
		{&t.crash, 2, 2 * time.Second},
		{&t.silent, 4, 4 * time.Second},
		{&t.join, 3, 2 * time.Second},
		{&t.storm, 5, 5 * time.Second},
		{&t.leave, 3, 3 * time.Second},
		{&t.rolling, 6, 2 * time.Second},
		{&t.sever, 2, 800 * time.Millisecond},
		{&t.pause, 3, 2 * time.Second},
		{&t.slow, 4, 2 * time.Second},
		{&t.oneWay, 4, 2 * time.Second},
		{&t.split, 3, 3 * time.Second},
		{&t.flap, 6, 3 * time.Second},
	} {
		if s.chance(f.once) {
			*f.mean = f.is
		}
	}
	if w.net.quorum > 0 { // so many replicas there are
		t.join, t.storm = 0, 0
	}
	return t
}

// cause lets the faults happen until the end.
func (w *simWorld) cause(t simTrouble, end time.Time) {
	for _, f := range []struct {
		mean time.Duration
		do   func()
	}{
		{t.crash, func() { w.someCrash(false) }}, {t.silent, func() { w.someCrash(true) }},
		{t.join, func() { w.someJoins(1) }}, {t.storm, func() { w.someJoins(2 + w.net.random.IntN(3)) }},
		{t.leave, w.someLeave}, {t.sever, w.someSever}, {t.pause, w.somePause}, {t.slow, w.someSlow},
		{t.oneWay, w.someOneWay}, {t.split, w.someSplit}, {t.flap, w.someFlap},
	} {
		if f.mean > 0 {
			w.every(f.mean, end, f.do)
		}
	}
	if t.rolling > 0 {
		w.net.after(w.net.between(0, t.rolling), func() { w.roll(end) })
	}
}

// enough says that one more member may go.
func (w *simWorld) enough() bool { return len(w.ready()) > max(2, w.size/2) }

func (w *simWorld) someCrash(silent bool) {
	if !w.enough() {
		return
	}
	n := w.pick()
	if n == nil {
		return
	}
	if silent {
		w.stats.SilentCrashes++
	} else {
		w.stats.Crashes++
	}
	w.kill(n, silent)
	if !w.net.chance(4) || w.net.quorum > 0 {
		w.restart(n, w.net.between(50*time.Millisecond, 3*time.Second))
	}
}

// kill ends a member, and with it its sessions.
func (w *simWorld) kill(n *simNode, silent bool) {
	w.net.crash(n, silent)
	n.died = w.net.now
	for _, c := range w.callees {
		if c.node == n && c.ended.IsZero() {
			c.ended = w.net.now
		}
	}
	w.watchDeath(n)
}

// restart starts the replica of a member that ended.
func (w *simWorld) restart(n *simNode, after time.Duration) {
	w.net.after(after, func() {
		if n.restartedAs == nil {
			w.stats.Restarts++
			n.restartedAs = w.startAs(n)
		}
	})
}

// someJoins starts members of new replicas.
func (w *simWorld) someJoins(n int) {
	for range n {
		if len(w.net.live()) < w.size+3 {
			w.stats.Joins++
			w.start()
		}
	}
}

// someLeave drains a member as a rolling restart does.
func (w *simWorld) someLeave() {
	if n := w.pick(); n != nil && w.enough() {
		w.leave(n, func() {
			if w.net.quorum > 0 {
				w.restart(n, w.net.between(50*time.Millisecond, time.Second))
			}
		})
	}
}

func (w *simWorld) leave(n *simNode, then func()) {
	if n.m.state == stateDraining {
		return
	}
	w.stats.Leaves++
	w.net.note("drain %s", n.id)
	n.step((*machine).drain)
	deadline := w.net.now.Add(3 * time.Second)
	var wait func()
	wait = func() {
		if !n.m.drained() && w.net.now.Before(deadline) {
			n.later(10*time.Millisecond, wait)
			return
		}
		n.gentle = true
		w.kill(n, false)
		then()
	}
	n.later(100*time.Millisecond, wait)
}

// roll restarts the members one after the other.
func (w *simWorld) roll(end time.Time) {
	w.stats.RollingRestarts++
	todo := w.ready()
	var next func()
	next = func() {
		if len(todo) == 0 || !w.net.now.Before(end) {
			return
		}
		n := todo[0]
		todo = todo[1:]
		if n.dead || n.paused || n.m.state != stateReady {
			next()
			return
		}
		w.leave(n, func() {
			w.net.after(w.net.between(50*time.Millisecond, 500*time.Millisecond), func() {
				n.restartedAs = w.startAs(n)
				var wait func()
				wait = func() {
					if n.restartedAs.dead || n.restartedAs.m.state == stateReady {
						next()
					} else if w.net.now.Before(end) {
						w.net.after(20*time.Millisecond, wait)
					}
				}
				wait()
			})
		})
	}
	next()
}

func (w *simWorld) someSever() {
	if a, b := w.pick(), w.pick(); a != nil && a != b && w.net.sever(a, b) {
		w.stats.Severed++
	}
}

// somePause stops a process for a time between 0.1 and 10 s, shorter ones more often.
func (w *simWorld) somePause() {
	n := w.pick()
	if n == nil {
		return
	}
	w.stats.Pauses++
	n.pause()
	w.net.after(time.Duration(float64(100*time.Millisecond)*math.Pow(100, w.net.random.Float64())), n.wake)
}

func (w *simWorld) someSlow() {
	n := w.pick()
	if n == nil || n.slow > 0 {
		return
	}
	w.stats.Slow++
	n.slow = w.net.between(time.Millisecond, 200*time.Millisecond)
	n.slowest = max(n.slowest, n.slow)
	w.net.note("%s is slow: %v", n.id, n.slow)
	w.net.after(w.net.between(300*time.Millisecond, 3*time.Second), func() {
		n.slow = 0
		w.net.disturbed(n)
	})
	// Its heartbeats come late, too: the others may mask it, and it them.
	for _, o := range w.ready() {
		if l := o.links[n.id]; l != nil && w.net.chance(3) {
			w.mask(l)
			w.mask(l.rev)
		}
	}
}

func (w *simWorld) mask(l *simLink) {
	l.from.later(w.net.between(0, time.Second), func() {
		if l.from.links[l.to.id] != l || l.masked || l.from.slow+l.to.slow == 0 {
			return
		}
		l.from.step(func(m *machine) { m.linkSilent(l.to.id, true) })
		l.from.later(w.net.between(0, 100*time.Millisecond), func() {
			if l.from.links[l.to.id] == l && !l.masked {
				l.good, l.rev.good = w.net.now, w.net.now
				l.from.step(func(m *machine) { m.linkSilent(l.to.id, false) })
			}
		})
	})
}

// simCut is a set of ways on which packets vanish for a while.
type simCut struct {
	ways []simWay
	part map[*simNode]int // of a split
	of   int              // so many parts
}

// last makes a cut for a while; all are over at the end of the trouble.
func (w *simWorld) last(c *simCut, d time.Duration) {
	for _, way := range c.ways {
		w.net.impede(way.from, way.to, 1)
	}
	w.cuts = append(w.cuts, c)
	w.net.refresh()
	w.net.parted()
	w.net.at(minTime(w.net.now.Add(d), w.end), func() {
		w.net.note("the cut is over")
		w.cuts = slices.DeleteFunc(w.cuts, func(o *simCut) bool { return o == c })
		for _, way := range c.ways {
			w.net.impede(way.from, way.to, -1)
		}
		w.net.refresh()
		if w.net.flaw != flawNoRejoin {
			w.net.rejoin(50*time.Millisecond, 2*time.Second)
		}
	})
}

// place puts a member that starts during a split on one of its sides.
func (w *simWorld) place(n *simNode) {
	for _, c := range w.cuts {
		if c.part == nil {
			continue
		}
		c.part[n] = w.net.random.IntN(c.of)
		w.net.note("%s starts in part %d", n.id, c.part[n])
		for _, o := range w.net.live() {
			if part, ok := c.part[o]; ok && part != c.part[n] {
				for _, way := range []simWay{{n, o}, {o, n}} {
					w.net.impede(way.from, way.to, 1)
					c.ways = append(c.ways, way)
				}
			}
		}
	}
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (w *simWorld) someOneWay() {
	a, b := w.pick(), w.pick()
	if a == nil || a == b {
		return
	}
	w.stats.OneWay++
	w.net.note("packets from %s to %s vanish", a.id, b.id)
	w.last(&simCut{ways: []simWay{{a, b}}}, w.net.between(200*time.Millisecond, 5*time.Second))
}

// someSplit parts the members into two or three.
func (w *simWorld) someSplit() {
	w.stats.Splits++
	w.last(w.parts(2+w.net.random.IntN(2)), w.net.between(200*time.Millisecond, 6*time.Second))
}

func (w *simWorld) parts(parts int) *simCut {
	live := w.net.live()
	part := map[*simNode]int{}
	c := &simCut{part: part, of: parts}
	said := ""
	for _, n := range live {
		part[n] = w.net.random.IntN(parts)
		said += fmt.Sprintf(" %s:%d", n.id, part[n])
	}
	w.net.note("split:%s", said)
	for _, a := range live {
		for _, b := range live {
			if part[a] != part[b] {
				c.ways = append(c.ways, simWay{a, b})
			}
		}
	}
	return c
}

// someFlap breaks and mends the network of some members several times.
func (w *simWorld) someFlap() {
	w.stats.Flaps++
	c := w.parts(2)
	w.flap(c, 3+w.net.random.IntN(6), w.net.between(50*time.Millisecond, 1500*time.Millisecond))
}

func (w *simWorld) flap(c *simCut, times int, every time.Duration) {
	if times == 0 || !w.net.now.Before(w.end) {
		return
	}
	w.last(c, every)
	w.net.after(every+w.net.between(every/2, every+every/2), func() { w.flap(c, times-1, every) })
}

// calm ends all trouble but what is ending by itself.
func (w *simWorld) calm() {
	w.net.note("all is calm")
	for _, n := range w.net.live() {
		n.slow = 0
		w.net.disturbed(n)
		n.wake()
	}
}
