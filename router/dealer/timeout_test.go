package dealer

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/wamp-operator/wamp-operator/router/cluster"
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
