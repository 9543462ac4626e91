package router_test

import (
	"encoding/base64"
	"testing"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// everybodyServes waits until all replicas serve what the file says now.
func (s *site) everybodyServes(t *testing.T) {
	t.Helper()
	before := make([]string, len(s.dev.Routers))
	for i, r := range s.dev.Routers {
		before[i] = r.State().Documents.Hash
	}
	s.write(t)
	eventually(t, "the new documents on every replica", func() bool {
		for i, r := range s.dev.Routers {
			if r.State().Documents.Hash == before[i] {
				return false
			}
		}
		return true
	})
}

// A new secret holds for those who come after it; those who are there stay.
func TestSecretsRotate(t *testing.T) {
	gatesEverywhere(t, false, func(t *testing.T, s *site) {
		there, err := s.logIn(t, 0, "gates", wamptest.WithTicket("alice", password))
		if err != nil {
			t.Fatal(err)
		}
		const next = "next password"
		keys, err := auth.DeriveSCRAM(next, auth.KDF{Name: v1alpha1.KDFArgon2, Salt: []byte("salt of a test"), Iterations: 1, Memory: 64})
		if err != nil {
			t.Fatal(err)
		}
		s.fill["Password"] = next
		s.fill["Alice"] = map[string]string{
			"Stored": base64.StdEncoding.EncodeToString(keys.Stored), "Server": base64.StdEncoding.EncodeToString(keys.Server),
		}
		s.everybodyServes(t)
		for i := range s.dev.Routers {
			for _, with := range []func(password string) *wamptest.Login{
				func(p string) *wamptest.Login { return wamptest.WithTicket("alice", p) },
				func(p string) *wamptest.Login { return wamptest.WithCRA("alice", p) },
				func(p string) *wamptest.Login { return wamptest.WithSCRAM("alice", p, "") },
			} {
				if _, err := s.logIn(t, i, "gates", with(password)); wamptest.URI(err) != wamp.ErrAuthenticationDenied {
					t.Errorf("with the old secret: %v", err)
				}
				if _, err := s.logIn(t, i, "gates", with(next)); err != nil {
					t.Errorf("with the new secret: %v", err)
				}
			}
		}
		if _, err := there.Subscribe("com.example.topic", nil); err != nil {
			t.Errorf("the session from before: %v", err)
		}
	})
}

// A principal whose Secret is missing is named where people look for it, and is all that is
// missing.
func TestMissingSecretsAreReported(t *testing.T) {
	s := openGates(t, 1, false)
	documents := s.dev.Routers[0].State().Documents
	const want = "principal carol of realm gates cannot log in by ticket: there is no Secret carol"
	if documents.Warnings != want || documents.Error != "" {
		t.Errorf("the state says %+v", documents)
	}
	if _, err := s.logIn(t, 0, "gates", wamptest.WithTicket("alice", password)); err != nil {
		t.Error(err)
	}
}

// Sessions of a principal that is removed are told to leave, on every replica, and nobody else's.
func TestRemovedPrincipalsLeave(t *testing.T) {
	gatesEverywhere(t, false, func(t *testing.T, s *site) {
		var alices, others []*wamptest.Client
		for i := range s.dev.Routers {
			for _, l := range []*wamptest.Login{wamptest.WithTicket("alice", password), wamptest.WithCryptosign("", aliceKey, "")} {
				alice, err := s.logIn(t, i, "gates", l)
				if err != nil {
					t.Fatal(err)
				}
				alices = append(alices, alice)
			}
			bob, err := s.logIn(t, i, "gates", wamptest.WithCRA("bob", password))
			if err != nil {
				t.Fatal(err)
			}
			others = append(others, bob)
		}
		s.fill["NoAlice"] = true
		s.everybodyServes(t)
		for _, alice := range alices {
			if end := alice.End(); end == nil || end.Type != wamp.Goodbye || end.URI != wamp.CloseKilled {
				t.Errorf("alice is told %+v", end)
			}
		}
		for _, bob := range others {
			if _, err := bob.Subscribe("com.example.topic", nil); err != nil {
				t.Errorf("bob: %v", err)
			}
		}
		if _, err := s.logIn(t, 0, "gates", wamptest.WithTicket("alice", password)); err == nil {
			t.Error("alice got in after she was removed")
		}
	})
}
