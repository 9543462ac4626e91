package router_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/admin"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

const uri = "com.example.whoami"

// callee registers uri and answers with its name.
func callee(t testing.TB, dev *router.Dev, i int, invoke string) (*wamptest.Client, wamp.ID) {
	t.Helper()
	c := join(t, dev, i)
	id, err := c.Register(uri, map[string]any{"invoke": invoke}, func(m *wamptest.Message) { c.Yield(m, name(i)) })
	if err != nil {
		t.Fatalf("callee %d: %v", i, err)
	}
	return c, id
}

func name(i int) string { return fmt.Sprintf("callee-%d", i) }

// who calls uri and gives the name of the callee that answered.
func who(t testing.TB, caller *wamptest.Client) string {
	t.Helper()
	m, err := caller.Call(uri)
	if err != nil {
		t.Fatal(err)
	}
	return m.Args[0].(string)
}

func TestRoundRobinIsOneRotation(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		var callees []*wamptest.Client
		for i := range 3 {
			c, _ := callee(t, dev, i, "roundrobin")
			callees = append(callees, c)
		}
		callers := []*wamptest.Client{join(t, dev, 0), join(t, dev, 1), join(t, dev, 2)}
		for i := range 300 {
			if got := who(t, callers[i%3]); got != name(i%3) {
				t.Fatalf("call %d went to %s", i, got)
			}
		}
		// The cursor is at callee 2. When callee 0 leaves and another comes, nobody is skipped.
		callees[0].Kill()
		eventually(t, "callee 0 off the list", func() bool { return len(listed(dev.Routers[len(dev.Routers)-1])) == 2 })
		callee(t, dev, 3, "roundrobin")
		var got []string
		for i := range 6 {
			got = append(got, who(t, callers[i%3]))
		}
		if want := []string{name(3), name(1), name(2), name(3), name(1), name(2)}; !slices.Equal(got, want) {
			t.Errorf("after a change of the list: %v, want %v", got, want)
		}
	})
}

// listed gives the sessions on the list of uri as a replica sees it.
func listed(r *router.Router) []uint64 {
	var sessions []uint64
	for _, c := range r.Procedure(admin.ProcedureKey{Realm: "realm1", URI: uri}).Callees {
		sessions = append(sessions, c.Session)
	}
	return sessions
}

func TestFirstAndLastChooseTheSameFromEverywhere(t *testing.T) {
	for policy, order := range map[string][]int{"first": {0, 1, 2}, "last": {2, 1, 0}} {
		t.Run(policy, func(t *testing.T) {
			everywhere(t, func(t *testing.T, dev *router.Dev) {
				var callees []*wamptest.Client
				for i := range 3 {
					c, _ := callee(t, dev, i, policy)
					callees = append(callees, c)
				}
				callers := []*wamptest.Client{join(t, dev, 0), join(t, dev, 1), join(t, dev, 2)}
				for left := 3; left > 0; left-- {
					active := order[3-left]
					for i := range 9 {
						if got := who(t, callers[i%3]); got != name(active) {
							t.Fatalf("%s with %d callees went to %s", policy, left, got)
						}
					}
					callees[active].Kill()
					for _, r := range dev.Routers {
						eventually(t, "the dead callee off the list", func() bool { return len(listed(r)) == left-1 })
					}
				}
				if _, err := callers[1].Call(uri); wamptest.URI(err) != wamp.ErrNoSuchProcedure {
					t.Errorf("call without callees: %v", err)
				}
			})
		})
	}
}

func TestRandomReachesEveryCallee(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		for i := range 3 {
			callee(t, dev, i, "random")
		}
		caller, seen := join(t, dev, 1), map[string]int{}
		for range 300 {
			seen[who(t, caller)]++
		}
		for i := range 3 {
			if seen[name(i)] < 50 {
				t.Errorf("of 300 calls %d went to %s: %v", seen[name(i)], name(i), seen)
			}
		}
	})
}

func TestSingleIsGrantedOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		first, id := callee(t, dev, 0, "single")
		second := join(t, dev, 1)
		if _, err := second.Register(uri, nil, nil); wamptest.URI(err) != wamp.ErrProcedureAlreadyExists {
			t.Errorf("second REGISTER on single: %v", err)
		}
		if _, err := first.Register(uri, map[string]any{"invoke": "single"}, nil); wamptest.URI(err) != wamp.ErrProcedureAlreadyExists {
			t.Errorf("REGISTER again by the callee of single: %v", err)
		}
		if got := who(t, second); got != name(0) {
			t.Errorf("the call went to %s", got)
		}
		if err := first.Unregister(id); err != nil {
			t.Fatal(err)
		}
		again, err := second.Register(uri, map[string]any{"invoke": "single"}, func(m *wamptest.Message) { second.Yield(m, name(1)) })
		if err != nil || again != id {
			t.Errorf("after UNREGISTER: id %d, %v; want id %d", again, err, id)
		}
		if got := who(t, first); got != name(1) {
			t.Errorf("the call went to %s", got)
		}
	})
}

// Two replicas are asked at the same instant: one wins.
func TestSingleAtTheSameInstant(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		for round := range 20 {
			procedure := fmt.Sprintf("com.example.once%d", round)
			granted := make(chan bool, 3)
			for i := range 3 {
				c := join(t, dev, i)
				go func() {
					_, err := c.Register(procedure, nil, nil)
					granted <- err == nil
				}()
			}
			n := 0
			for range 3 {
				if <-granted {
					n++
				}
			}
			if n != 1 {
				t.Fatalf("%s was granted %d times", procedure, n)
			}
		}
	})
}

func TestPolicyMismatchIsRefused(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		_, id := callee(t, dev, 0, "last")
		other := join(t, dev, 1)
		for _, options := range []map[string]any{nil, {"invoke": "first"}, {"invoke": "single"}} {
			if _, err := other.Register(uri, options, nil); wamptest.URI(err) != wamp.ErrInvocationPolicyMismatch {
				t.Errorf("REGISTER with %v on last: %v", options, err)
			}
		}
		got, err := other.Register(uri, map[string]any{"invoke": "last"}, nil)
		if err != nil || got != id {
			t.Errorf("REGISTER with the same policy: id %d, %v; want %d", got, err, id)
		}
	})
}

func TestSameSessionRegistersAgain(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		first, id := callee(t, dev, 0, "roundrobin")
		callee(t, dev, 1, "roundrobin")
		again, err := first.Register(uri, map[string]any{"invoke": "roundrobin"}, func(m *wamptest.Message) { first.Yield(m, name(0)) })
		if err != nil || again != id {
			t.Errorf("REGISTER again: id %d, %v; want %d", again, err, id)
		}
		if n := len(listed(dev.Routers[0])); n != 2 {
			t.Errorf("%d callees on the list, want 2", n)
		}
		caller := join(t, dev, 2)
		for i := range 4 {
			if got := who(t, caller); got != name(i%2) {
				t.Errorf("call %d went to %s", i, got)
			}
		}
	})
}

func TestUnregisterNotOnTheList(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		first, id := callee(t, dev, 0, "first")
		other := join(t, dev, 1)
		if err := other.Unregister(id); wamptest.URI(err) != wamp.ErrNoSuchRegistration {
			t.Errorf("UNREGISTER by a session not on the list: %v", err)
		}
		if err := first.Unregister(id); err != nil {
			t.Error(err)
		}
		if err := first.Unregister(id); wamptest.URI(err) != wamp.ErrNoSuchRegistration {
			t.Errorf("UNREGISTER twice: %v", err)
		}
	})
}

func TestCalleeLostDuringACall(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		lost := join(t, dev, 0)
		invoked := make(chan struct{})
		if _, err := lost.Register(uri, nil, func(*wamptest.Message) { close(invoked) }); err != nil {
			t.Fatal(err)
		}
		caller := join(t, dev, 1)
		answer := caller.StartCall(uri)
		<-invoked
		lost.Kill()
		if _, err := caller.Await(answer); wamptest.URI(err) != wamp.ErrCanceled {
			t.Errorf("the call ended with %v", err)
		}
	})
}

func TestRegisterArguments(t *testing.T) {
	dev := start(t, 1)
	c := join(t, dev, 0)
	for _, r := range []struct {
		uri     string
		options map[string]any
		want    string
	}{
		{"com.example.a", map[string]any{"invoke": "round-robin"}, wamp.ErrInvalidArgument},
		{"com.example.a", map[string]any{"invoke": 1}, wamp.ErrInvalidArgument},
		{"com.example.a", map[string]any{"match": "regex"}, wamp.ErrInvalidArgument},
		{"com.example.a", map[string]any{"concurrency": 0}, wamp.ErrInvalidArgument},
		{"com.example.a", map[string]any{"disclose_caller": 1}, wamp.ErrInvalidArgument},
		{"com..a", nil, wamp.ErrInvalidURI},
		{"", nil, wamp.ErrInvalidURI},
		{"com.example.a b", nil, wamp.ErrInvalidURI},
		{"wamp.session.count", nil, wamp.ErrInvalidURI},
		{"com.example.a", map[string]any{"match": "exact", "invoke": "single", "x_unknown": 1}, ""},
	} {
		if _, err := c.Register(r.uri, r.options, nil); wamptest.URI(err) != r.want {
			t.Errorf("REGISTER %q %v: %v, want %q", r.uri, r.options, err, r.want)
		}
	}
}
