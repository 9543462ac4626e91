package router_test

import (
	"testing"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// A registration that an administrator takes away: the client is told when it announced that it
// wants to be, gets no further call, and still answers those that it has.
func TestRegistrationRevocation(t *testing.T) {
	apart(t, func(t *testing.T, dev *router.Dev, calleeAt, callerAt int) {
		callee, caller := join(t, dev, calleeAt), join(t, dev, callerAt)
		revoked := newInbox()
		callee.On(wamp.Unregistered, revoked.put)
		uri, invocations, _ := silent(t, callee, map[string]any{"invoke": "first"})
		deaf := plain(t, dev, calleeAt, "callee.registration_revocation") // complains when it is told
		if _, err := deaf.Register(uri, map[string]any{"invoke": "first"}, func(m *wamptest.Message) { deaf.Yield(m, "deaf") }); err != nil {
			t.Fatal(err)
		}
		answer := caller.StartCall(uri)
		invocation := invocations.next(t)
		remove := func(c *wamptest.Client) {
			t.Helper()
			_, answer := caller.StartOptions("wamp.registration.remove_callee", nil, nil, invocation.ID, c.ID)
			if _, err := caller.Await(answer); err != nil {
				t.Fatal(err)
			}
		}
		remove(callee)
		if m := revoked.next(t); m.Request != 0 || wamptest.Details(m)["registration"] != int64(invocation.ID) {
			t.Errorf("UNREGISTERED %d %v", m.Request, wamptest.Details(m))
		}
		eventually(t, "calls go to the other callee", func() bool {
			m, err := caller.Call(uri)
			return err == nil && len(m.Args) == 1 && m.Args[0] == "deaf"
		})
		callee.Yield(invocation, "late")
		if m, err := caller.Await(answer); err != nil || m.Args[0] != "late" {
			t.Errorf("a call that was open: %v, %v", m, err)
		}
		remove(deaf)
		eventually(t, "nobody is left", func() bool {
			_, err := caller.Call(uri)
			return wamptest.URI(err) == wamp.ErrNoSuchProcedure
		})
	})
}
