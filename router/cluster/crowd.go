package cluster

import (
	"sync/atomic"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

const (
	crowdPause = 5 * time.Millisecond
	crowdMost  = 250 * time.Millisecond
)

// crowds remembers procedures of which a callee elsewhere had no room: their callers wait, so
// that a callee that is slow slows those who call it and not all who share its replica's link.
// One call at a time finds out whether there is room; an answer says that there is.
type crowds struct {
	n     atomic.Int64 // how many are marked, so that calls look only when there are any
	marks shards[wamp.ID, crowd]
}

type crowd struct {
	until time.Time
	pause time.Duration
	asked bool // a call is finding out
}

// closed says that a call of the procedure should wait. When the wait is over it lets one call
// through, and the others wait on.
func (c *crowds) closed(procedure wamp.ID, clock clock) bool {
	if c.n.Load() == 0 {
		return false
	}
	now := clock.Now()
	closed := false
	c.marks.update(procedure, func(m crowd, marked bool) (crowd, bool) {
		if !marked {
			return m, false
		}
		if closed = now.Before(m.until); !closed {
			m.until, m.asked = now.Add(m.pause), true
		}
		return m, true
	})
	return closed
}

// mark notes that a callee had no room; each time in a row the wait doubles.
func (c *crowds) mark(procedure wamp.ID, now time.Time) {
	c.marks.update(procedure, func(m crowd, marked bool) (crowd, bool) {
		switch {
		case !marked:
			c.n.Add(1)
			m.pause = crowdPause
		case !m.asked:
			return m, true // of the same moment as the mark that is there
		default:
			m.pause = min(2*m.pause, crowdMost)
		}
		m.until, m.asked = now.Add(m.pause), false
		return m, true
	})
}

// clear notes that there is room.
func (c *crowds) clear(procedure wamp.ID) {
	if c.n.Load() == 0 {
		return
	}
	if _, marked := c.marks.take(procedure); marked {
		c.n.Add(-1)
	}
}
