package cluster

import "time"

// pace spreads compilations: the first change is taken at once, more of them close together at
// growing intervals, so that five thousand objects applied in a row make a few snapshots and one
// object applied by itself does not wait.
type pace struct {
	last     time.Time
	interval time.Duration
}

const (
	paceMin = 100 * time.Millisecond
	paceMax = 2 * time.Second
)

// wait tells how long the next compilation has to wait.
func (p *pace) wait(now time.Time) time.Duration {
	return max(0, p.interval-now.Sub(p.last))
}

// done records a compilation.
func (p *pace) done(now time.Time) {
	if now.Sub(p.last) > 2*paceMax {
		p.interval = paceMin
	} else {
		p.interval = min(max(2*p.interval, paceMin), paceMax)
	}
	p.last = now
}
