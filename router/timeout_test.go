package router_test

import (
	"strings"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// ends checks how a call of a callee that does not answer ends, and that the callee is told to stop.
func ends(t *testing.T, caller *wamptest.Client, uri string, options map[string]any, interrupts inbox, atLeast time.Duration) {
	t.Helper()
	began := time.Now()
	_, answer := caller.StartOptions(uri, options, nil)
	_, err := caller.Await(answer)
	if wamptest.URI(err) != wamp.ErrTimeout {
		t.Fatalf("%s with %v: %v", uri, options, err)
	}
	if took := time.Since(began); took < atLeast {
		t.Errorf("%s with %v: ended after %v", uri, options, took)
	}
	if atLeast == 100*time.Millisecond && !strings.Contains(err.Error(), "100ms, the timeout that is declared") {
		t.Errorf("the caller is told %v", err)
	}
	if m := interrupts.next(t); wamptest.Details(m)["reason"] != wamp.ErrTimeout {
		t.Errorf("INTERRUPT: %v", wamptest.Details(m))
	}
}

// A declared timeout ends the calls of a procedure wherever caller and callee are, unless they ask for
// a shorter one; a change holds from the next call on.
func TestDeclaredTimeout(t *testing.T) {
	declared(t, declaration("timeout: 100ms"), func(t *testing.T, dev *router.Dev, rewrite func(string)) {
		callee := join(t, dev, 0)
		other, _, interrupts := silent(t, callee, nil)
		invocations := newInbox()
		if _, err := callee.Register(uri, nil, invocations.put); err != nil {
			t.Fatal(err)
		}
		for i := range dev.Routers {
			caller := join(t, dev, i)
			ends(t, caller, uri, nil, interrupts, 100*time.Millisecond)
			ends(t, caller, uri, map[string]any{"timeout": 60_000}, interrupts, 100*time.Millisecond)
			ends(t, caller, uri, map[string]any{"timeout": 20}, interrupts, 20*time.Millisecond)
		}
		for len(invocations) > 0 {
			callee.Yield(invocations.next(t)) // they cross their INTERRUPTs
		}
		caller := join(t, dev, 1)
		unbound := caller.StartCall(other)

		before := caller.StartCall(uri)
		rewrite(declaration("timeout: 24h"))
		fails(t, caller, before, wamp.ErrTimeout)
		invocations.next(t)
		interrupts.next(t)
		long := caller.StartCall(uri)
		invocation := invocations.next(t)
		rewrite(declaration("timeout: 100ms"))
		ends(t, caller, uri, nil, interrupts, 100*time.Millisecond)
		wamptest.Nothing(t, long)
		callee.Yield(invocation)
		if _, err := caller.Await(long); err != nil {
			t.Errorf("a call that began under a longer timeout: %v", err)
		}
		wamptest.Nothing(t, unbound)
	})
}

// With progressive results a declared timeout is the time for each gap.
func TestDeclaredTimeoutBetweenProgressiveResults(t *testing.T) {
	declared(t, declaration("timeout: 1s"), func(t *testing.T, dev *router.Dev, _ func(string)) {
		callee, caller := join(t, dev, 1), join(t, dev, 0)
		invocations, interrupts, progress := newInbox(), newInbox(), newInbox()
		callee.On(wamp.Interrupt, interrupts.put)
		if _, err := callee.Register(uri, nil, invocations.put); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_, answer := caller.StartOptions(uri, map[string]any{"receive_progress": true}, progress.put)
		invocation := invocations.next(t)
		for range 3 {
			time.Sleep(400 * time.Millisecond) // the callee works
			callee.YieldOptions(invocation, map[string]any{"progress": true})
			progress.next(t)
		}
		fails(t, caller, answer, wamp.ErrTimeout)
		if took := time.Since(began); took < 2200*time.Millisecond {
			t.Errorf("after %v", took)
		}
		interrupts.next(t)
	})
}

// The declaration of a pattern bounds the calls that go to it, and no others. Calls that wait for a
// callee are bounded as well.
func TestDeclaredTimeoutOfAPattern(t *testing.T) {
	pattern := strings.NewReplacer("com.example.whoami", "com.example.", "match: exact", "match: prefix")
	declared(t, pattern.Replace(declaration("match: exact", "timeout: 100ms", "hold: 1m")), func(t *testing.T, dev *router.Dev, _ func(string)) {
		callee, caller := join(t, dev, 1), join(t, dev, 2)
		began := time.Now()
		fails(t, caller, caller.StartCall("com.example.held"), wamp.ErrTimeout)
		if took := time.Since(began); took < 100*time.Millisecond {
			t.Errorf("a call without a callee ended after %v", took)
		}
		invocations, interrupts, own := newInbox(), newInbox(), newInbox()
		callee.On(wamp.Interrupt, interrupts.put)
		if _, err := callee.Register("com.example.", map[string]any{"match": "prefix"}, invocations.put); err != nil {
			t.Fatal(err)
		}
		ends(t, caller, "com.example.x", nil, interrupts, 100*time.Millisecond)
		if _, err := callee.Register("com.example.own", nil, own.put); err != nil {
			t.Fatal(err)
		}
		unbound := caller.StartCall("com.example.own")
		invocation := own.next(t)
		ends(t, caller, "com.example.x", nil, interrupts, 100*time.Millisecond)
		callee.Yield(invocation)
		if _, err := caller.Await(unbound); err != nil {
			t.Errorf("a call that does not go to the pattern: %v", err)
		}
	})
}
