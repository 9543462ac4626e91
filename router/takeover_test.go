package router_test

import (
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

func force(invoke string) map[string]any {
	return map[string]any{"invoke": invoke, "force_reregister": true}
}

// answering gives a client that registers procedures which tell its session.
func answering(t *testing.T, dev *router.Dev, at int) (c *wamptest.Client, register func(uri string, options map[string]any) error, revoked inbox) {
	t.Helper()
	c, revoked = join(t, dev, at), newInbox()
	c.On(wamp.Unregistered, revoked.put)
	return c, func(uri string, options map[string]any) error {
		_, err := c.Register(uri, options, func(m *wamptest.Message) { c.Yield(m, uint64(c.ID)) })
		return err
	}, revoked
}

// callees are the sessions on the list of a procedure.
func callees(t *testing.T, c *wamptest.Client, uri string) []any {
	t.Helper()
	id := call(t, c, "wamp.registration.lookup", []any{uri}, nil)
	if id == nil {
		return nil
	}
	return call(t, c, "wamp.registration.list_callees", []any{id}, nil).([]any)
}

// A service that comes back, before anybody noticed that its connection was lost, takes its procedure
// over, wherever it was; who had it is told.
func TestForceReregister(t *testing.T) {
	for _, invoke := range []string{"single", "roundrobin", "first"} {
		t.Run(invoke, func(t *testing.T) {
			everywhere(t, func(t *testing.T, dev *router.Dev) {
				caller := join(t, dev, 0)
				for at := range dev.Routers {
					uri := fresh()
					_, before, revoked := answering(t, dev, at)
					if err := before(uri, map[string]any{"invoke": invoke}); err != nil {
						t.Fatal(err)
					}
					next, after, _ := answering(t, dev, at+1)
					if err := after(uri, force(invoke)); err != nil {
						t.Fatal(err)
					}
					if d := wamptest.Details(revoked.next(t)); d["reason"] != wamp.ErrProcedureAlreadyExists {
						t.Errorf("UNREGISTERED.Details %v", d)
					}
					for range 3 {
						if got := call(t, caller, uri, nil, nil); got != int64(next.ID) {
							t.Errorf("the call went to %v", got)
						}
					}
					if err := after(uri, force(invoke)); err != nil { // from itself
						t.Error(err)
					}
					if got := callees(t, caller, uri); !slices.Equal(got, ids(next.ID)) {
						t.Errorf("callees %v", got)
					}
				}
			})
		})
	}
}

// Another policy may come with it, unless one is declared: then nobody is taken anything from.
func TestForceReregisterWithAnotherPolicy(t *testing.T) {
	documents := filepath.Join(t.TempDir(), "docs.yaml")
	(&served{t: t, path: documents}).write(realmYAML("realm1", everything) + procedureYAML("roundrobin", "Require"))
	dev := start(t, 3, func(c *router.DevConfig) { c.Documents = []string{filepath.Dir(documents)} })
	const declared, free = "com.example.whoami", "com.example.free"
	old, before, _ := answering(t, dev, 0)
	next, after, _ := answering(t, dev, 1)
	for _, uri := range []string{declared, free} {
		if err := before(uri, map[string]any{"invoke": "roundrobin"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := after(free, force("single")); err != nil {
		t.Error(err)
	}
	if err := after(declared, force("single")); wamptest.URI(err) != wamp.ErrInvocationPolicyMismatch {
		t.Errorf("REGISTER with another policy than the declared one: %v", err)
	}
	if got := callees(t, next, free); !slices.Equal(got, ids(next.ID)) {
		t.Errorf("callees %v", got)
	}
	if got := callees(t, next, declared); !slices.Equal(got, ids(old.ID)) {
		t.Errorf("callees of the declared procedure %v", got)
	}
}

// It needs the permission for what it does.
func TestForceReregisterIsForThoseWhoMay(t *testing.T) {
	dev := &router.Dev{Routers: []*router.Router{serve(t, `apiVersion: wamp-operator.io/v1alpha1
kind: WampRealm
metadata: {name: realm1}
spec:
  clusterRef: {name: dev}
  realm: realm1
  anonymous: {role: guest}
  roles: [{name: guest, permissions: [{uri: com., match: prefix, allow: [call, register]}]}]
`).router}}
	_, register, _ := answering(t, dev, 0)
	uri := fresh()
	if err := register(uri, force("single")); wamptest.URI(err) != wamp.ErrNotAuthorized {
		t.Errorf("force_reregister of a role that may not remove callees: %v", err)
	}
	if err := register(uri, map[string]any{"force_reregister": "yes"}); wamptest.URI(err) != wamp.ErrInvalidArgument {
		t.Errorf("force_reregister of the wrong type: %v", err)
	}
	if err := register(uri, map[string]any{"force_reregister": false}); err != nil {
		t.Error(err)
	}
}

// Of many who take over at the same instant one is left in the end, and every one was told that it
// had the procedure.
func TestForceReregisterAtOnce(t *testing.T) {
	for _, invoke := range []string{"single", "roundrobin"} {
		t.Run(invoke, func(t *testing.T) {
			everywhere(t, func(t *testing.T, dev *router.Dev) {
				caller, uri := join(t, dev, 0), fresh()
				var all sync.WaitGroup
				var lost []inbox
				for i := range 4 {
					_, register, revoked := answering(t, dev, i)
					lost = append(lost, revoked)
					all.Go(func() {
						if err := register(uri, force(invoke)); err != nil {
							t.Errorf("client %d: %v", i, err)
						}
					})
				}
				all.Wait()
				eventually(t, "one is left", func() bool { return len(callees(t, caller, uri)) == 1 })
				if _, err := caller.Call(uri); err != nil {
					t.Error(err)
				}
				eventually(t, "all but one were told that they lost it", func() bool {
					told := 0
					for _, revoked := range lost {
						told += len(revoked)
					}
					return told == len(lost)-1
				})
			})
		})
	}
}
