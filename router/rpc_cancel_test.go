package router_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// plain joins a client that has not announced the features that are named like "callee.call_reroute".
func plain(t testing.TB, dev *router.Dev, i int, without ...string) *wamptest.Client {
	t.Helper()
	url := rawsocket(dev.Routers[i%len(dev.Routers)])
	hello := wamptest.HelloWith("realm1", wamp.MessagePack, map[string]any{"roles": wamptest.Roles(without...)})
	c, err := wamptest.Enter(t, wamptest.Dial(t, url, wamp.MessagePack), hello, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// inbox collects messages in the goroutine that reads.
type inbox chan *wamptest.Message

func newInbox() inbox { return make(inbox, 1000) }

func (b inbox) put(m *wamptest.Message) { b <- m }

func (b inbox) next(t testing.TB) *wamptest.Message {
	t.Helper()
	return wamptest.Receive(t, b)
}

// fresh gives a procedure that no callee was on the list of: one that left may be on it for a
// moment.
func fresh() string { return fmt.Sprintf("com.example.fresh%d", freshURIs.Add(1)) }

var freshURIs atomic.Int64

// silent registers a procedure at a client that keeps its invocations and its interrupts.
func silent(t testing.TB, c *wamptest.Client, options map[string]any) (uri string, invocations, interrupts inbox) {
	t.Helper()
	uri = fresh()
	invocations, interrupts = newInbox(), newInbox()
	c.On(wamp.Interrupt, interrupts.put)
	if _, err := c.Register(uri, options, invocations.put); err != nil {
		t.Fatal(err)
	}
	return uri, invocations, interrupts
}

func fails(t testing.TB, c *wamptest.Client, answer <-chan *wamptest.Message, want string) {
	t.Helper()
	if m, err := c.Await(answer); wamptest.URI(err) != want {
		t.Errorf("the call ended with %v, %v, want %s", m, err, want)
	}
}

// apart runs a test with the callee on the caller's replica and on another one.
func apart(t *testing.T, test func(t *testing.T, dev *router.Dev, callee, caller int)) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		for _, callee := range []int{0, 1, 2}[:len(dev.Routers)] {
			test(t, dev, callee, 0)
		}
	})
}

// A canceled call ends at once, and its callee learns that nobody waits for it.
func TestCancelKillNoWait(t *testing.T) {
	apart(t, func(t *testing.T, dev *router.Dev, calleeAt, callerAt int) {
		for _, policy := range []string{"single", "roundrobin"} {
			callee, caller := join(t, dev, calleeAt), join(t, dev, callerAt)
			uri, invocations, interrupts := silent(t, callee, map[string]any{"invoke": policy})
			for _, options := range []map[string]any{nil, {"mode": "killnowait"}} {
				id, answer := caller.StartOptions(uri, nil, nil)
				invocation := invocations.next(t)
				caller.Cancel(id, options)
				fails(t, caller, answer, wamp.ErrCanceled)
				interrupt := interrupts.next(t)
				details := wamptest.Details(interrupt)
				if interrupt.Request != invocation.Request || details["mode"] != "killnowait" || details["reason"] != wamp.ErrCanceled {
					t.Errorf("INTERRUPT of %d: %v", interrupt.Request, details)
				}
				callee.Yield(invocation) // it crossed the INTERRUPT
			}
			callee.Kill()
		}
	})
}

// With kill the callee has the last word.
func TestCancelKill(t *testing.T) {
	apart(t, func(t *testing.T, dev *router.Dev, calleeAt, callerAt int) {
		callee, caller := join(t, dev, calleeAt), join(t, dev, callerAt)
		uri, invocations, interrupts := silent(t, callee, nil)
		id, answer := caller.StartOptions(uri, nil, nil)
		invocations.next(t)
		caller.Cancel(id, map[string]any{"mode": "kill"})
		if m := interrupts.next(t); wamptest.Details(m)["mode"] != "kill" {
			t.Errorf("INTERRUPT %v", wamptest.Details(m))
		}
		select {
		case m := <-answer:
			t.Errorf("the call ended before the callee answered: %v %s", m.Type, m.URI)
		default:
		}
		callee.Fail(&wamptest.Message{Message: wamp.Message{Request: 1}}, "com.example.stopped")
		fails(t, caller, answer, "com.example.stopped")
		callee.Kill()
	})
}

// With skip the callee is left alone, and what it answers goes nowhere.
func TestCancelSkip(t *testing.T) {
	apart(t, func(t *testing.T, dev *router.Dev, calleeAt, callerAt int) {
		callee, caller := join(t, dev, calleeAt), join(t, dev, callerAt)
		uri, invocations, interrupts := silent(t, callee, nil)
		id, answer := caller.StartOptions(uri, nil, nil)
		invocation := invocations.next(t)
		caller.Cancel(id, map[string]any{"mode": "skip"})
		fails(t, caller, answer, wamp.ErrCanceled)
		callee.Yield(invocation)
		again := caller.StartCall(uri)
		callee.Yield(invocations.next(t))
		if _, err := caller.Await(again); err != nil {
			t.Error(err)
		}
		if len(interrupts) > 0 {
			t.Error("the callee was interrupted")
		}
		callee.Kill()
	})
}

// A callee that did not announce call canceling is not sent what it does not know; its caller
// gets its answer all the same.
func TestCancelAtACalleeThatCannot(t *testing.T) {
	apart(t, func(t *testing.T, dev *router.Dev, calleeAt, callerAt int) {
		callee, caller := plain(t, dev, calleeAt, "callee.call_canceling"), join(t, dev, callerAt)
		uri, invocations, interrupts := silent(t, callee, nil)
		for _, mode := range []string{"kill", "killnowait", "skip"} {
			id, answer := caller.StartOptions(uri, nil, nil)
			invocation := invocations.next(t)
			caller.Cancel(id, map[string]any{"mode": mode})
			fails(t, caller, answer, wamp.ErrCanceled)
			callee.Yield(invocation)
		}
		again := caller.StartCall(uri)
		callee.Yield(invocations.next(t))
		if _, err := caller.Await(again); err != nil || len(interrupts) > 0 {
			t.Errorf("%v, %d interrupts", err, len(interrupts))
		}
		callee.Kill()
	})
}

// Work for a caller that left is stopped.
func TestCallerLeavesDuringACall(t *testing.T) {
	apart(t, func(t *testing.T, dev *router.Dev, calleeAt, callerAt int) {
		for _, policy := range []string{"single", "roundrobin"} {
			callee, caller := join(t, dev, calleeAt), join(t, dev, callerAt)
			uri, invocations, interrupts := silent(t, callee, map[string]any{"invoke": policy})
			for range 3 {
				caller.StartCall(uri)
			}
			open := map[wamp.ID]bool{}
			for range 3 {
				open[invocations.next(t).Request] = true
			}
			caller.Kill()
			for range 3 {
				m := interrupts.next(t)
				if !open[m.Request] || wamptest.Details(m)["mode"] != "killnowait" {
					t.Errorf("INTERRUPT of %d: %v", m.Request, wamptest.Details(m))
				}
				delete(open, m.Request)
			}
			callee.Kill()
		}
	})
}

// Nonsense in CANCEL is refused, and what is not open is not canceled.
func TestCancelOfNothing(t *testing.T) {
	dev := start(t, 1)
	callee, caller := join(t, dev, 0), wamptest.Dial(t, rawsocket(dev.Routers[0]), wamp.JSON)
	uri, invocations, _ := silent(t, callee, nil)
	say := func(m *wamp.Message) {
		t.Helper()
		if err := caller.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	say(wamptest.Hello("realm1", wamp.JSON))
	wamptest.Read(t, caller)
	say(&wamp.Message{Type: wamp.Cancel, Request: 7})
	say(&wamp.Message{Type: wamp.Call, Request: 1, URI: uri})
	invocation := invocations.next(t)
	say(&wamp.Message{Type: wamp.Cancel, Request: 1, Dict: wamp.MustDict(wamp.JSON, map[string]any{"mode": "gently"})})
	if m := wamptest.Read(t, caller); m.Type != wamp.Error || m.Of != wamp.Cancel || m.URI != wamp.ErrInvalidArgument {
		t.Errorf("unknown mode: %v of %v %s", m.Type, m.Of, m.URI)
	}
	callee.Yield(invocation)
	if m := wamptest.Read(t, caller); m.Type != wamp.Result {
		t.Errorf("the call ended with %v", m.Type)
	}
	say(&wamp.Message{Type: wamp.Cancel, Request: 1})
}

// A call ends when its time is over, and its callee is told.
func TestCallTimeout(t *testing.T) {
	apart(t, func(t *testing.T, dev *router.Dev, calleeAt, callerAt int) {
		callee, caller := join(t, dev, calleeAt), join(t, dev, callerAt)
		uri, invocations, interrupts := silent(t, callee, nil)
		began := time.Now()
		_, answer := caller.StartOptions(uri, map[string]any{"timeout": 50}, nil)
		invocation := invocations.next(t)
		if _, told := wamptest.Details(invocation)["timeout"]; told {
			t.Error("the callee was told of a timeout that it did not ask for")
		}
		fails(t, caller, answer, wamp.ErrTimeout)
		if took := time.Since(began); took < 50*time.Millisecond {
			t.Errorf("after %v", took)
		}
		if m := interrupts.next(t); m.Request != invocation.Request || wamptest.Details(m)["reason"] != wamp.ErrTimeout {
			t.Errorf("INTERRUPT of %d: %v", m.Request, wamptest.Details(m))
		}
		callee.Yield(invocation)
		_, quick := caller.StartOptions(uri, map[string]any{"timeout": 60_000}, nil)
		callee.Yield(invocations.next(t))
		if _, err := caller.Await(quick); err != nil {
			t.Error(err)
		}
		_, wrong := caller.StartOptions(uri, map[string]any{"timeout": "soon"}, nil)
		fails(t, caller, wrong, wamp.ErrInvalidArgument)
		callee.Kill()
	})
}

// A callee that minds timeouts itself is told how long it has; if it forgets, the call ends a
// little later.
func TestForwardedTimeout(t *testing.T) {
	apart(t, func(t *testing.T, dev *router.Dev, calleeAt, callerAt int) {
		callee, caller := join(t, dev, calleeAt), join(t, dev, callerAt)
		uri, invocations, interrupts := silent(t, callee, map[string]any{"forward_timeout": true})
		began := time.Now()
		_, answer := caller.StartOptions(uri, map[string]any{"timeout": 50}, nil)
		invocation := invocations.next(t)
		if got := wamptest.Details(invocation)["timeout"]; got != int64(50) {
			t.Errorf("INVOCATION with timeout %v", got)
		}
		fails(t, caller, answer, wamp.ErrTimeout)
		if took := time.Since(began); took < time.Second {
			t.Errorf("the router ended the call after %v", took)
		}
		interrupts.next(t)
		callee.Kill()
	})
}
