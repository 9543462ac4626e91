package broker

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// topic is a topic with at least one subscriber here.
type topic struct {
	uri     string
	id      wamp.ID
	members int // subscriptions, confirmed or not; guarded by Broker.mu

	mu      sync.Mutex
	isReady bool     // the other replicas forward events
	waiting []func() // what to do then
	// subscribers is replaced, never changed: publishers walk it without a lock.
	subscribers atomic.Pointer[[]*subscription]
}

// subscription is one session's interest in a topic.
type subscription struct {
	peer  *Peer
	topic *topic

	mu       sync.Mutex
	ended    bool // UNSUBSCRIBED was written, or the session is gone
	patience session.Patience
}

// whenReady runs f when the other replicas forward the topic's events: now, or later in the
// goroutine that tells.
func (t *topic) whenReady(f func()) {
	t.mu.Lock()
	if !t.isReady {
		t.waiting = append(t.waiting, f)
		t.mu.Unlock()
		return
	}
	t.mu.Unlock()
	f()
}

// ready is called by the cluster.
func (t *topic) ready() {
	t.mu.Lock()
	t.isReady = true
	waiting := t.waiting
	t.waiting = nil
	t.mu.Unlock()
	for _, f := range waiting {
		f()
	}
}

// add begins the delivery of events and confirms it: what is published from then on is delivered,
// and the lock of the subscription keeps that behind the confirmation.
func (t *topic) add(s *subscription, confirm func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	var subscribers []*subscription
	if now := t.subscribers.Load(); now != nil {
		subscribers = *now
	}
	if !slices.Contains(subscribers, s) {
		subscribers = append(slices.Clone(subscribers), s)
		t.subscribers.Store(&subscribers)
	}
	confirm()
}

// remove ends the delivery of events: when it returns none is on its way to the connection.
func (t *topic) remove(s *subscription) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := t.subscribers.Load(); now != nil {
		left := slices.DeleteFunc(slices.Clone(*now), func(other *subscription) bool { return other == s })
		t.subscribers.Store(&left)
	}
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
}

// deliver writes an event to every subscriber but the excluded one, and returns one that is slow
// to take it, if any. A subscriber whose serialization cannot say the event, or that takes no
// message of its size, goes without it.
func (t *topic) deliver(e *cluster.Event, except *Peer) (slow *subscription) {
	subscribers := t.subscribers.Load()
	if subscribers == nil {
		return nil
	}
	var said payloads
	m := messages.Get().(*wamp.Message)
	*m = wamp.Message{Type: wamp.Event, ID: t.id, Publication: e.Publication, Dict: e.Details}
	for _, s := range *subscribers {
		if s.peer == except {
			continue
		}
		var ok bool
		if m.Payload, ok = said.in(s.peer.session.Format(), e.Payload); !ok {
			continue
		}
		s.mu.Lock()
		if !s.ended {
			_ = s.peer.session.Send(m)
		}
		s.mu.Unlock()
		if s.peer.session.Full() {
			slow = s
		}
	}
	*m = wamp.Message{}
	messages.Put(m)
	return slow
}

// messages recycles events: they would be allocated, since a connection is behind an interface.
var messages = sync.Pool{New: func() any { return new(wamp.Message) }}

// payloads is one payload in the serializations that were asked for, each transcoded once.
type payloads [wamp.CBOR + 1]wamp.Payload

func (p *payloads) in(f wamp.Format, from wamp.Payload) (wamp.Payload, bool) {
	if p[f].Format != f {
		var err error
		if p[f], err = from.In(f); err != nil {
			return wamp.Payload{}, false
		}
	}
	return p[f], true
}
