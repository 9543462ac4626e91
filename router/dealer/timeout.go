package dealer

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// callMore is what only calls with a timeout or with progressive results need.
type callMore struct {
	// mu keeps the answers of the call in order: no progressive one after the final one.
	mu       sync.Mutex
	progress bool          // the caller takes progressive results
	gap      time.Duration // the timeout: until the first result, and then the next
	declared bool          // it is the declared one, and not that of CALL.Options
	timer    *time.Timer
	stopped  bool
	wake     context.CancelFunc // of the reading goroutine, which waits for a callee with room
}

// timeoutGrace is how much longer than its timeout a call is given whose callee minds the timeout
// itself: it must end also when the callee does not.
const timeoutGrace = time.Second

func millis(n uint32) time.Duration { return time.Duration(n) * time.Millisecond }

// SetTimed tells whether timeouts are declared in the realm: where there are none calls do not look for
// theirs.
func (d *Dealer) SetTimed(timed bool) { d.timed.Store(timed) }

// boundTime gives p.call the timeout that is declared for its procedure, when it asks for none or for a
// longer one.
func (p *Peer) boundTime() (declared bool) {
	if !p.dealer.timed.Load() {
		return false
	}
	most := p.dealer.realm.Timeout(p.call.URI)
	if most <= 0 {
		return false
	}
	n := uint32((most + time.Millisecond - 1) / time.Millisecond)
	if p.call.Timeout > 0 && p.call.Timeout <= n {
		return false
	}
	p.call.Timeout = n
	return true
}

// startTimer starts the timeout of a call (WAMP advanced profile, "Call Timeouts").
func (c *call) startTimer() {
	c.more.mu.Lock()
	defer c.more.mu.Unlock()
	if c.more.gap > 0 {
		c.more.timer = time.AfterFunc(c.more.gap, c.expire)
	}
}

// expire answers a call whose time is over, and interrupts its callee.
func (c *call) expire() {
	c.more.mu.Lock()
	ended := c.end()
	if ended {
		c.more.stop()
		text := fmt.Sprintf("no result within %v", c.more.gap)
		if c.more.declared {
			text += ", the timeout that is declared for the procedure"
		}
		c.finish(failure(wamp.ErrTimeout, text))
	}
	c.more.mu.Unlock()
	if ended {
		dealer := c.peer.dealer
		dealer.counts.timedOut.Add(1)
		c.interrupt(dealer.realm, &cluster.Interruption{Caller: c, Mode: cluster.KillNoWait, Reason: wamp.ErrTimeout})
	}
}

// forwarded leaves the timeout to the callee.
func (m *callMore) forwarded() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.timer != nil && !m.stopped {
		m.gap += timeoutGrace + m.gap/10
		m.timer.Reset(m.gap)
	}
}

// abandon sets what to call when the call ends while the reading goroutine waits with it.
func (m *callMore) abandon(wake context.CancelFunc) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.wake = wake; m.stopped {
		wake()
	}
}

// stop is called with mu held when the call ends.
func (m *callMore) stop() {
	m.stopped = true
	if m.timer != nil {
		m.timer.Stop()
	}
	if m.wake != nil {
		m.wake()
	}
}
