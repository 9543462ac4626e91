package router_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/transport"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Progressive results reach the caller in order and before the final one.
func TestProgressiveResults(t *testing.T) {
	apart(t, func(t *testing.T, dev *router.Dev, calleeAt, callerAt int) {
		const pieces = 200
		for _, policy := range []string{"single", "roundrobin"} {
			uri, callee, caller := fresh(), join(t, dev, calleeAt), join(t, dev, callerAt)
			if _, err := callee.Register(uri, map[string]any{"invoke": policy}, func(m *wamptest.Message) {
				if wamptest.Details(m)["receive_progress"] != true {
					t.Errorf("INVOCATION.Details are %v", wamptest.Details(m))
				}
				for i := range pieces {
					callee.YieldOptions(m, map[string]any{"progress": true}, i)
				}
				callee.Yield(m, "done")
				callee.YieldOptions(m, map[string]any{"progress": true}, "late") // goes nowhere
			}); err != nil {
				t.Fatal(err)
			}
			var got []any
			_, answer := caller.StartOptions(uri, map[string]any{"receive_progress": true}, func(m *wamptest.Message) { got = append(got, m.Args[0]) })
			m, err := caller.Await(answer)
			if err != nil || m.Args[0] != "done" {
				t.Fatalf("%v, %v", m, err)
			}
			for i := range pieces {
				if len(got) != pieces || got[i] != int64(i) {
					t.Fatalf("%d pieces: %v", len(got), got)
				}
			}
			callee.Kill()
		}
	})
}

// Progress that nobody asked for, or from a callee that did not announce what it takes, does not
// reach the caller, who would take it for the result.
func TestProgressThatNobodyAskedFor(t *testing.T) {
	apart(t, func(t *testing.T, dev *router.Dev, calleeAt, callerAt int) {
		for _, without := range []string{"", "callee.progressive_call_results"} {
			uri, callee, caller := fresh(), plain(t, dev, calleeAt, without), join(t, dev, callerAt)
			if _, err := callee.Register(uri, nil, func(m *wamptest.Message) {
				if _, told := wamptest.Details(m)["receive_progress"]; told {
					t.Errorf("without %q: receive_progress", without)
				}
				callee.YieldOptions(m, map[string]any{"progress": true}, "early")
				callee.Yield(m, "done")
			}); err != nil {
				t.Fatal(err)
			}
			options := map[string]any{"receive_progress": without != ""}
			_, answer := caller.StartOptions(uri, options, func(m *wamptest.Message) { t.Errorf("without %q: progress %v", without, m.Args) })
			if m, err := caller.Await(answer); err != nil || m.Args[0] != "done" {
				t.Errorf("without %q: %v, %v", without, m, err)
			}
			callee.Kill()
		}
	})
}

// The timeout of a call with progressive results is for each gap between them.
func TestTimeoutBetweenProgressiveResults(t *testing.T) {
	apart(t, func(t *testing.T, dev *router.Dev, calleeAt, callerAt int) {
		callee, caller := join(t, dev, calleeAt), join(t, dev, callerAt)
		uri, invocations, interrupts := silent(t, callee, nil)
		progress := newInbox()
		began := time.Now()
		_, answer := caller.StartOptions(uri, map[string]any{"receive_progress": true, "timeout": 1000}, progress.put)
		invocation := invocations.next(t)
		for range 4 {
			time.Sleep(300 * time.Millisecond) // the callee works
			callee.YieldOptions(invocation, map[string]any{"progress": true})
			progress.next(t)
		}
		fails(t, caller, answer, wamp.ErrTimeout)
		if took := time.Since(began); took < 2200*time.Millisecond {
			t.Errorf("after %v", took)
		}
		interrupts.next(t)
		callee.YieldOptions(invocation, map[string]any{"progress": true})
		callee.Kill()
	})
}

// A callee is not faster than its caller: what is on the way is bounded, and nobody is dropped for
// it.
func TestProgressToASlowCaller(t *testing.T) {
	for _, replicas := range []int{1, 3} {
		dev := start(t, replicas, func(c *router.DevConfig) {
			c.Limits = transport.Config{SoftLimit: 256 << 10, HardLimit: 4 << 20, MaxMessage: 1 << 20}
		})
		uri, callee, caller := fresh(), join(t, dev, 1), join(t, dev, 0)
		const pieces, size = 400, 64 << 10
		if _, err := callee.Register(uri, nil, func(m *wamptest.Message) {
			blob := bytes.Repeat([]byte{1}, size)
			for range pieces {
				callee.YieldOptions(m, map[string]any{"progress": true}, blob)
			}
			callee.Yield(m)
		}); err != nil {
			t.Fatal(err)
		}
		got := 0
		_, answer := caller.StartOptions(uri, map[string]any{"receive_progress": true}, func(*wamptest.Message) {
			if got++; got%20 == 0 {
				time.Sleep(20 * time.Millisecond) // the caller takes its time
			}
		})
		if _, err := caller.Await(answer); err != nil || got != pieces {
			t.Errorf("%d replicas: %d pieces, %v", replicas, got, err)
		}
	}
}

// The pieces of a progressive call reach one callee, under one invocation, in order.
func TestProgressiveInvocations(t *testing.T) {
	apart(t, func(t *testing.T, dev *router.Dev, calleeAt, callerAt int) {
		const pieces = 100
		for _, policy := range []string{"roundrobin", "random", "first"} {
			uri, invocations := fresh(), newInbox()
			var callees []*wamptest.Client
			for i := range 2 {
				callee := join(t, dev, calleeAt+i)
				callees = append(callees, callee)
				var sum int64
				if _, err := callee.Register(uri, map[string]any{"invoke": policy}, func(m *wamptest.Message) {
					invocations.put(m)
					sum = sum*7 + m.Args[0].(int64)
					if wamptest.Details(m)["progress"] != true {
						callee.Yield(m, sum)
					}
				}); err != nil {
					t.Fatal(err)
				}
			}
			caller := join(t, dev, callerAt)
			id, answer := caller.StartOptions(uri, map[string]any{"progress": true}, nil, 0)
			want := int64(0)
			for i := 1; i <= pieces; i++ {
				want = want*7 + int64(i)
				caller.More(id, uri, i == pieces, i)
			}
			m, err := caller.Await(answer)
			if err != nil || m.Args[0] != want {
				t.Errorf("%s: %v, %v, want %d", policy, m, err, want)
			}
			first := invocations.next(t)
			for i := 1; i <= pieces; i++ {
				if m := invocations.next(t); m.Request != first.Request || m.ID != first.ID {
					t.Errorf("piece %d is invocation %d of %d, the first was %d of %d", i, m.Request, m.ID, first.Request, first.ID)
				}
			}
			if m, err := caller.Call(uri, 1); err != nil {
				t.Errorf("%s: after the end: %v, %v", policy, m, err)
			}
			for _, c := range callees {
				c.Kill()
			}
		}
	})
}

// A stream in both directions at once.
func TestProgressBothWays(t *testing.T) {
	apart(t, func(t *testing.T, dev *router.Dev, calleeAt, callerAt int) {
		uri, callee, caller := fresh(), join(t, dev, calleeAt), join(t, dev, callerAt)
		if _, err := callee.Register(uri, nil, func(m *wamptest.Message) {
			more := wamptest.Details(m)["progress"] == true
			callee.YieldOptions(m, map[string]any{"progress": more}, m.Args...)
		}); err != nil {
			t.Fatal(err)
		}
		echoes := newInbox()
		id, answer := caller.StartOptions(uri, map[string]any{"progress": true, "receive_progress": true}, echoes.put, 0)
		for i := range 20 {
			if m := echoes.next(t); m.Args[0] != int64(i) {
				t.Errorf("echo %v, want %d", m.Args, i)
			}
			caller.More(id, uri, i == 19, i+1)
		}
		if m, err := caller.Await(answer); err != nil || m.Args[0] != int64(20) {
			t.Errorf("%v, %v", m, err)
		}
		callee.Kill()
	})
}

// A progressive call to a callee that cannot take it is refused, once.
func TestProgressiveInvocationOfACalleeThatCannot(t *testing.T) {
	apart(t, func(t *testing.T, dev *router.Dev, calleeAt, callerAt int) {
		for _, without := range []string{"callee.progressive_call_invocations"} {
			uri, callee, caller := fresh(), plain(t, dev, calleeAt, without), join(t, dev, callerAt)
			if _, err := callee.Register(uri, nil, func(m *wamptest.Message) { callee.Yield(m) }); err != nil {
				t.Fatal(err)
			}
			id, answer := caller.StartOptions(uri, map[string]any{"progress": true}, nil)
			fails(t, caller, answer, wamp.ErrFeatureNotSupported)
			caller.More(id, uri, false)
			caller.More(id, uri, true)
			if _, err := caller.Call(uri); err != nil {
				t.Error(err)
			}
			callee.Kill()
		}
	})
}

// A callee that got a part of a call is told when its caller leaves.
func TestCallerLeavesDuringAProgressiveCall(t *testing.T) {
	apart(t, func(t *testing.T, dev *router.Dev, calleeAt, callerAt int) {
		callee, caller := join(t, dev, calleeAt), join(t, dev, callerAt)
		uri, invocations, interrupts := silent(t, callee, nil)
		id, _ := caller.StartOptions(uri, map[string]any{"progress": true}, nil, 1)
		caller.More(id, uri, false, 2)
		first := invocations.next(t)
		invocations.next(t)
		caller.Kill()
		if m := interrupts.next(t); m.Request != first.Request || wamptest.Details(m)["mode"] != "killnowait" {
			t.Errorf("INTERRUPT of %d: %v", m.Request, wamptest.Details(m))
		}
		callee.Kill()
	})
}
