package router_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// The most specific registration gets the call: the exact one, the longest prefix, then the
// wildcard pattern with the longest literal head; and its callee is told what was called.
func TestPatternRegistrations(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		for i, r := range []struct{ uri, match string }{
			{"com.example.exact", "exact"},
			{"com.example", "prefix"},
			{"com.example.long", "prefix"},
			{"com..x", "wildcard"},
			{"org..x", "wildcard"},
			{"org.a.", "wildcard"},
			{"org..", "wildcard"},
		} {
			c := join(t, dev, i)
			if _, err := c.Register(r.uri, map[string]any{"match": r.match}, func(m *wamptest.Message) {
				c.Yield(m, r.match+" "+r.uri, wamptest.Details(m)["procedure"])
			}); err != nil {
				t.Fatal(err)
			}
		}
		for called, want := range map[string]string{
			"com.example.exact":     "exact com.example.exact",
			"com.example.exactly":   "prefix com.example",
			"com.example":           "prefix com.example",
			"com.example.longer.no": "prefix com.example.long",
			"com.example.x":         "prefix com.example",
			"com.other.x":           "wildcard com..x",
			"org.a.x":               "wildcard org.a.",
			"org.b.x":               "wildcard org..x",
			"org.b.y":               "wildcard org..",
			"com.other.y":           "",
			"org.b":                 "",
		} {
			for i := range dev.Routers {
				m, err := join(t, dev, i).Call(called)
				if want == "" {
					if wamptest.URI(err) != wamp.ErrNoSuchProcedure {
						t.Errorf("%s: %v, %v", called, m, err)
					}
					continue
				}
				if err != nil {
					t.Errorf("%s: %v", called, err)
					continue
				}
				var procedure any = called
				if called == "com.example.exact" {
					procedure = nil
				}
				if m.Args[0] != want || m.Args[1] != procedure {
					t.Errorf("%s reached %v", called, m.Args)
				}
			}
		}
	})
}

// A pattern has a list of callees and a rotation as any procedure has.
func TestSharedPatternRegistration(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		options := map[string]any{"match": "prefix", "invoke": "roundrobin"}
		for i := range 3 {
			c := join(t, dev, i)
			if _, err := c.Register("com.shared.", options, func(m *wamptest.Message) { c.Yield(m, name(i)) }); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := join(t, dev, 1).Register("com.shared.", map[string]any{"match": "prefix"}, nil); wamptest.URI(err) != wamp.ErrInvocationPolicyMismatch {
			t.Errorf("another policy: %v", err)
		}
		if _, err := join(t, dev, 1).Register("com.shared.", map[string]any{"match": "wildcard"}, nil); err != nil {
			t.Errorf("another match: %v", err)
		}
		caller := join(t, dev, 2)
		var got []any
		for range 6 {
			m, err := caller.Call("com.shared.procedure")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, m.Args[0])
		}
		for i := range 3 {
			if got[i] != got[i+3] || got[i] == got[(i+1)%3] {
				t.Fatalf("the turns were %v", got)
			}
		}
	})
}

// disclosing is a realm in which sessions may name themselves on com.open. and not elsewhere.
const disclosing = `apiVersion: wamp-operator.io/v1alpha1
kind: WampRealm
metadata:
  name: realm1
spec:
  clusterRef:
    name: dev
  realm: realm1
  anonymous:
    role: guest
  roles:
    - name: guest
      trustLevel: 3
      permissions:
        - uri: ""
          match: prefix
          allow: [call, register]
        - uri: com.open.
          match: prefix
          allow: [call, register, disclose]
`

func withDocument(t testing.TB, text string) func(*router.DevConfig) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "realm.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(c *router.DevConfig) { c.Documents = []string{path} }
}

// A callee is told who calls when the caller or the callee asks for it and may; and always how
// much the caller is trusted.
func TestCallerIdentification(t *testing.T) {
	for _, replicas := range []int{1, 3} {
		dev := start(t, replicas, withDocument(t, disclosing))
		callee, caller := join(t, dev, 1), join(t, dev, 0)
		seen := newInbox()
		for procedure, options := range map[string]map[string]any{
			"com.open.plain": nil, "com.open.curious": {"disclose_caller": true}, "com.secret.plain": nil,
			"com.open.turns": {"disclose_caller": true, "invoke": "roundrobin"},
		} {
			if _, err := callee.Register(procedure, options, func(m *wamptest.Message) {
				seen.put(m)
				callee.Yield(m)
			}); err != nil {
				t.Fatalf("%s: %v", procedure, err)
			}
		}
		_, err := callee.Register("com.secret.curious", map[string]any{"disclose_caller": true}, nil)
		if wamptest.URI(err) != wamp.ErrOptionDisallowedDiscloseMe {
			t.Errorf("a curious callee: %v", err)
		}
		for _, call := range []struct {
			procedure string
			options   map[string]any
			named     bool
		}{
			{"com.open.plain", nil, false},
			{"com.open.plain", map[string]any{"disclose_me": false}, false},
			{"com.open.plain", map[string]any{"disclose_me": true}, true},
			{"com.open.curious", nil, true},
			{"com.open.curious", map[string]any{"disclose_me": true}, true},
			{"com.open.turns", nil, true},
			{"com.secret.plain", nil, false},
		} {
			_, answer := caller.StartOptions(call.procedure, call.options, nil)
			if _, err := caller.Await(answer); err != nil {
				t.Errorf("%s %v: %v", call.procedure, call.options, err)
				continue
			}
			details := wamptest.Details(seen.next(t))
			if call.named && (details["caller"] != int64(caller.ID) || details["caller_authid"] != caller.Welcome["authid"] || details["caller_authrole"] != "guest") ||
				!call.named && (details["caller"] != nil || details["caller_authid"] != nil || details["caller_authrole"] != nil) {
				t.Errorf("%s %v, %d replicas: INVOCATION.Details are %v", call.procedure, call.options, replicas, details)
			}
			if details["trustlevel"] != int64(3) {
				t.Errorf("%s: trust level %v", call.procedure, details["trustlevel"])
			}
		}
		_, answer := caller.StartOptions("com.secret.plain", map[string]any{"disclose_me": true}, nil)
		fails(t, caller, answer, wamp.ErrOptionDisallowedDiscloseMe)
	}
}
