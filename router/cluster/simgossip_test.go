package cluster

import "time"

// What gossip tells the members of one another, and when, as memberlist does it with the timing of
// gossip.go: a silent member is found dead after 1.2 to 1.9 s, one that is back is found again
// within 2 s by the rejoin loop, or at once when it contradicts the news of its death itself.

// join makes a member known to all that it can reach. It has joined when none is left that it could
// not reach, or after a while in any case.
func (s *simNet) join(n *simNode) {
	started := s.now
	for _, other := range s.nodes {
		switch {
		case other == n || other.dead:
		case s.apart(n, other):
			s.part(n, other, s.now)
		default:
			s.introduce(n, other, 0, 15*time.Millisecond)
		}
	}
	var try func()
	try = func() {
		for _, other := range s.nodes {
			if other != n && !other.dead && !n.knows[other] && other.replica != n.replica {
				if s.now.Sub(started) < joinWait {
					n.later(200*time.Millisecond, try)
					return
				}
			}
		}
		n.step((*machine).joinedAll)
	}
	n.later(s.between(20*time.Millisecond, 300*time.Millisecond), try)
}

// introduce lets two members hear of one another.
func (s *simNet) introduce(a, b *simNode, from, to time.Duration) {
	for _, way := range [2]simWay{{a, b}, {b, a}} {
		s.after(s.between(from, to), func() {
			if !a.dead && !b.dead && !s.apart(a, b) {
				way.from.hear(way.to, true)
			}
		})
	}
}

// hear is the news of one member about another.
func (n *simNode) hear(of *simNode, alive bool) {
	if n.dead || n.knows[of] == alive {
		return
	}
	n.knows[of] = alive
	n.input(func() {
		n.net.note("%s hears that %s is alive: %v", n.id, of.id, alive)
		if !alive {
			n.step(func(m *machine) { m.peerDead(of.id) })
			return
		}
		n.step(func(m *machine) { m.peerAlive(of.id, of.replica) })
		if n.id < of.id {
			n.dial(of, n.net.between(time.Millisecond, 60*time.Millisecond))
		}
	})
}

// mourn lets all hear of the death of a member, unless it was paused and has woken before.
func (s *simNet) mourn(n *simNode, pauses int, from, to time.Duration) {
	at := s.between(from, to)
	for _, other := range s.nodes {
		if other == n || other.dead {
			continue
		}
		s.after(at+s.between(0, 300*time.Millisecond), func() {
			if n.restartedAs != nil && s.flaw == flawReusedName {
				return // memberlist takes the one for the other
			}
			if n.dead || n.paused && n.pauses == pauses {
				other.hear(n, false)
			}
		})
	}
}

// apart says that two members cannot reach one another, not by others either: for gossip that is
// what counts.
func (s *simNet) apart(a, b *simNode) bool {
	if a.dead || b.dead || a.paused || b.paused {
		return true
	}
	if !s.cut(a, b) {
		return false
	}
	reached := map[*simNode]bool{a: true}
	todo := []*simNode{a}
	for len(todo) > 0 {
		x := todo[0]
		todo = todo[1:]
		for _, y := range s.nodes {
			if !y.dead && !y.paused && !reached[y] && !s.cut(x, y) {
				reached[y] = true
				todo = append(todo, y)
			}
		}
	}
	return !reached[b]
}

// parted lets members that are apart now, and still are when gossip has noticed, hear of one
// another's death.
func (s *simNet) parted() {
	at := s.between(1200*time.Millisecond, 1700*time.Millisecond)
	for _, a := range s.live() {
		for _, b := range s.live() {
			if a == b {
				continue
			}
			if s.unreachable(a, b) && (a.links[b.id] == nil || b.links[a.id] == nil) {
				s.part(a, b, s.now)
			}
			if !s.apart(a, b) {
				continue
			}
			if !a.paused && !b.paused {
				before := s.together[simWay{a, b}]
				s.after(at+s.between(0, 200*time.Millisecond), func() {
					if s.together[simWay{a, b}] == before && s.apart(a, b) {
						a.hear(b, false)
					}
				})
			}
		}
	}
}

// rejoin lets members that gave one another up hear of one another again, if they can.
func (s *simNet) rejoin(from, to time.Duration) {
	live := s.live()
	for i, a := range live {
		for _, b := range live[i+1:] {
			if s.apart(a, b) {
				continue
			}
			s.together[simWay{a, b}]++
			s.together[simWay{b, a}]++
			if !a.knows[b] || !b.knows[a] {
				s.introduce(a, b, from, to)
			}
		}
	}
}

// digest carries the version of a member's list to another member, late, twice, or not at all.
func (s *simNet) digest(from, to *simNode) {
	version := from.m.own.flushed
	if version == 0 {
		return
	}
	for range s.random.IntN(3) {
		s.after(s.between(0, 3*time.Second), func() {
			if !s.apart(from, to) {
				to.input(func() { to.step(func(m *machine) { m.hasDigest(from.id, version) }) })
			}
		})
	}
}
