package router_test

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"

	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/transport"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Whoever knows the secret gets in, under the declared name and role, on every replica.
func TestRightSecretsGetIn(t *testing.T) {
	gatesEverywhere(t, false, func(t *testing.T, s *site) {
		for i, c := range []struct {
			name   string
			login  *wamptest.Login
			authID string
			method string
		}{
			{"ticket", wamptest.WithTicket("alice", password), "alice", "ticket"},
			{"wampcra", wamptest.WithCRA("alice", password), "alice", "wampcra"},
			{"wampcra salted", wamptest.WithCRA("bob", password), "bob", "wampcra"},
			{"scram argon2", wamptest.WithSCRAM("alice", password, ""), "alice", "wamp-scram"},
			{"scram pbkdf2", wamptest.WithSCRAM("bob", password, ""), "bob", "wamp-scram"},
			{"scram as Crossbar.io has it", wamptest.WithCrossbarSCRAM("dora", password), "dora", "scram"},
			{"cryptosign", wamptest.WithCryptosign("alice", aliceKey, ""), "alice", "cryptosign"},
			{"cryptosign without a name", wamptest.WithCryptosign("", aliceKey, ""), "alice", "cryptosign"},
			{"second choice", wamptest.WithTicket("alice", password).Offering("tls", "kerberos", "ticket"), "alice", "ticket"},
		} {
			client, err := s.logIn(t, i, "gates", c.login)
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			w := client.Welcome
			if w["authid"] != c.authID || w["authmethod"] != c.method || w["authrole"] != "user" || w["authprovider"] != "static" || w["realm"] != "gates" {
				t.Errorf("%s: WELCOME %v", c.name, w)
			}
			if _, err := client.Subscribe("com.example.topic", nil); err != nil {
				t.Errorf("%s: subscribing with the role: %v", c.name, err)
			}
		}
	})
}

// A wrong secret, a name that nobody has, a method that the principal does not have, and a
// principal whose Secret is missing: the same ABORT, word for word.
func TestWrongSecretsAndUnknownNamesAreRefusedAlike(t *testing.T) {
	gatesEverywhere(t, false, func(t *testing.T, s *site) {
		refused := map[string][]string{}
		for i, l := range []*wamptest.Login{
			wamptest.WithTicket("alice", "open says me"), wamptest.WithTicket("mallory", password),
			wamptest.WithTicket("bob", password), wamptest.WithTicket("carol", password), wamptest.WithTicket("alice", ""),
			wamptest.WithCRA("alice", "open says me"), wamptest.WithCRA("bob", "open says me"), wamptest.WithCRA("mallory", password),
			wamptest.WithCRA("carol", password),
			wamptest.WithSCRAM("alice", "open says me", ""), wamptest.WithSCRAM("bob", "open says me", ""), wamptest.WithSCRAM("mallory", password, ""),
			wamptest.WithCrossbarSCRAM("dora", "open says me"), wamptest.WithCrossbarSCRAM("mallory", password),
			wamptest.WithCryptosign("alice", malloryKey, ""), wamptest.WithCryptosign("mallory", aliceKey, ""), wamptest.WithCryptosign("", malloryKey, ""),
		} {
			_, err := s.logIn(t, i, "gates", l)
			if err == nil {
				t.Errorf("%s got in by %v", l.AuthID, l.Methods)
				continue
			}
			refused[err.Error()] = append(refused[err.Error()], fmt.Sprint(l.AuthID, l.Methods))
		}
		if len(refused) != 1 {
			t.Errorf("refused in different words: %v", refused)
		}
		for text := range refused {
			if !strings.Contains(text, wamp.ErrAuthenticationDenied) {
				t.Errorf("refused with %s", text)
			}
		}
	})
}

func TestMethodsThatAreNotThere(t *testing.T) {
	s := openGates(t, 1, false)
	for _, c := range []struct {
		login *wamptest.Login
		uri   string
	}{
		{wamptest.WithTicket("alice", password).Offering("kerberos"), wamp.ErrNoMatchingAuthMethod},
		{wamptest.WithTicket("", password), wamp.ErrAuthenticationRequired},
		{wamptest.WithCertificate("alice"), wamp.ErrAuthenticationDenied},                           // not even encrypted
		{wamptest.WithSCRAM("alice", password, "").Offering("scram"), wamp.ErrAuthenticationDenied}, // dora has it
	} {
		_, err := s.logIn(t, 0, "gates", c.login)
		if wamptest.URI(err) != c.uri {
			t.Errorf("%v as %q: %v, want %s", c.login.Methods, c.login.AuthID, err, c.uri)
		}
	}
}

// What proved a name once proves nothing again.
func TestSignaturesCannotBeReplayed(t *testing.T) {
	gatesEverywhere(t, false, func(t *testing.T, s *site) {
		for i, l := range []*wamptest.Login{
			wamptest.WithCRA("alice", password), wamptest.WithSCRAM("alice", password, ""), wamptest.WithCryptosign("alice", aliceKey, ""),
		} {
			var signature string
			var extra map[string]any
			answer := l.Answer
			l.Answer = func(conn transport.Conn, challenge *wamptest.Message) (string, map[string]any) {
				if signature == "" {
					signature, extra = answer(conn, challenge)
				}
				return signature, extra
			}
			if _, err := s.logIn(t, i, "gates", l); err != nil {
				t.Fatalf("%v: %v", l.Methods, err)
			}
			if _, err := s.logIn(t, i+1, "gates", l); wamptest.URI(err) != wamp.ErrAuthenticationDenied {
				t.Errorf("%v: the same signature again: %v", l.Methods, err)
			}
		}
	})
}

// A signature is good on the one TLS connection that it was made for.
func TestChannelBinding(t *testing.T) {
	gatesEverywhere(t, true, func(t *testing.T, s *site) {
		twelve := func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }
		for i, c := range []struct {
			binding string
			change  func(*tls.Config)
			uri     string
		}{
			{"tls-exporter", nil, ""},
			{"tls-exporter", twelve, ""},
			{"tls-unique", twelve, ""},
			{"tls-unique", nil, wamp.ErrAuthenticationFailed}, // TLS 1.3 has none
			{"tls-server-end-point", nil, wamp.ErrAuthenticationFailed},
		} {
			for _, l := range []*wamptest.Login{
				wamptest.WithCryptosign("alice", aliceKey, c.binding), wamptest.WithSCRAM("alice", password, c.binding),
			} {
				_, err := wamptest.LogIn(t, s.secureDial(t, i, c.change), "gates", l)
				if wamptest.URI(err) != c.uri {
					t.Errorf("%v over %s: %v", l.Methods, c.binding, err)
				}
				if c.uri != "" {
					continue
				}
				// Somebody in between passes the challenge on to the client, over a connection
				// of its own.
				other, answer := s.secureDial(t, i, c.change), l.Answer
				l.Answer = func(_ transport.Conn, challenge *wamptest.Message) (string, map[string]any) {
					return answer(other, challenge)
				}
				if _, err := wamptest.LogIn(t, s.secureDial(t, i, c.change), "gates", l); wamptest.URI(err) != wamp.ErrAuthenticationDenied {
					t.Errorf("%v over %s through another connection: %v", l.Methods, c.binding, err)
				}
			}
		}
	})
}

// Without TLS there is nothing to bind to, and the client that wants it is not let in without.
func TestChannelBindingNeedsTLS(t *testing.T) {
	s := openGates(t, 1, false)
	for _, l := range []*wamptest.Login{
		wamptest.WithCryptosign("alice", aliceKey, "tls-exporter"), wamptest.WithSCRAM("alice", password, "tls-unique"),
	} {
		if _, err := s.logIn(t, 0, "gates", l); wamptest.URI(err) != wamp.ErrAuthenticationFailed {
			t.Errorf("%v: %v", l.Methods, err)
		}
	}
}

func TestClientCertificates(t *testing.T) {
	gatesEverywhere(t, true, func(t *testing.T, s *site) {
		for i, c := range []struct {
			name  string
			shown *certificate
			login *wamptest.Login
			uri   string
		}{
			{"subject", newCertificate(t, "alice", s.authority), wamptest.WithCertificate("alice"), ""},
			{"subject, no name", newCertificate(t, "alice", s.authority), wamptest.WithCertificate(""), ""},
			{"subject, other name", newCertificate(t, "alice", s.authority), wamptest.WithCertificate("bob"), wamp.ErrAuthenticationDenied},
			{"fingerprint", s.alice, wamptest.WithCertificate(""), ""},
			{"other subject", newCertificate(t, "mallory", s.authority), wamptest.WithCertificate("alice"), wamp.ErrAuthenticationDenied},
			{"none", nil, wamptest.WithCertificate("alice"), wamp.ErrAuthenticationDenied},
			{"none, but a ticket", nil, wamptest.WithTicket("alice", password).Offering("tls", "ticket"), ""},
		} {
			conn := s.secureDial(t, i, func(config *tls.Config) {
				if c.shown != nil {
					config.Certificates = []tls.Certificate{c.shown.pair()}
				}
			})
			client, err := wamptest.LogIn(t, conn, "gates", c.login)
			if wamptest.URI(err) != c.uri || err == nil && client.Welcome["authid"] != "alice" {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	})
}
