package cluster

import (
	"fmt"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

const (
	// leaseFor is how long an owner in Majority mode may deal and grant after it sent what more
	// than half of the replicas have heard since. leaseOver is how long the others wait, since
	// anybody heard of it last, before they take its place. The difference allows for clocks that
	// run differently by a fifth.
	leaseFor  = breakAfter
	leaseOver = leaseFor * 5 / 4
	// minorityAfter is how long a replica must have been without a majority before it says so,
	// and refuses at once what it could not do anyway.
	minorityAfter = time.Second
)

// SetQuorum tells how many replicas the cluster should have, for Majority mode: then only who
// reaches more than half of them, itself included, grants registrations and deals the turns of
// rotations of the cluster. 0, the default, is Available: every part of a split cluster serves.
func (n *Node) SetQuorum(replicas int) { n.step(func(m *machine) { m.setQuorum(replicas) }) }

// Minority tells, in Majority mode, that this replica is cut off from the majority.
func (n *Node) Minority() bool { return n.table.minority.Load() }

func (m *machine) setQuorum(replicas int) {
	m.table.quorum.Store(int64(replicas))
	m.keepLease()
	m.settle()
}

// leased tells whether this replica may act as an owner: always in Available mode; in Majority
// mode while more than half of the replicas have heard what it sent not long ago. The answer holds
// until somebody else could have taken over.
func (t *table) leased(now time.Time) bool {
	quorum := t.quorum.Load()
	if quorum == 0 || t.flaw == flawNoLease {
		return true
	}
	since := steady(now) - int64(leaseFor)
	heard := int64(1) // itself
	t.members.Range(func(_, v any) bool {
		if v.(*member).echo.Load() > since {
			heard++
		}
		return 2*heard <= quorum
	})
	return 2*heard > quorum
}

// acting gives the epoch in which this replica decides on a slot, 0 when it does not: it is not the
// owner, it may have been replaced while it was asleep or cut off, or it does not know all callees
// yet, as for a moment after a split has healed.
func (t *table) acting(s *slot, now time.Time) uint64 {
	epoch := s.active.Load()
	if epoch == 0 || t.incomplete.Load() || steady(now)-t.stepped.Load() > int64(asleep) || !t.leased(now) {
		return 0
	}
	return epoch
}

func (x *calls) acting(s *slot) uint64 {
	if s.active.Load() == 0 {
		return 0 // without asking for the time
	}
	return x.table.acting(s, x.clock.Now())
}

// keepLease makes an owner that lost the majority stop: what it owned has to be claimed again,
// since others may have claimed it meanwhile.
func (m *machine) keepLease() {
	if m.table.leased(m.now) {
		m.lacking = time.Time{}
		if m.table.minority.Swap(false) {
			m.logger.Info("this replica reaches a majority again")
			m.out.members = true
		}
		return
	}
	if m.lacking.IsZero() {
		m.lacking = m.now
		m.disown()
	}
	if m.now.Sub(m.lacking) >= minorityAfter && !m.table.minority.Swap(true) {
		m.logger.Warn("this replica is in the minority: it refuses registrations and rotations",
			"replicas", m.table.quorum.Load(), "reached", len(m.members(stateReady)))
		m.out.members = true
	}
}

// disown stops this member from acting as an owner until it has claimed its slots anew.
func (m *machine) disown() {
	for i := range m.table.slots {
		m.table.slots[i].active.Store(0)
	}
	m.claiming = nil
	m.slotsChanged = true
}

// tooYoung tells, in Majority mode, that an earlier run of this replica may have told an owner a moment
// ago that it hears it. Nothing is known of that here, so nobody is promised that place yet.
func (m *machine) tooYoung() bool {
	return m.table.quorum.Load() != 0 && m.now.Sub(m.born) < leaseOver
}

// majority tells whether so many replicas are enough to decide.
func (m *machine) majority(replicas int) bool {
	return int64(2*replicas) > m.table.quorum.Load()
}

// inMinority is the answer to what a minority must not do.
func (t *table) inMinority(what string) *Error {
	return &Error{URI: wamp.ErrUnavailable, Message: fmt.Sprintf(
		"%s: this replica cannot reach more than half of the %d replicas, and the cluster's partitionPolicy is Majority; connect to another replica", what, t.quorum.Load())}
}
