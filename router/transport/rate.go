package transport

import "time"

// pace is the token bucket of a connection's messages. It belongs to the goroutine that reads.
// The clock is looked at only when the bucket is empty, so that a connection below its rate pays
// a decrement a message.
type pace struct {
	rate, burst int
	tokens      int
	filled      time.Time
}

// minPause is the shortest pause: sleeping for less costs more than it is worth.
const minPause = 5 * time.Millisecond

func newPace(cfg *Config) *pace {
	if cfg.MessageRate <= 0 {
		return nil
	}
	return &pace{rate: cfg.MessageRate, burst: cfg.MessageBurst, tokens: cfg.MessageBurst, filled: time.Now()}
}

// take takes a token; when there is none it says how long to wait before asking again.
func (p *pace) take(now func() time.Time) (wait time.Duration) {
	if p.tokens > 0 {
		p.tokens--
		return 0
	}
	t := now()
	second := float64(time.Second)
	// In floating point: a connection that was quiet for days would overflow otherwise.
	earned := float64(t.Sub(p.filled)) * float64(p.rate) / second
	if earned < 1 {
		return max(time.Duration((1-earned)*second/float64(p.rate)), minPause)
	}
	p.tokens, p.filled = int(min(earned, float64(p.burst))), t
	p.tokens--
	return 0
}

// await holds the reading goroutine back while the peer sends faster than it may. It returns early
// when the connection ends.
func (p *peer) await() {
	paused := false
	for {
		wait := p.in.pace.take(time.Now)
		if wait == 0 {
			return
		}
		if !paused {
			paused = true
			p.via.Flush()
			p.stats.Pauses.Add(1)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-p.done:
			timer.Stop()
			return
		}
	}
}
