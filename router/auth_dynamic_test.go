package router_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/transport"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// authenticator registers, on the last replica, a callee that knows dave.
func authenticator(t *testing.T, s *site, know func(authID string, details map[string]any) any) *wamptest.Client {
	t.Helper()
	last := len(s.dev.Routers) - 1
	callee := wamptest.Join(t, rawsocket(s.dev.Routers[last]), "people", wamp.CBOR)
	_, err := callee.Register("com.example.authenticate", nil, func(m *wamptest.Message) {
		authID, _ := m.Args[1].(string)
		details, _ := m.Args[2].(map[string]any)
		if answer := know(authID, details); answer != nil {
			callee.Yield(m, answer)
		} else {
			callee.Fail(m, "com.example.error.no_such_user", "nobody by the name of "+authID)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return callee
}

// The procedure of an authenticator, wherever it is, decides who gets in and as what.
func TestDynamicAuthenticator(t *testing.T) {
	key := hex.EncodeToString(aliceKey.Public().(ed25519.PublicKey))
	gatesEverywhere(t, false, func(t *testing.T, s *site) {
		authenticator(t, s, func(authID string, details map[string]any) any {
			extra, _ := details["authextra"].(map[string]any)
			transport, _ := details["transport"].(map[string]any)
			switch {
			case transport["type"] != "rawsocket" || details["session"] == nil:
				return nil
			case details["authmethod"] == "anonymous":
				return map[string]any{"role": "guest", "authid": "visitor"}
			case authID != "dave":
				return nil
			case details["authmethod"] == "ticket" && details["ticket"] != password, details["authmethod"] == "cryptosign" && extra["pubkey"] != key:
				return nil
			}
			return map[string]any{"role": "user", "secret": password, "extra": map[string]any{"floor": 3}}
		})
		refused := map[string]bool{}
		for i, c := range []struct {
			realm  string
			login  *wamptest.Login
			authID string // empty: refused
		}{
			{"dynamic", wamptest.WithTicket("dave", password), "dave"},
			{"dynamic", wamptest.WithCRA("dave", password), "dave"},
			{"dynamic", wamptest.WithCryptosign("dave", aliceKey, ""), "dave"},
			{"gates", &wamptest.Login{}, "visitor"},
			{"dynamic", wamptest.WithTicket("dave", "open says me"), ""},
			{"dynamic", wamptest.WithTicket("mallory", password), ""},
			{"dynamic", wamptest.WithCRA("dave", "open says me"), ""},
			{"dynamic", wamptest.WithCRA("mallory", password), ""},
			{"dynamic", wamptest.WithCryptosign("dave", malloryKey, ""), ""},
			{"dynamic", wamptest.WithCryptosign("mallory", aliceKey, ""), ""},
		} {
			client, err := s.logIn(t, i, c.realm, c.login)
			switch {
			case c.authID == "":
				refused[fmt.Sprint(err)] = true
			case err != nil:
				t.Errorf("%v: %v", c.login.Methods, err)
			case client.Welcome["authid"] != c.authID || client.Welcome["authprovider"] != "dynamic":
				t.Errorf("%v: WELCOME %v", c.login.Methods, client.Welcome)
			case c.realm == "dynamic":
				if extra, _ := client.Welcome["authextra"].(map[string]any); fmt.Sprint(extra["floor"]) != "3" {
					t.Errorf("%v: authextra %v", c.login.Methods, extra)
				}
			}
		}
		if len(refused) != 1 {
			t.Errorf("refused in different words: %v", refused)
		}
	})
}

// While an authenticator thinks, others log in; and it has its time.
func TestSlowAuthenticatorHoldsUpNobodyElse(t *testing.T) {
	gatesEverywhere(t, false, func(t *testing.T, s *site) {
		asked := make(chan *wamptest.Message, 1)
		last := len(s.dev.Routers) - 1
		callee := wamptest.Join(t, rawsocket(s.dev.Routers[last]), "people", wamp.JSON)
		if _, err := callee.Register("com.example.authenticate", nil, func(m *wamptest.Message) { asked <- m }); err != nil {
			t.Fatal(err)
		}
		type result struct {
			client *wamptest.Client
			err    error
		}
		slow := make(chan result, 1)
		conn := dial(t, s.dev.Routers[0], wamp.JSON)
		go func() {
			client, err := wamptest.LogIn(t, conn, "dynamic", wamptest.WithTicket("dave", password))
			slow <- result{client, err}
		}()
		invocation := <-asked
		began := time.Now()
		for i := range 3 {
			if _, err := s.logIn(t, i, "gates", wamptest.WithTicket("alice", password)); err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("the others took %v", took)
		}
		callee.Yield(invocation, "user")
		if r := <-slow; r.err != nil || r.client.Welcome["authid"] != "dave" {
			t.Errorf("after the answer: %v", r.err)
		}
	})
}

// Where nobody can be asked the router says so, and lets nobody in.
func TestNoAuthenticator(t *testing.T) {
	gatesEverywhere(t, false, func(t *testing.T, s *site) {
		for i, c := range []struct {
			realm string
			login *wamptest.Login
		}{
			{"dynamic", wamptest.WithTicket("dave", password)},
			{"dynamic", wamptest.WithCRA("dave", password)},
			{"gates", &wamptest.Login{}},
		} {
			if _, err := s.logIn(t, i, c.realm, c.login); wamptest.URI(err) != wamp.ErrAuthenticationFailed {
				t.Errorf("%v: %v", c.login.Methods, err)
			}
		}
		authenticator(t, s, func(string, map[string]any) any { return "king" }) // a role that the realm does not have
		if _, err := s.logIn(t, 0, "dynamic", wamptest.WithTicket("dave", password)); wamptest.URI(err) != wamp.ErrAuthenticationFailed {
			t.Errorf("a role that is not there: %v", err)
		}
	})
}

// What a client is asked for a name tells on no replica, and from the first attempt on, whether the
// authenticator knows it: neither who it is there, nor its role, nor that its key is salted.
func TestChallengesOfAnAuthenticatorTellNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "realms.yaml")
	if err := os.WriteFile(file, []byte(salting), 0o600); err != nil {
		t.Fatal(err)
	}
	dev := start(t, 2, func(c *router.DevConfig) { c.Documents = []string{file} })
	authenticator(t, &site{dev: dev}, func(authID string, _ map[string]any) any {
		if authID != "dave" {
			return nil
		}
		return map[string]any{"role": "user", "authid": "employee-7", "secret": "aHVzaA==", "salt": "c2FsdCBvZiAxNiBieXRlcw==", "iterations": 1000, "keylen": 32}
	})
	ask := func(replica int, authID string) (salt any, challenge map[string]any) {
		t.Helper()
		login := wamptest.WithCRA(authID, password)
		answer := login.Answer
		login.Answer = func(conn transport.Conn, m *wamptest.Message) (string, map[string]any) {
			extra := wamptest.Details(m)
			salt = extra["salt"]
			text, _ := extra["challenge"].(string)
			if err := json.Unmarshal([]byte(text), &challenge); err != nil {
				t.Error(err)
			}
			return answer(conn, m)
		}
		if _, err := wamptest.LogIn(t, dial(t, dev.Routers[replica], wamp.JSON), "salting", login); wamptest.URI(err) != wamp.ErrAuthenticationDenied {
			t.Errorf("%s: %v", authID, err)
		}
		return salt, challenge
	}
	first, challenge := ask(0, "mallory")
	second, _ := ask(1, "mallory")
	known, signed := ask(0, "dave")
	if first == nil || first != second || known == nil || challenge["authid"] != "mallory" || signed["authid"] != "dave" {
		t.Errorf("mallory is asked with the salts %v and %v, %v; dave with %v, %v", first, second, challenge, known, signed)
	}
}

const salting = `
apiVersion: wamp-operator.io/v1alpha1
kind: WampRealm
metadata: {name: salting}
spec:
  clusterRef: {name: dev}
  realm: salting
  roles: [{name: user}]
  authenticators:
  - {methods: [wampcra], procedure: com.example.authenticate, realm: people, wampcra: {iterations: 1000}}
---
apiVersion: wamp-operator.io/v1alpha1
kind: WampRealm
metadata: {name: people}
spec:
  clusterRef: {name: dev}
  realm: people
  anonymous: {role: knower}
  roles:
  - {name: knower, permissions: [{uri: com.example.authenticate, allow: [register]}]}
`
