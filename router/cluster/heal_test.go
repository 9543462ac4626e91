package cluster

import (
	"errors"
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

// A REGISTER that still waits for other replicas when an older callee turns up is answered with the error that
// a later one would get: a session never hears REGISTERED for a place that it does not keep.
func TestRivalIsRefusedBeforeItIsConfirmed(t *testing.T) {
	s := newSimNet(1)
	a := s.start("a")
	s.run(s.now.Add(2 * time.Second))
	a.revoked = func(k listKey) {
		t.Errorf("session %d, which has not heard of its registration, is revoked", k.Session)
	}
	answers := map[wamp.ID][]error{}
	a.step(func(m *machine) {
		for session := range wamp.ID(2) {
			k := listKey{Realm: "realm1", URI: "com.example.one", Session: session + 1}
			if !m.insertOwn(listEntry{Key: k, Stamp: uint64(session) + 1, Invoke: Single}, &echo{}) {
				t.Fatal("not on the list")
			}
			if session == 1 {
				m.confirmRegistration(k, func(err error) { answers[k.Session] = append(answers[k.Session], err) })
			}
		}
	})
	s.run(s.now.Add(2 * rivalsAgain))
	var refused *Error
	if got := answers[2]; len(got) != 1 || !errors.As(got[0], &refused) || refused.URI != wamp.ErrProcedureAlreadyExists {
		t.Errorf("the younger one is answered with %v, want %s once", got, wamp.ErrProcedureAlreadyExists)
	}
	p, ok := a.m.table.find(ProcedureKey{Realm: "realm1", URI: "com.example.one"})
	if !ok || len(p.load().entries) != 1 || p.load().entries[0].session != 1 {
		t.Error("the list does not have the older one alone")
	}
}
