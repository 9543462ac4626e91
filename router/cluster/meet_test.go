package cluster

import (
	"fmt"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// An owner that others of a healed split have met, and that has not met all of these, does not know
// what they have registered: it gives no place until it does, and waits for that not for ever.
func TestOwnerGivesNoPlaceBeforeItHasMetAll(t *testing.T) {
	for name, met := range map[string]bool{"met": true, "never met": false} {
		t.Run(name, func(t *testing.T) {
			s := newSimNet(1)
			a, b, c := s.start("a"), s.start("b"), s.start("c")
			s.run(s.now.Add(2 * time.Second))
			if !b.m.peer(c.id).linked || !a.m.peer(b.id).sees[c.id] {
				t.Fatal("b does not reach c, or a does not know")
			}
			k := listKey{Realm: "realm1", Session: 7}
			for i := 0; k.URI == ""; i++ {
				uri := fmt.Sprintf("com.example.p%d", i)
				if a.m.table.slots[slotOf(RegistrationID("realm1", Exact, uri))].active.Load() != 0 {
					k.URI = uri
				}
			}
			a.step(func(m *machine) { m.linkDown(c.id) })
			a.step(func(m *machine) { m.register(k, RoundRobin, 0, &echo{}, func(wamp.ID, error) {}) })
			s.run(s.now.Add(meetFor / 2))
			if a.has(k.URI, k.Session) {
				t.Fatal("a place was given by an owner that does not know what is registered at c")
			}
			if met {
				a.step(func(m *machine) { m.linkUp(c.id, "c") })
				s.run(s.now.Add(2 * askRetry))
			} else {
				s.run(s.now.Add(meetFor))
			}
			if !a.has(k.URI, k.Session) {
				t.Error("no place was given afterwards")
			}
		})
	}
}
