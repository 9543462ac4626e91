package cluster

import (
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// An owner revokes nobody while it does not know all lists: who is the oldest may be on another one.
func TestOwnerRevokesNobodyBeforeItKnowsAll(t *testing.T) {
	s := newSimNet(1)
	a := s.start("a")
	s.run(s.now.Add(2 * time.Second))
	var revoked []listKey
	a.revoked = func(k listKey) { revoked = append(revoked, k) }
	a.step(func(m *machine) {
		for session := range wamp.ID(2) {
			k := listKey{Realm: "realm1", URI: "com.example.one", Session: session + 1}
			if !m.insertOwn(listEntry{Key: k, Stamp: uint64(session) + 1, Invoke: Single}, &echo{}) {
				t.Fatal("not on the list")
			}
		}
		m.table.incomplete.Store(true)
		m.revokeRivals()
		if len(m.out.revoked) > 0 {
			t.Errorf("revokes %v without all lists", m.out.revoked)
		}
	})
	s.run(s.now.Add(2 * rivalsAgain))
	if len(revoked) == 0 || revoked[0].Session != 2 {
		t.Errorf("revoked %v, want the younger one", revoked)
	}
}
