package dealer

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Timeouts are exact, per gap with progress, and later when the callee minds them.
func TestTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, map[string]any{"forward_timeout": true})
		at := func(after time.Duration, toCaller, toCallee string) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			p.expect(t, toCaller, toCallee)
		}
		p.call(1, map[string]any{"timeout": 1000})
		at(999*time.Millisecond, "", "INVOCATION")
		at(time.Millisecond, "ERROR", "INTERRUPT")

		p.call(2, map[string]any{"timeout": 1000, "receive_progress": true})
		at(900*time.Millisecond, "", "INVOCATION")
		p.callee.Yield(&wamp.Message{Type: wamp.Yield, Request: 2, Dict: wamp.MustDict(wamp.MessagePack, map[string]any{"progress": true})})
		at(999*time.Millisecond, "RESULT", "")
		at(time.Millisecond, "ERROR", "INTERRUPT")

		deliver := p.realm.call
		p.realm.call = func(c *cluster.Call) cluster.Waiter {
			c.Describe(c, cluster.ForwardTimeout)
			return deliver(c)
		}
		p.call(3, map[string]any{"timeout": 1000})
		at(time.Second, "", "INVOCATION")
		at(timeoutGrace+99*time.Millisecond, "", "")
		at(time.Millisecond, "ERROR", "INTERRUPT")
		if n := p.caller.dealer.Counts(); n.TimedOut != 3 {
			t.Errorf("%d timeouts were counted", n.TimedOut)
		}
	})
}

// A call whose time is over while it waits for a callee with room does not hold its connection.
func TestTimeoutWhileWaitingForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, nil)
		p.callee.conn.SetFull(true)
		began := time.Now()
		p.call(1, map[string]any{"timeout": 1000})
		if took := time.Since(began); took != time.Second {
			t.Errorf("the connection was held for %v", took)
		}
		synctest.Wait()
		p.expect(t, "ERROR", "")
	})
}

// A declared timeout is given to calls that ask for none, and bounds those that ask for more.
func TestDeclaredTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, map[string]any{"forward_timeout": true})
		p.realm.timeout = time.Second
		p.caller.dealer.SetTimed(true)
		for request, options := range []map[string]any{nil, {"timeout": 60_000}, {"timeout": 500}} {
			began := time.Now()
			p.call(wamp.ID(request+1), options)
			invocation := p.callee.conn.Sent()
			want := time.Second
			if request == 2 {
				want = 500 * time.Millisecond
			}
			if told := wamptest.Details(invocation[0])["timeout"]; told != want.Milliseconds() {
				t.Errorf("%v: the callee was told %v", options, told)
			}
			for len(p.caller.conn.Sent()) == 0 {
				time.Sleep(time.Millisecond)
				synctest.Wait()
			}
			if took := time.Since(began); took != want {
				t.Errorf("%v: the call ended after %v", options, took)
			}
			p.expect(t, "", "INTERRUPT")
		}
		p.realm.timeout = 0
		p.call(4, nil)
		time.Sleep(48 * time.Hour)
		synctest.Wait()
		if sent := p.caller.conn.Sent(); len(sent) != 0 {
			t.Errorf("without a timeout the caller was sent %q", types(sent))
		}
		p.yield(4)
	})
}
