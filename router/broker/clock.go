package broker

import (
	"sync/atomic"
	"time"
)

// clock gives stamps: microseconds since 1970, each larger than the one before.
type clock struct{ last atomic.Uint64 }

// next is larger than the last stamp.
func (c *clock) next() uint64 { return c.after(0) }

// after is next, and larger than a stamp that another replica gave.
func (c *clock) after(stamp uint64) uint64 {
	for {
		now, last := uint64(time.Now().UnixMicro()), c.last.Load()
		if now = max(now, last+1, stamp+1); c.last.CompareAndSwap(last, now) {
			return now
		}
	}
}
