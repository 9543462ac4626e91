package cluster

import (
	"slices"
	"time"
)

// simPart is a time in which two members could not reach one another, for so long that they gave
// their links up.
type simPart struct{ from, to time.Time }

func sortedWay(a, b *simNode) simWay {
	if a.id < b.id {
		return simWay{a, b}
	}
	return simWay{b, a}
}

// unreachable says that two members cannot be linked, not through a third one either.
func (s *simNet) unreachable(a, b *simNode) bool {
	return a.paused || b.paused || s.cut(a, b) && a.relay(b) == nil
}

// part notes that two members are separate from one another.
func (s *simNet) part(a, b *simNode, since time.Time) {
	way := sortedWay(a, b)
	if parts := s.parts[way]; len(parts) == 0 || !parts[len(parts)-1].to.IsZero() {
		s.parts[way] = append(parts, simPart{from: since})
	}
}

// isolated notes that nobody has had links with a member for so long that it counts as gone. What one that is
// paused has, nobody can ask it for.
func (s *simNet) isolated(n *simNode) {
	if n.dead {
		return
	}
	for _, o := range s.nodes {
		if l := o.links[n.id]; l != nil && l.to == n && !o.dead && !o.paused {
			return
		}
	}
	for _, o := range s.nodes {
		if o != n && !o.dead {
			s.part(n, o, s.now.Add(-goneAfter))
		}
	}
}

// joined notes that they are not any more.
func (s *simNet) joined(a, b *simNode) {
	if parts := s.parts[sortedWay(a, b)]; len(parts) > 0 && parts[len(parts)-1].to.IsZero() {
		parts[len(parts)-1].to = s.now
	}
}

// separate says that two members were separate at some moment between two times, or settle what
// came of it.
func (s *simNet) separate(a, b *simNode, from, to time.Time) bool {
	return slices.ContainsFunc(s.parts[sortedWay(a, b)], func(p simPart) bool {
		return !p.from.After(to) && (p.to.IsZero() || p.to.Add(settling).After(from))
	})
}

// separateThroughout says that two members were separate all the time between two times.
func (s *simNet) separateThroughout(a, b *simNode, from, to time.Time) bool {
	return slices.ContainsFunc(s.parts[sortedWay(a, b)], func(p simPart) bool {
		return !p.from.After(from) && (p.to.IsZero() || !p.to.Before(to))
	})
}
