package cluster

import (
	"context"
	"sync"
)

// news hands what changed to the host, in order and from one goroutine, without holding up whoever
// changed it.
type news struct {
	mu      sync.Mutex
	waiting []MetaEvent
	wake    chan struct{} // holds one token when something waits
}

func newNews() news { return news{wake: make(chan struct{}, 1)} }

func (n *news) add(events []MetaEvent) {
	if len(events) == 0 {
		return
	}
	n.mu.Lock()
	n.waiting = append(n.waiting, events...)
	n.mu.Unlock()
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

func (n *news) tell(ctx context.Context, f func(*MetaEvent)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.wake:
		}
		n.mu.Lock()
		events := n.waiting
		n.waiting = nil
		n.mu.Unlock()
		for i := range events {
			f(&events[i])
		}
	}
}
