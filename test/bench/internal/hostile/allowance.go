package hostile

import (
	"sync"
	"time"

	"github.com/wamp-operator/wamp-operator/test/bench/internal/process"
)

// allowance holds a process to a part of one processor. It measures what was taken, and lets
// everybody wait while that is too much.
type allowance struct {
	share float64
	mu    sync.Mutex
	began time.Time
	spent time.Duration // before began
}

// window is how far back unused time is kept: a process that was idle may not make up for it.
const window = 100 * time.Millisecond

func newAllowance(share float64) *allowance {
	return &allowance{share: share, began: time.Now(), spent: process.Own()}
}

// take waits until the process may do something again.
func (a *allowance) take(over <-chan struct{}) {
	for {
		wait := a.lacking()
		if wait <= 0 {
			return
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-over:
			timer.Stop()
			return
		}
	}
}

func (a *allowance) lacking() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	now, used := time.Now(), process.Own()-a.spent
	earned := time.Duration(a.share * float64(now.Sub(a.began)))
	if most := time.Duration(a.share * float64(window)); earned-used > most {
		a.began, a.spent = now.Add(-window), a.spent+used
		return 0
	}
	return time.Duration(float64(used-earned) / a.share)
}
