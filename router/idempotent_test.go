package router_test

import (
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// taker registers uri and keeps its invocations.
func taker(t *testing.T, dev *router.Dev, i int, invoke string) (*wamptest.Client, inbox, inbox) {
	t.Helper()
	c, invocations, interrupts := join(t, dev, i), newInbox(), newInbox()
	c.On(wamp.Interrupt, interrupts.put)
	if _, err := c.Register(uri, map[string]any{"invoke": invoke}, invocations.put); err != nil {
		t.Fatal(err)
	}
	return c, invocations, interrupts
}

// A call of an idempotent procedure whose callee is lost goes to the next one by the policy, as it
// was, wherever caller and callees are connected; its turn is used.
func TestCallOfALostCalleeIsSentAgain(t *testing.T) {
	for _, policy := range []string{"first", "roundrobin", "random"} {
		t.Run(policy, func(t *testing.T) {
			declared(t, declaration("invoke: "+policy, "idempotent: true"), func(t *testing.T, dev *router.Dev, _ func(string)) {
				for at := range dev.Routers {
					clients, boxes := map[int]*wamptest.Client{}, map[int]inbox{}
					for i := range 3 {
						clients[i], boxes[i], _ = taker(t, dev, at+i, policy)
					}
					caller := join(t, dev, 0)
					answer := caller.StartCall(uri, "this", 1)
					for len(clients) > 1 {
						i, _ := invoked(t, boxes)
						clients[i].Kill()
						delete(clients, i)
						delete(boxes, i)
					}
					i, m := invoked(t, boxes)
					if len(m.Args) != 2 || m.Args[0] != "this" {
						t.Errorf("the last callee got %v", m.Args)
					}
					clients[i].Yield(m, "done")
					if m, err := caller.Await(answer); err != nil || m.Args[0] != "done" {
						t.Errorf("the call ended with %v, %v", m, err)
					}
					clients[i].Kill()
					for _, r := range dev.Routers {
						eventually(t, "no callee on the list", func() bool { return len(listed(r)) == 0 })
					}
				}
			})
		})
	}
}

// invoked waits for an invocation at any of the callees.
func invoked(t *testing.T, boxes map[int]inbox) (who int, m *wamptest.Message) {
	t.Helper()
	eventually(t, "an invocation", func() bool {
		for i, box := range boxes {
			select {
			case m = <-box:
				who = i
				return true
			default:
			}
		}
		return false
	})
	return who, m
}

// A callee that registers after the only one was lost gets the call, too.
func TestLostCallWaitsForACallee(t *testing.T) {
	declared(t, declaration("invoke: single", "idempotent: true"), func(t *testing.T, dev *router.Dev, _ func(string)) {
		for _, at := range []int{0, 1} {
			first, box, _ := taker(t, dev, at, "single")
			caller := join(t, dev, 0)
			answer := caller.StartCall(uri)
			box.next(t)
			first.Kill()
			eventually(t, "the list empty", func() bool { return len(listed(dev.Routers[0])) == 0 })
			time.Sleep(50 * time.Millisecond) // a restart takes a while
			second, box, _ := taker(t, dev, at+1, "single")
			second.Yield(box.next(t), "done")
			if m, err := caller.Await(answer); err != nil || m.Args[0] != "done" {
				t.Errorf("the call ended with %v, %v", m, err)
			}
			second.Kill()
			eventually(t, "the list empty", func() bool { return len(listed(dev.Routers[0])) == 0 })
		}
	})
}

// A callee that was told to leave answers too late: the answer of the next one counts, once.
func TestLateAnswerOfALostCallee(t *testing.T) {
	declared(t, declaration("invoke: first", "idempotent: true"), func(t *testing.T, dev *router.Dev, _ func(string)) {
		for _, at := range []int{0, 1} {
			first, box, _ := taker(t, dev, at, "first")
			second, next, _ := taker(t, dev, at+1, "first")
			caller := join(t, dev, 0)
			answer := caller.StartCall(uri)
			late := box.next(t)
			if _, err := caller.Call("wamp.session.kill", first.ID); err != nil {
				t.Fatal(err)
			}
			m := next.next(t)
			first.Yield(late, "late")
			second.Yield(m, "done")
			if m, err := caller.Await(answer); err != nil || m.Args[0] != "done" {
				t.Errorf("the call ended with %v, %v", m, err)
			}
			second.Kill()
			eventually(t, "the list empty", func() bool { return len(listed(dev.Routers[0])) == 0 })
		}
	})
}

// What is done to a call after it was sent again reaches the callee that has it.
func TestCallThatWasSentAgainEnds(t *testing.T) {
	declared(t, declaration("invoke: first", "idempotent: true"), func(t *testing.T, dev *router.Dev, _ func(string)) {
		for at := range 3 {
			for _, end := range []struct {
				options map[string]any
				end     func(caller *wamptest.Client, request wamp.ID)
				reason  string
			}{
				{nil, func(c *wamptest.Client, request wamp.ID) { c.Cancel(request, map[string]any{"mode": "killnowait"}) }, wamp.ErrCanceled},
				{nil, func(c *wamptest.Client, request wamp.ID) { c.Cancel(request, map[string]any{"mode": "kill"}) }, wamp.ErrCanceled},
				{map[string]any{"timeout": 500}, func(*wamptest.Client, wamp.ID) {}, wamp.ErrTimeout},
				{nil, func(c *wamptest.Client, _ wamp.ID) { c.Kill() }, ""},
			} {
				first, box, _ := taker(t, dev, at, "first")
				second, next, interrupts := taker(t, dev, at+1, "first")
				caller := join(t, dev, 0)
				request, answer := caller.StartOptions(uri, end.options, nil)
				box.next(t)
				first.Kill()
				m := next.next(t)
				end.end(caller, request)
				if got := interrupts.next(t); got.Request != m.Request {
					t.Errorf("INTERRUPT of %d, want %d", got.Request, m.Request)
				}
				second.Fail(m, wamp.ErrCanceled)
				if end.reason != "" {
					fails(t, caller, answer, end.reason)
				}
				second.Kill()
				eventually(t, "the list empty", func() bool { return len(listed(dev.Routers[0])) == 0 })
			}
		}
	})
}

// When the caller has a part of the result, the whole of another callee is not for it.
func TestCallWithAPartOfItsResultIsNotSentAgain(t *testing.T) {
	declared(t, declaration("invoke: first", "idempotent: true"), func(t *testing.T, dev *router.Dev, _ func(string)) {
		for at := range 2 {
			first, box, _ := taker(t, dev, at, "first")
			second, next, _ := taker(t, dev, at+1, "first")
			caller, parts := join(t, dev, 0), newInbox()
			_, answer := caller.StartOptions(uri, map[string]any{"receive_progress": true}, parts.put)
			first.YieldOptions(box.next(t), map[string]any{"progress": true}, "a part")
			parts.next(t)
			first.Kill()
			fails(t, caller, answer, wamp.ErrCanceled)
			_, answer = caller.StartOptions(uri, map[string]any{"receive_progress": true}, parts.put)
			second.Yield(next.next(t))
			if _, err := caller.Await(answer); err != nil {
				t.Error(err)
			}
			second.Kill()
			eventually(t, "the list empty", func() bool { return len(listed(dev.Routers[0])) == 0 })
		}
	})
}

// A replica is killed without a word, with calls in flight at its callees: no call of an idempotent
// procedure fails.
func TestNoIdempotentCallFailsWhenAReplicaIsKilled(t *testing.T) {
	for _, policy := range []string{"first", "roundrobin"} {
		t.Run(policy, func(t *testing.T) {
			replicas := processes(t, 3, declaration("invoke: "+policy, "idempotent: true"))
			for i := range 3 {
				c := wamptest.Join(t, replicas[i].address, "realm1", wamp.MessagePack)
				if _, err := c.Register(uri, map[string]any{"invoke": policy}, func(m *wamptest.Message) {
					time.AfterFunc(time.Millisecond, func() { c.Yield(m, name(i)) }) // so that some are in flight
				}); err != nil {
					t.Fatal(err)
				}
			}
			ended := make(chan int)
			for i := range 8 {
				caller := wamptest.Join(t, replicas[1+i%2].address, "realm1", wamp.MessagePack)
				go func() {
					n := 0
					for end := time.Now().Add(2 * time.Second); time.Now().Before(end); n++ {
						if _, err := caller.Call(uri); err != nil {
							t.Errorf("a call ended with %v", err)
						}
					}
					ended <- n
				}()
			}
			time.Sleep(500 * time.Millisecond) // calls are under way
			if err := replicas[0].process.Kill(); err != nil {
				t.Fatal(err)
			}
			calls := 0
			for range 8 {
				calls += <-ended
			}
			t.Logf("%d calls", calls)
		})
	}
}
