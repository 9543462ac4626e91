package broker

import (
	"slices"
	"sync/atomic"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// topic is a topic, or a pattern of topics, with at least one subscriber here.
type topic struct {
	uri   string
	match wamp.Match
	id    wamp.ID

	// subscribers are read without a lock. What lies within the length of a slice that was
	// published here never changes; Broker.mu guards appending behind it.
	subscribers atomic.Pointer[[]*subscription]
	gone        int // how many of them ended; guarded by Broker.mu
}

// fewSubscribers is how many a list may have to be copied each time that one goes. Longer ones are
// copied when half of them are gone, so that many who leave one by one cost no more than they must.
const fewSubscribers = 32

func (t *topic) list() []*subscription {
	if s := t.subscribers.Load(); s != nil {
		return *s
	}
	return nil
}

// list puts a subscription where publishers find it.
func (b *Broker) list(s *subscription) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.topic(s)
	if t == nil {
		t = &topic{uri: s.uri, match: s.match, id: s.id}
		if s.match == wamp.Exact {
			b.topics.Store(t.uri, t)
		} else {
			b.byID[t.id] = t
			b.patterns.Add(t.match, t.uri, t)
			b.patternCount.Add(1)
		}
	}
	list := append(t.list(), s)
	t.subscribers.Store(&list)
	s.topic = t
}

// unlist takes it away, and the topic with the last one.
func (b *Broker) unlist(s *subscription) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := s.topic
	if t == nil {
		return
	}
	s.topic = nil
	list := t.list()
	switch t.gone++; {
	case t.gone == len(list):
		if t.match == wamp.Exact {
			b.topics.Delete(t.uri)
		} else {
			delete(b.byID, t.id)
			b.patterns.Remove(t.match, t.uri)
			b.patternCount.Add(-1)
		}
	case len(list) <= fewSubscribers || t.gone > len(list)/2:
		left := slices.DeleteFunc(slices.Clone(list), func(o *subscription) bool { return o.topic == nil })
		t.subscribers.Store(&left)
		t.gone = 0
	}
}

// topic finds the topic or pattern of a subscription, if it has others. Called with mu held.
func (b *Broker) topic(s *subscription) *topic {
	if s.match == wamp.Exact {
		return b.exact(s.uri)
	}
	return b.byID[s.id]
}

func (b *Broker) exact(uri string) *topic {
	if t, ok := b.topics.Load(uri); ok {
		return t.(*topic)
	}
	return nil
}

// find appends the topic and the patterns that an event goes to.
func (b *Broker) find(uri string, found []*topic) []*topic {
	if t := b.exact(uri); t != nil {
		found = append(found, t)
	}
	if b.patternCount.Load() > 0 {
		found = b.findPatterns(uri, found)
	}
	return found
}

func (b *Broker) findPatterns(uri string, found []*topic) []*topic {
	b.patterns.Each(uri, func(t *topic) { found = append(found, t) })
	return found
}

// Topics is the number of topics and patterns with a subscriber on this replica.
func (b *Broker) Topics() int {
	n := int(b.patternCount.Load())
	for range b.topics.Range {
		n++
	}
	return n
}

// Wanted tells whether an event on the topic would find a subscription on this replica.
func (b *Broker) Wanted(topic string) bool { return len(b.find(topic, nil)) > 0 }
