package broker

import (
	"slices"
	"sync"
)

// late are the subscriptions of a session whose answer brings retained events and that were confirmed
// after the reading goroutine went on. A goroutine of the session's own answers them, one after the
// other: whoever confirms has others to confirm, and must not look for events or write them.
type late struct {
	mu      sync.Mutex
	waiting []*subscription
	running bool
}

// confirmed is called when every replica forwards the events of a subscription. It does not wait for
// anything that takes long.
func (p *Peer) confirmed(s *subscription) {
	s.mu.Lock()
	s.confirmed = true
	mine := !s.beginning
	retained := slices.ContainsFunc(s.waiting, func(r request) bool { return r.retained })
	s.mu.Unlock()
	switch {
	case !mine: // the reading goroutine will
	case retained:
		p.answerLate(s)
	default:
		p.broker.answer(s, true)
	}
}

func (p *Peer) answerLate(s *subscription) {
	p.late.mu.Lock()
	defer p.late.mu.Unlock()
	p.late.waiting = append(p.late.waiting, s)
	if !p.late.running {
		p.late.running = true
		go p.answerAll()
	}
}

// answerAll ends when there is nothing left to answer; of a session that is gone that is soon.
func (p *Peer) answerAll() {
	for s := p.nextLate(); s != nil; s = p.nextLate() {
		p.broker.answer(s, true)
	}
}

func (p *Peer) nextLate() *subscription {
	p.late.mu.Lock()
	defer p.late.mu.Unlock()
	if len(p.late.waiting) == 0 {
		p.late.waiting, p.late.running = nil, false
		return nil
	}
	s := p.late.waiting[0]
	p.late.waiting[0] = nil
	p.late.waiting = p.late.waiting[1:]
	return s
}
