package cluster

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// holding is a node alone that holds the calls of some procedures.
func holding(t *testing.T, declared map[ProcedureKey]Declaration) (*Node, *Realm) {
	n := alone(t)
	n.SetDeclared(declared)
	return n, n.Realm("realm1")
}

func held5s(match Match, uri string) map[ProcedureKey]Declaration {
	return map[ProcedureKey]Declaration{{Realm: "realm1", Match: match, URI: uri}: {Invoke: Single, Override: true, Hold: 5 * time.Second}}
}

// holdCaller is a caller that can give up, and notes in what order the calls were delivered.
type holdCaller struct {
	answered
	number uint64
	closed bool
}

func (c *holdCaller) Open() bool    { return !c.closed }
func (c *holdCaller) Sent(n uint64) { c.number = n }

func (n *Node) parked() (calls, queues int) {
	s := &n.calls.holds
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.byNumber), len(s.byURI)
}

// lister notes what is delivered to it, and answers.
type lister struct {
	echo
	got []string
}

func (l *lister) Deliver(d *Delivery) error {
	args, _, _ := d.Payload.Decode()
	l.got = append(l.got, fmt.Sprint(args[0]))
	d.Caller.Answer(&Answer{Payload: d.Payload})
	return nil
}

// Calls of a procedure with a hold wait, without holding up whoever brings them, and go on in their
// order the moment that there is a callee.
func TestHeldCallsGoOnInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, realm := holding(t, held5s(Exact, "x.held"))
		var callers []*holdCaller
		began := time.Now()
		for i := range 100 {
			c := &holdCaller{answered: make(answered, 2)}
			callers = append(callers, c)
			payload := wamp.MustPayload(wamp.MessagePack, []any{fmt.Sprint(i)}, nil)
			if w := realm.Call(&Call{URI: "x.held", Caller: c, Payload: payload}); w != nil {
				t.Fatal("the call holds up its caller")
			}
			clear(payload.Args) // it is read into again
			time.Sleep(10 * time.Millisecond)
		}
		if calls, queues := n.parked(); calls != 100 || queues != 1 {
			t.Errorf("%d calls are parked under %d URIs", calls, queues)
		}
		callee := &lister{}
		if err := register(t, realm, "x.held", Single, 1, callee); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if took := time.Since(began); took > 1100*time.Millisecond {
			t.Errorf("that took %v", took)
		}
		for i, c := range callers {
			if got := c.wait(t); got != fmt.Sprint(i) || callee.got[i] != got {
				t.Fatalf("call %d got the answer %q, the callee got %v", i, got, callee.got)
			}
		}
		if calls, queues := n.parked(); calls+queues != 0 || n.calls.holds.queues.Load() != 0 {
			t.Errorf("%d calls are left under %d URIs", calls, queues)
		}
	})
}

// The hold is over when it is over, for each call, and its caller is told what it was.
func TestHoldRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, realm := holding(t, held5s(Exact, "x.held"))
		for range 3 {
			a, began := make(answered, 1), time.Now()
			realm.Call(&Call{URI: "x.held", Caller: a})
			got := <-a
			args, _, _ := got.Payload.Decode()
			if said := args[0].(string); got.Error != wamp.ErrNoSuchProcedure || !strings.Contains(said, "within 5s, the hold") {
				t.Errorf("%s %q", got.Error, said)
			}
			if took := time.Since(began); took < 5*time.Second || took > 5*time.Second+2*expireEvery {
				t.Errorf("that took %v", took)
			}
		}
		other := make(answered, 1)
		realm.Call(&Call{URI: "x.other", Caller: other})
		if got := other.wait(t); got != wamp.ErrNoSuchProcedure {
			t.Errorf("a call that is not to be held: %s", got)
		}
		if calls, queues := n.parked(); calls+queues != 0 {
			t.Errorf("%d calls are left under %d URIs", calls, queues)
		}
	})
}

// A call that is given up leaves nothing behind; with Kill its caller still waits for the last word.
func TestHeldCallIsTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, realm := holding(t, held5s(Exact, "x.held"))
		var callers []*holdCaller
		for range 1000 {
			c := &holdCaller{answered: make(answered, 2)}
			callers = append(callers, c)
			realm.Call(&Call{URI: "x.held", Caller: c})
		}
		for i, c := range callers[:999] {
			i := &Interruption{Caller: c, Mode: []CancelMode{KillNoWait, Kill, Skip}[i%3], Reason: wamp.ErrCanceled}
			c.closed = i.Mode != Kill
			realm.Cancel(c.number, i)
			if i.Mode == Kill {
				if got := c.wait(t); got != wamp.ErrCanceled {
					t.Fatalf("killed: %s", got)
				}
			}
		}
		s := &n.calls.holds
		s.mu.Lock()
		if left := len(s.byURI[holdKey{"realm1", "x.held"}].calls); left > 2 || len(s.byNumber) != 1 {
			t.Errorf("%d places are taken for %d calls", left, len(s.byNumber))
		}
		s.mu.Unlock()
		realm.Cancel(callers[999].number, &Interruption{Caller: callers[999]})
		if calls, queues := n.parked(); calls+queues != 0 || s.queues.Load() != 0 {
			t.Errorf("%d calls are left under %d URIs", calls, queues)
		}
	})
}

// Whatever a declared pattern matches is held, and served by whoever comes: the procedure itself, or a
// pattern.
func TestPatternsHoldWhatTheyMatch(t *testing.T) {
	for _, test := range []struct {
		declared Match
		pattern  string
		comes    Match
		by       string
		want     string
	}{
		{Prefix, "x.held", Exact, "x.held.a", "callee"},
		{Prefix, "x.held", Prefix, "x.", "callee"},
		{Wildcard, "x..a", Wildcard, ".held.a", "callee"},
		{Wildcard, "x..a", Exact, "x.held.b", wamp.ErrNoSuchProcedure},
		{Prefix, "x.held.b", Exact, "x.held.a", wamp.ErrNoSuchProcedure},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, realm := holding(t, held5s(test.declared, test.pattern))
			a := make(answered, 1)
			realm.Call(&Call{URI: "x.held.a", Caller: a})
			time.Sleep(time.Second)
			done := make(chan error, 1)
			realm.Register(Registration{URI: test.by, Match: test.comes, Session: 1, Callee: &echo{name: "callee"}},
				func(_ wamp.ID, err error) { done <- err })
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if got := a.wait(t); got != test.want {
				t.Errorf("%v %s, then %v %s: %s, want %s", test.declared, test.pattern, test.comes, test.by, got, test.want)
			}
		})
	}
}

// A callee that has no room slows its callers down, and calls that come meanwhile do not overtake
// those that were held.
func TestHeldCallsAreNotOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, realm := holding(t, held5s(Exact, "x.held"))
		first, second := make(answered, 1), make(answered, 1)
		realm.Call(&Call{URI: "x.held", Caller: first})
		callee := &echo{name: "callee", fail: ErrBusy}
		if err := register(t, realm, "x.held", Single, 1, callee); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		realm.Call(&Call{URI: "x.held", Caller: second})
		time.Sleep(100 * time.Millisecond)
		if len(first)+len(second) != 0 {
			t.Fatal("answered by a callee without room")
		}
		callee.mu.Lock()
		callee.fail = nil
		callee.mu.Unlock()
		for _, a := range []answered{first, second} {
			if got := a.wait(t); got != "callee" {
				t.Errorf("the call ended with %s", got)
			}
		}
	})
}

// The longest hold of all that match counts.
func TestLongestHoldCounts(t *testing.T) {
	declared := map[ProcedureKey]*Declaration{
		{Realm: "r", URI: "a.b"}:                  {Hold: time.Second},
		{Realm: "r", Match: Prefix, URI: "a."}:    {Hold: 3 * time.Second},
		{Realm: "r", Match: Wildcard, URI: "a."}:  {Hold: 2 * time.Second},
		{Realm: "r", Match: Prefix, URI: "a.b.c"}: {},
	}
	h := newHoldings(declared)
	for uri, want := range map[string]time.Duration{"a.b": 3 * time.Second, "a.b.c": 3 * time.Second, "b.a": 0} {
		if got := h.of("r", uri); got != want {
			t.Errorf("%s: %v, want %v", uri, got, want)
		}
	}
	if got := h.of("other", "a.b"); got != 0 {
		t.Errorf("in another realm: %v", got)
	}
	var none *holdings
	if none.of("r", "a.b") != 0 {
		t.Error("nothing is declared, and holds")
	}
}
