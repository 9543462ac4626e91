package session

import (
	"context"
	"sync/atomic"
	"time"
)

// Patience slows a sender down to what a receiver takes, without letting a receiver that takes
// nothing hold it up: a wait that was in vain is the last one until the receiver has room
// again. Beyond that the receiver's own limits apply, and it is dropped when it reaches them.
type Patience struct{ spent atomic.Bool }

// Renew notes that the receiver has room.
func (p *Patience) Renew() {
	if p.spent.Load() {
		p.spent.Store(false)
	}
}

// Spent tells whether the last wait was in vain.
func (p *Patience) Spent() bool { return p.spent.Load() }

// Wait returns at once when the receiver has room, and otherwise waits at most limit for it.
func (p *Patience) Wait(ctx context.Context, receiver *Session, limit time.Duration) {
	if !receiver.Full() {
		p.Renew()
		return
	}
	if p.spent.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if receiver.WaitRoom(ctx) != nil {
		p.spent.Store(true)
	}
}
