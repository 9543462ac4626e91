package cluster

import (
	"testing"
	"time"
)

// A member that gossip called dead, and that is back under its name, is the owner that it was:
// calls and registrations find it.
func TestOwnerThatWasForgottenIsFound(t *testing.T) {
	s := newSimNet(1)
	a, b := s.start("a"), s.start("b")
	c := s.start("c") // whose promise every claim needs
	s.run(s.now.Add(2 * time.Second))
	slot := -1
	for i := range b.m.table.slots {
		if b.m.table.slots[i].active.Load() != 0 {
			slot = i
		}
	}
	if slot < 0 {
		t.Fatal("b owns nothing")
	}
	a.step(func(m *machine) {
		delete(m.peer(c.id).sees, b.id)
		m.linkDown(b.id)
	})
	a.step(func(m *machine) {
		m.peer(b.id).down = m.now.Add(-goneAfter)
		m.peerDead(b.id)
	})
	if a.m.peer(b.id) != nil {
		t.Fatal("a did not forget b")
	}
	a.step(func(m *machine) { m.addPeer(b.id, "b") })
	if owner := a.m.table.slots[slot].owner.Load(); owner != a.m.peer(b.id).member {
		t.Errorf("the owner of b's slot at a is not the member that came back: %s", owner.id)
	}
}

// Gossip may call a member dead while its links are back after a split. When they break again at once,
// that old word makes nobody forget it: it may live and act as an owner, and claims would not ask it.
func TestOldWordOfGossipForgetsNobody(t *testing.T) {
	s := newSimNet(1)
	a, b := s.start("a"), s.start("b")
	c := s.start("c")
	s.run(s.now.Add(2 * time.Second))
	a.step(func(m *machine) {
		m.peerDead(b.id)
		delete(m.peer(c.id).sees, b.id)
		m.linkDown(b.id)
	})
	if p := a.m.peer(b.id); p == nil || !p.live() {
		t.Fatal("a forgot b, to which it had links a moment before")
	}
	a.step(func(m *machine) {
		m.peer(b.id).down = m.now.Add(-goneAfter)
		m.settle()
	})
	if a.m.peer(b.id) != nil {
		t.Fatal("a never forgets b")
	}
}
