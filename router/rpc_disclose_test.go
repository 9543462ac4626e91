package router_test

import (
	"fmt"
	"testing"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
)

// Of the callees that share a procedure, those are told who calls who asked for it, and no others,
// wherever they are; all are when it is the caller who wants it.
func TestCallerIdentificationIsPerCallee(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		for at := range dev.Routers {
			uri, caller, seen := fresh(), join(t, dev, 0), newInbox()
			for i, options := range []map[string]any{
				{"invoke": "roundrobin", "disclose_caller": true}, {"invoke": "roundrobin"},
			} {
				callee := join(t, dev, at+i)
				if _, err := callee.Register(uri, options, func(m *wamptest.Message) {
					seen.put(m)
					callee.Yield(m, i == 0)
				}); err != nil {
					t.Fatal(err)
				}
			}
			asked := map[bool]int{}
			for _, disclose := range []bool{false, true} {
				for range 6 {
					_, answer := caller.StartOptions(uri, map[string]any{"disclose_me": disclose}, nil)
					m, err := caller.Await(answer)
					if err != nil {
						t.Fatal(err)
					}
					curious := m.Args[0].(bool)
					asked[curious]++
					got := wamptest.Details(seen.next(t))
					for _, key := range []string{"caller", "caller_authid", "caller_authrole"} {
						if _, told := got[key]; told != (curious || disclose) {
							t.Errorf("callee that asked %v, caller that asked %v: %s is there %v", curious, disclose, key, told)
						}
					}
				}
			}
			if len(asked) != 2 {
				t.Errorf("calls went only to %s", fmt.Sprint(asked))
			}
		}
	})
}
