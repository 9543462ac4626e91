package cluster

import (
	"context"
	"sync"
)

// queue hands values to one goroutine, in order and without holding up whoever adds them.
type queue[T any] struct {
	mu      sync.Mutex
	waiting []T
	wake    chan struct{} // holds one token when something waits
}

func newQueue[T any]() queue[T] { return queue[T]{wake: make(chan struct{}, 1)} }

func (q *queue[T]) add(values ...T) {
	if len(values) == 0 {
		return
	}
	q.mu.Lock()
	q.waiting = append(q.waiting, values...)
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// serve calls f for each value until ctx ends.
func (q *queue[T]) serve(ctx context.Context, f func(*T)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-q.wake:
		}
		q.mu.Lock()
		values := q.waiting
		q.waiting = nil
		q.mu.Unlock()
		for i := range values {
			f(&values[i])
		}
	}
}
