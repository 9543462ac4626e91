package cluster

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// In Majority mode a replica that is left alone refuses registrations, stops its rotations and is
// not ready; what it serves by itself goes on, and all is well again when the others are back.
func TestMinorityRefuses(t *testing.T) {
	nodes := startNodes(t, 3)
	for _, n := range nodes {
		n.SetQuorum(3)
	}
	here := nodes[0].Realm("realm1")
	callee := &echo{name: "here"}
	for i, r := range []Registration{
		{URI: "com.example.rotate", Invoke: RoundRobin}, {URI: "com.example.first", Invoke: First},
	} {
		if err := register(t, here, r.URI, r.Invoke, wamp.ID(i+1), callee); err != nil {
			t.Fatalf("with all replicas there: %v", err)
		}
	}
	nodes[1].end()
	nodes[2].end()
	eventually(t, func() error { return unless(nodes[0].Minority(), "the minority is noticed") })
	if nodes[0].Joined() {
		t.Error("a replica in the minority says that it is ready")
	}
	err := register(t, here, "com.example.late", First, 9, callee)
	var refused *Error
	if !errors.As(err, &refused) || refused.URI != wamp.ErrUnavailable {
		t.Errorf("a registration in the minority gives %v, want %s", err, wamp.ErrUnavailable)
	}
	if _, ok := nodes[0].Procedure(ProcedureKey{Realm: "realm1", URI: "com.example.late"}); ok {
		t.Error("the refused registration is on the list")
	}
	if got := call(t, here, "com.example.first"); got != "here" {
		t.Errorf("first in the minority gives %q, want the callee that is there", got)
	}
	if nodes[0].table.leased(time.Now()) {
		t.Error("the minority may still deal turns")
	}
	nodes[0].SetQuorum(1)
	eventually(t, func() error { return unless(nodes[0].Joined(), "one of one is a majority") })
	if got := call(t, here, "com.example.rotate"); got != "here" {
		t.Errorf("the rotation gives %q when the majority is back", got)
	}
}

// unless gives an error that says what was expected.
func unless(is bool, expected string) error {
	if is {
		return nil
	}
	return errors.New("not so: " + expected)
}

// A REGISTER whose place was granted just before the majority was lost, and one that the client sent
// behind it, are both refused, once, and nothing stays on the list.
func TestRegistrationsWithoutMajorityAreTakenBack(t *testing.T) {
	nodes := startNodes(t, 3)
	for _, n := range nodes {
		n.SetQuorum(3)
	}
	n := nodes[0]
	eventually(t, func() error { return unless(n.Joined(), "it reaches the majority") })
	uri := ""
	for i := 0; uri == ""; i++ {
		candidate := fmt.Sprintf("com.example.p%d", i)
		if n.table.slots[slotOf(RegistrationID("realm1", Exact, candidate))].active.Load() != 0 {
			uri = candidate
		}
	}
	answers := make(chan error, 4)
	k := listKey{Realm: "realm1", URI: uri, Session: 7}
	n.step(func(m *machine) { // which keeps it from noticing that the others end
		nodes[1].end()
		nodes[2].end()
		for range 2 {
			m.request(k, RoundRobin, 0, &echo{}, func(_ wamp.ID, err error) { answers <- err })
		}
		m.settle()
		if _, ok := m.ownEntry(k); !ok {
			t.Error("the place was not granted: this test does not show what it should")
		}
	})
	for range 2 {
		var refused *Error
		if err := <-answers; !errors.As(err, &refused) || refused.URI != wamp.ErrUnavailable {
			t.Errorf("REGISTER without a majority gives %v, want %s", err, wamp.ErrUnavailable)
		}
	}
	if _, ok := n.Procedure(ProcedureKey{Realm: "realm1", URI: uri}); ok {
		t.Error("the registration is still on the list")
	}
	n.step(func(m *machine) { m.settle() })
	if len(answers) > 0 {
		t.Error("a REGISTER was answered twice")
	}
}
