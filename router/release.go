package router

import (
	"runtime/debug"
	"time"
)

const (
	// releaseEvery is how often it is looked whether a burst of clients is over.
	releaseEvery = 2 * time.Second
	// releaseBurst is how many clients more than at the last time make a burst.
	releaseBurst = 1000
)

// releaseMemory gives memory back to the system when many clients have joined: their handshakes leave
// garbage, and an idle router would not collect it. It collects once after each burst.
func (r *Router) releaseMemory() {
	look := time.NewTicker(releaseEvery)
	defer look.Stop()
	var b burst
	for {
		select {
		case <-r.ctx.Done():
			return
		case <-look.C:
			if b.over(r.clients.Stats.Open.Load()) {
				debug.FreeOSMemory()
			}
		}
	}
}

// burst is how the number of clients has changed.
type burst struct{ last, released int64 }

// over tells, of the number of clients now, whether many came since the last time that it said so,
// and hardly any since the last look.
func (b *burst) over(open int64) bool {
	came := open - b.last
	b.last = open
	b.released = min(b.released, open)
	if open-b.released < releaseBurst || came > releaseBurst/10 {
		return false
	}
	b.released = open
	return true
}
