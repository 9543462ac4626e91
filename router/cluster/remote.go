package cluster

import (
	"sync"
	"sync/atomic"
	"time"
)

// remoteCaller is a caller on another replica.
type remoteCaller struct {
	x           *calls
	to          *member
	call        uint64
	progressive bool // further pieces of the call may come
	over        atomic.Bool
	// stream is there when several answers may go.
	stream *answerStream
}

func newRemoteCaller(x *calls, to *member, call uint64, flags CallFlags) *remoteCaller {
	c := &remoteCaller{x: x, to: to, call: call, progressive: flags&Progress != 0}
	if flags&ReceiveProgress != 0 {
		c.stream = &answerStream{}
	}
	return c
}

// Open implements Caller: the caller's replica knows whether an answer is wanted.
func (c *remoteCaller) Open() bool { return true }

// Sent implements Caller. A call that came from another replica is not sent on.
func (c *remoteCaller) Sent(uint64) {}

// Room implements Caller.
func (c *remoteCaller) Room() Waiter {
	if c.to.full() {
		return *c.to.link.Load()
	}
	if c.stream != nil {
		return c.stream.room()
	}
	return nil
}

// Answer implements Caller.
func (c *remoteCaller) Answer(a *Answer) {
	f := frame{
		via: a.Via, kind: frameAnswer, call: c.call, progress: a.Progress, lost: a.Lost, text: a.Error, details: a.Details,
		Payload: a.Payload,
	}
	if !a.Progress {
		c.forget()
	} else if c.stream != nil {
		c.stream.count(c, a)
	}
	if c.stream != nil {
		c.stream.send(c, &f)
		return
	}
	c.x.reply(c.to, &f)
}

func (c *remoteCaller) forget() {
	if c.stream != nil {
		c.x.streams.delete(progressKey{c.to, c.call})
	}
	if c.progressive {
		c.over.Store(true)
		c.x.progressive.delete(progressKey{c.to, c.call})
	}
}

// answerStream keeps the answers of one call in order: when one has to wait for the links, those
// after it wait behind it. It counts what the caller has not taken yet (see window.go).
type answerStream struct {
	mu     sync.Mutex
	late   bool // an answer could not be sent at once
	unsent []*frame

	sent, taken uint64        // bytes
	wake        chan struct{} // closed when the caller took some; nil when nobody waits
}

func (s *answerStream) send(c *remoteCaller, f *frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.late && c.to.send(f) {
		return
	}
	s.unsent = append(s.unsent, f.own())
	if !s.late {
		s.late = true
		s.retry(c, c.x.clock.Now())
	}
}

func (s *answerStream) retry(c *remoteCaller, since time.Time) {
	c.x.clock.AfterFunc(routePause, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for len(s.unsent) > 0 && c.to.send(s.unsent[0]) {
			s.unsent = s.unsent[1:]
		}
		switch {
		case len(s.unsent) == 0:
			s.late = false
		case c.x.clock.Now().Sub(since) < routeWait && c.x.table.member(c.to.hash) == c.to:
			s.retry(c, since)
		default:
			s.unsent = nil
		}
	})
}
