package router_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router"
)

func inspect[T any](t *testing.T, r *router.Router, path string) (out T) {
	t.Helper()
	code, body := get(t, r, path)
	if code != http.StatusOK {
		t.Fatalf("%s: %d %s", path, code, body)
	}
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return out
}

// Every replica names the others, with links that stand.
func TestLinksAreTold(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		for _, r := range dev.Routers {
			links := inspect[v1alpha1.RouterLinks](t, r, "/v1/links")
			if links.Replica != r.State().Replica || len(links.Links) != len(dev.Routers)-1 {
				t.Errorf("%+v of %d replicas", links, len(dev.Routers))
			}
			for _, l := range links.Links {
				if !l.Up || l.Via != "" || l.Since.IsZero() || l.Replica == links.Replica || l.Member == "" {
					t.Errorf("%s: %+v", links.Replica, l)
				}
			}
		}
	})
}

// Whoever asks for a procedure learns who the callees are from any replica, and from the one that
// deals the turns who had the last.
func TestCalleesAreTold(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		first, _ := callee(t, dev, 0, "roundrobin")
		second, _ := callee(t, dev, 1, "roundrobin")
		who(t, first) // the first turn goes to the first callee
		dealing := 0
		for _, r := range dev.Routers {
			got := inspect[v1alpha1.RouterCallees](t, r, "/v1/callees?realm=realm1&uri="+uri)
			if len(got.Callees) != 2 || len(got.Sessions) != 2 || got.Callees[0].Session != uint64(first.ID) || got.Callees[1].Session != uint64(second.ID) {
				t.Fatalf("%s: %+v", r.State().Replica, got)
			}
			for _, s := range got.Sessions {
				if s.AuthRole != "anonymous" || s.AuthID == "" {
					t.Errorf("%s: a callee is %+v", r.State().Replica, s)
				}
			}
			if got.Deals {
				dealing++
				if got.LastTurn != got.Callees[0].Stamp {
					t.Errorf("the last turn went to %d, want the first of %+v", got.LastTurn, got.Callees)
				}
			}
			nobody := inspect[v1alpha1.RouterCallees](t, r, "/v1/callees?realm=realm1&uri=com.example.nobody")
			if len(nobody.Callees) != 0 || nobody.URI != "com.example.nobody" || nobody.Deals {
				t.Errorf("nobody: %+v", nobody)
			}
		}
		if dealing != 1 {
			t.Errorf("%d replicas deal the turns, want one", dealing)
		}
	})
}
