package broker

import (
	"sync/atomic"
	"time"
)

// clock gives stamps: microseconds since 1970, each larger than the one before.
type clock struct{ last atomic.Uint64 }

func (c *clock) next() uint64 {
	for {
		now, last := uint64(time.Now().UnixMicro()), c.last.Load()
		if now = max(now, last+1); c.last.CompareAndSwap(last, now) {
			return now
		}
	}
}
