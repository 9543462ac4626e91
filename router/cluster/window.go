package cluster

import (
	"context"
	"sync"
	"time"
)

const (
	// answerWindow is how many bytes of progressive results may be on their way to a caller on
	// another replica, or wait for it there, until its callee is slowed down.
	answerWindow = 1 << 20
	// answerHead is what a result counts beside its payload.
	answerHead = 64
	// takenMost is the longest pause before the caller's replica looks again whether a slow
	// caller has taken its results.
	takenMost = 50 * time.Millisecond
)

// count notes what goes to the caller.
func (s *answerStream) count(c *remoteCaller, a *Answer) {
	s.mu.Lock()
	first := s.sent == 0
	s.sent += uint64(a.Payload.Size() + answerHead)
	s.mu.Unlock()
	if first {
		c.x.streams.set(progressKey{c.to, c.call}, s)
	}
}

// room is nil while less than the window is on its way.
func (s *answerStream) room() Waiter {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sent-s.taken < answerWindow {
		return nil
	}
	return s
}

// WaitRoom implements Waiter.
func (s *answerStream) WaitRoom(ctx context.Context) error {
	s.mu.Lock()
	if s.sent-s.taken < answerWindow {
		s.mu.Unlock()
		return nil
	}
	if s.wake == nil {
		s.wake = make(chan struct{})
	}
	wake := s.wake
	s.mu.Unlock()
	select {
	case <-wake:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// onRoom: the caller has taken so many bytes in all.
func (x *calls) onRoom(from *member, f *frame) {
	s, ok := x.streams.get(progressKey{from, f.call})
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken = max(s.taken, min(f.seq, s.sent))
	if s.wake != nil {
		close(s.wake)
		s.wake = nil
	}
}

// taking is the caller's side of that: it tells the callee's replica what the caller took.
type taking struct {
	mu         sync.Mutex
	came, told uint64 // bytes
	waits      bool   // for the caller
}

// took notes a progressive result that came for a caller here.
func (x *calls) took(from *member, call uint64, c *openCall, f *frame) {
	t := c.taking
	if t == nil {
		if !x.open.update(call, func(c *openCall) {
			if c.taking == nil {
				c.taking = &taking{}
			}
			t = c.taking
		}) {
			return
		}
	}
	t.mu.Lock()
	t.came += uint64(f.Size() + answerHead)
	tell := t.came-t.told >= answerWindow/4 && !t.waits
	t.mu.Unlock()
	if tell {
		x.tellRoom(from, call, c.caller, t, 0)
	}
}

// tellRoom tells the callee's replica when the caller has room, now or later.
func (x *calls) tellRoom(to *member, call uint64, caller Caller, t *taking, pause time.Duration) {
	room := caller.Room() == nil
	t.mu.Lock()
	t.waits = !room
	came := t.came
	if room {
		t.told = came
	}
	t.mu.Unlock()
	switch {
	case room:
		to.send(&frame{kind: frameRoom, call: call, seq: came})
	case caller.Open():
		pause = min(max(routePause, 2*pause), takenMost)
		x.clock.AfterFunc(pause, func() { x.tellRoom(to, call, caller, t, pause) })
	}
}
