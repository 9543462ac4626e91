package router_test

import (
	"slices"
	"testing"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// A call to a callee that is not available goes on by the rules of its policy; the caller does
// not notice.
func TestReroute(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		for policy, want := range map[string][]any{
			"first": {"callee-0", "callee-1", "callee-2"},
			"last":  {"callee-2", "callee-1", "callee-0"},
		} {
			uri, asked := fresh(), make(chan string, 10)
			for i := range 3 {
				c := join(t, dev, i)
				if _, err := c.Register(uri, map[string]any{"invoke": policy}, func(m *wamptest.Message) {
					asked <- name(i)
					if name(i) != want[2] {
						c.Fail(m, wamp.ErrUnavailable)
						return
					}
					c.Yield(m, name(i), m.Args[0])
				}); err != nil {
					t.Fatal(err)
				}
			}
			caller := join(t, dev, 1)
			for range 3 {
				m, err := caller.Call(uri, "argument")
				if err != nil || m.Args[0] != want[2] || m.Args[1] != "argument" {
					t.Errorf("%s: %v, %v", policy, m, err)
				}
				for _, callee := range want {
					if got := <-asked; got != callee {
						t.Errorf("%s: %s was asked, want %s", policy, got, callee)
					}
				}
			}
		}
	})
}

// Policies that rotate or choose ask each callee at most once.
func TestRerouteOfARotation(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		for _, policy := range []string{"roundrobin", "random"} {
			uri := fresh()
			for i := range 3 {
				c := join(t, dev, i)
				if _, err := c.Register(uri, map[string]any{"invoke": policy}, func(m *wamptest.Message) {
					if i != 2 {
						c.Fail(m, wamp.ErrUnavailable)
						return
					}
					c.Yield(m, name(i))
				}); err != nil {
					t.Fatal(err)
				}
			}
			for i := range 6 {
				if m, err := join(t, dev, i).Call(uri); err != nil || m.Args[0] != name(2) {
					t.Errorf("%s: %v, %v", policy, m, err)
				}
			}
		}
	})
}

// When no callee is available, the caller learns that.
func TestNoCalleeIsAvailable(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		for _, policy := range []string{"single", "roundrobin", "random", "first", "last"} {
			uri := fresh()
			for i := range 3 {
				c := join(t, dev, i)
				_, err := c.Register(uri, map[string]any{"invoke": policy}, func(m *wamptest.Message) { c.Fail(m, wamp.ErrUnavailable) })
				if err != nil {
					t.Fatal(err)
				}
				if policy == "single" {
					break
				}
			}
			for i := range dev.Routers {
				if _, err := join(t, dev, i).Call(uri); wamptest.URI(err) != wamp.ErrNoAvailableCallee {
					t.Errorf("%s: %v", policy, err)
				}
			}
		}
	})
}

// A callee that did not announce rerouting means its caller with wamp.error.unavailable.
func TestUnavailableWithoutReroute(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		for i := range 2 {
			c := plain(t, dev, i, "callee.call_reroute")
			_, err := c.Register(uri, map[string]any{"invoke": "first"}, func(m *wamptest.Message) { c.Fail(m, wamp.ErrUnavailable, name(i)) })
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := join(t, dev, 1).Call(uri); wamptest.URI(err) != wamp.ErrUnavailable {
			t.Error(err)
		}
	})
}

// No callee has more open invocations than it asked for; what is more waits its turn, and goes to
// a callee that is free where there is one.
func TestConcurrency(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		for _, policy := range []string{"single", "roundrobin", "random", "first", "last"} {
			uri, all := fresh(), newInbox()
			var callees []*wamptest.Client
			for i := range 2 {
				c := join(t, dev, i)
				callees = append(callees, c)
				if _, err := c.Register(uri, map[string]any{"invoke": policy, "concurrency": 2}, func(m *wamptest.Message) {
					m.Publication = wamp.ID(i) // which callee it is
					all.put(m)
				}); err != nil {
					t.Fatal(err)
				}
				if policy == "single" {
					break
				}
			}
			caller := join(t, dev, 2)
			const calls = 20
			var answers []<-chan *wamptest.Message
			for i := range calls {
				answers = append(answers, caller.StartCall(uri, i))
			}
			open := make([]int, 2)
			var queue []*wamptest.Message
			var order []int64
			for done := 0; done < calls; {
				if len(all) > 0 || len(queue) == 0 {
					m := all.next(t)
					queue = append(queue, m)
					if open[m.Publication]++; open[m.Publication] > 2 {
						t.Errorf("%s: %d open invocations", policy, open[m.Publication])
					}
					continue
				}
				m := queue[0]
				queue = queue[1:]
				open[m.Publication]--
				order = append(order, m.Args[0].(int64))
				callees[m.Publication].Yield(m, m.Args...)
				done++
			}
			for i, a := range answers {
				if m, err := caller.Await(a); err != nil || m.Args[0] != int64(i) {
					t.Errorf("%s: call %d: %v, %v", policy, i, m, err)
				}
			}
			if policy == "single" && !slices.IsSorted(order) {
				t.Errorf("the calls of one caller to one callee changed their order: %v", order)
			}
			for _, c := range callees {
				c.Kill()
			}
		}
	})
}

// Calls that wait for a callee find another when it leaves, or get their answer; those that are
// canceled meanwhile are not delivered.
func TestQueuedCallsOfACalleeThatLeaves(t *testing.T) {
	apart(t, func(t *testing.T, dev *router.Dev, calleeAt, callerAt int) {
		callee, caller := join(t, dev, calleeAt), join(t, dev, callerAt)
		uri, invocations, _ := silent(t, callee, map[string]any{"invoke": "last", "concurrency": 1})
		var answers []<-chan *wamptest.Message
		var ids []wamp.ID
		for i := range 4 {
			id, answer := caller.StartOptions(uri, nil, nil, i)
			ids, answers = append(ids, id), append(answers, answer)
		}
		first := invocations.next(t)
		for i, mode := range []string{"killnowait", "kill"} {
			caller.Cancel(ids[i+1], map[string]any{"mode": mode})
			fails(t, caller, answers[i+1], wamp.ErrCanceled)
		}
		callee.Yield(first)
		if m := invocations.next(t); m.Args[0] != int64(3) {
			t.Errorf("call %v was delivered", m.Args)
		}
		if _, err := caller.Await(answers[0]); err != nil {
			t.Error(err)
		}
		fifth := caller.StartCall(uri, 4)
		other := join(t, dev, calleeAt+1)
		if _, err := other.Register(uri, map[string]any{"invoke": "last"}, func(m *wamptest.Message) { other.Yield(m, "other") }); err != nil {
			t.Fatal(err)
		}
		if _, err := caller.Call(uri); err != nil { // by now the fifth waits at the first callee
			t.Error(err)
		}
		callee.Kill()
		fails(t, caller, answers[3], wamp.ErrCanceled)
		if m, err := caller.Await(fifth); err != nil || m.Args[0] != "other" {
			t.Errorf("a call that waited: %v, %v", m, err)
		}
	})
}
