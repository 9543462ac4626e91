package router

import (
	"os"
	"runtime/debug"
	"time"
)

const (
	// releaseEvery is how often it is looked whether a burst is over.
	releaseEvery = 2 * time.Second
	// clientBurst is how many clients more than at the last time make a burst, and
	// changeBurst how many changes of callee lists more.
	clientBurst = 1000
	changeBurst = 5000
	// manyProcedures is how many it takes that the collector lets less garbage gather: what is
	// kept of them is large, and garbage as large as that would double the memory of a replica.
	manyProcedures = 20000
	manyPercent    = 30
)

// releaseMemory gives memory back to the system when many clients have joined, or many callees have
// registered or gone: that leaves garbage, and an idle router would not collect it. It collects once after
// each burst.
func (r *Router) releaseMemory() {
	look := time.NewTicker(releaseEvery)
	defer look.Stop()
	clients, changes := burst{least: clientBurst}, burst{least: changeBurst}
	_, chosen := os.LookupEnv("GOGC")
	percent := 0 // that was in use before
	for {
		select {
		case <-r.ctx.Done():
			return
		case <-look.C:
		}
		n := r.node.ProcedureCount()
		switch {
		case chosen:
		case n >= manyProcedures && percent == 0:
			percent = debug.SetGCPercent(manyPercent)
		case n < manyProcedures/2 && percent != 0:
			debug.SetGCPercent(percent)
			percent = 0
		}
		joined, changed := clients.over(r.clients.Stats.Open.Load()), changes.over(r.node.ListChanges())
		if joined || changed {
			debug.FreeOSMemory()
		}
	}
}

// burst is how the number of something has changed.
type burst struct{ least, last, released int64 }

// over tells, of the number now, whether it has grown by the least that makes a burst since the last
// time that it said so, and hardly since the last look.
func (b *burst) over(now int64) bool {
	came := now - b.last
	b.last = now
	b.released = min(b.released, now)
	if now-b.released < b.least || came > b.least/10 {
		return false
	}
	b.released = now
	return true
}
