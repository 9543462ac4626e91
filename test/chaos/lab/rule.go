package lab

import (
	"math/rand/v2"
	"time"
)

// Rule is what becomes of the packets from one replica to another. The zero Rule delivers each at once.
type Rule struct {
	// Drop loses all.
	Drop bool
	// Loss is the part of the packets that is lost, 0 to 1; Duplicate the part that comes twice.
	Loss, Duplicate float64
	// Delay is how long a packet is under way, and Jitter how much longer at most.
	Delay, Jitter time.Duration
	// Reorder lets a packet with less jitter overtake others.
	Reorder bool
}

// copies draws how often a packet is delivered.
func (r *Rule) copies(random *rand.Rand) int {
	switch {
	case r.Drop, r.Loss > 0 && random.Float64() < r.Loss:
		return 0
	case r.Duplicate > 0 && random.Float64() < r.Duplicate:
		return 2
	}
	return 1
}

// latency draws how long a packet is under way.
func (r *Rule) latency(random *rand.Rand) time.Duration {
	if r.Jitter <= 0 {
		return r.Delay
	}
	return r.Delay + time.Duration(random.Int64N(int64(r.Jitter)+1))
}
