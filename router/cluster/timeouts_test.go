package cluster

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// The timeout of a call is that of the procedure that it goes to: patterns have theirs, and nobody is
// bound by the declaration of a pattern that does not get the call.
func TestTimeoutIsThatOfTheProcedureThatGetsTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := alone(t)
		realm := n.Realm("realm1")
		expect := func(when string, want map[string]time.Duration) {
			t.Helper()
			if timed := when != "nothing declared" && when != "nothing declared any more"; realm.Timed() != timed {
				t.Errorf("%s: the realm is timed: %v", when, realm.Timed())
			}
			for uri, most := range want {
				if got := realm.Timeout(uri); got != most {
					t.Errorf("%s: %s has %v, want %v", when, uri, got, most)
				}
			}
		}
		expect("nothing declared", map[string]time.Duration{"a.b": 0})
		n.SetDeclared(map[ProcedureKey]Declaration{
			{Realm: "realm1", URI: "a.b"}:                   {Timeout: time.Second},
			{Realm: "realm1", URI: "a.free"}:                {},
			{Realm: "realm1", Match: Prefix, URI: "a."}:     {Timeout: 2 * time.Second},
			{Realm: "realm1", Match: Wildcard, URI: "b..c"}: {Timeout: 3 * time.Second},
		})
		expect("nobody registered", map[string]time.Duration{
			"a.b": time.Second, "a.free": 0, "a.x": 2 * time.Second, "b.x.c": 3 * time.Second, "c": 0,
		})
		if got := n.Realm("other").Timeout("a.b"); got != 0 {
			t.Errorf("in another realm: %v", got)
		}
		for i, key := range []ProcedureKey{{Match: Prefix, URI: "a."}, {Match: Wildcard, URI: "b..c"}, {URI: "a.own"}} {
			done := make(chan error, 1)
			realm.Register(Registration{URI: key.URI, Match: key.Match, Session: 1, Callee: &echo{name: key.URI}},
				func(_ wamp.ID, err error) { done <- err })
			if err := <-done; err != nil {
				t.Fatalf("%d: %v", i, err)
			}
		}
		expect("patterns registered", map[string]time.Duration{
			"a.b": 2 * time.Second, "a.free": 2 * time.Second, "a.x": 2 * time.Second, "a.own": 0, "b.x.c": 3 * time.Second,
		})
		if err := register(t, realm, "a.b", Single, 2, &echo{name: "a.b"}); err != nil {
			t.Fatal(err)
		}
		expect("registered", map[string]time.Duration{"a.b": time.Second, "a.x": 2 * time.Second})
		n.SetDeclared(nil)
		expect("nothing declared any more", map[string]time.Duration{"a.b": 0, "a.x": 0})
	})
}
