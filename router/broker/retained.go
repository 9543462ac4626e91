package broker

import (
	"container/list"
	"slices"
	"sync"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/pattern"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// retained are the events that publishers asked to be retained, the last one of each topic (WAMP
// advanced profile, "Event Retention"). They are on every replica.
//
// mu is held by those who publish such an event while they store and deliver it, and by those who
// subscribe while they look and begin to listen: nobody gets an event twice, or not at all.
type retained struct {
	mu      sync.RWMutex
	limits  Limits
	counts  *counts
	byTopic map[string]*list.Element // of *cluster.Event
	order   list.List                // as compareKept orders them, the oldest first
	bytes   int
}

func (r *retained) init(l Limits, c *counts) {
	r.limits, r.counts, r.byTopic = l, c, map[string]*list.Element{}
	r.order.Init()
}

// put stores an event, if it is newer than what is stored for its topic. The clocks of the replicas
// differ: the one that an event is published on gives it a stamp that is newer than all it knows.
// Called with mu held.
func (r *retained) put(e *cluster.Event) {
	if at := r.byTopic[e.Topic]; at != nil {
		if compareKept(at.Value.(*cluster.Event), e) >= 0 {
			return
		}
		r.drop(at)
	}
	if keptSize(e) > r.limits.RetainedBytes {
		r.counts.drop(Forgotten)
		return
	}
	own := keep(e)
	r.byTopic[own.Topic] = r.insert(own)
	for r.bytes += keptSize(own); len(r.byTopic) > r.limits.Retained || r.bytes > r.limits.RetainedBytes; {
		r.drop(r.order.Front())
		r.counts.drop(Forgotten)
	}
}

// insert puts an event in its place, which is at the end or close to it.
func (r *retained) insert(e *cluster.Event) *list.Element {
	for at := r.order.Back(); at != nil; at = at.Prev() {
		if compareKept(at.Value.(*cluster.Event), e) < 0 {
			return r.order.InsertAfter(e, at)
		}
	}
	return r.order.PushFront(e)
}

func (r *retained) drop(at *list.Element) {
	e := r.order.Remove(at).(*cluster.Event)
	delete(r.byTopic, e.Topic)
	r.bytes -= keptSize(e)
}

// newest is the stamp of the event that is stored for a topic. Called with mu held.
func (r *retained) newest(topic string) uint64 {
	if at := r.byTopic[topic]; at != nil {
		return at.Value.(*cluster.Event).Stamp
	}
	return 0
}

// stampOf is the stamp that the event has here, if it is stored. Called with mu held.
func (r *retained) stampOf(e *cluster.Event) uint64 {
	if at := r.byTopic[e.Topic]; at != nil && at.Value.(*cluster.Event).Publication == e.Publication {
		return at.Value.(*cluster.Event).Stamp
	}
	return 0
}

// matching gives what is stored for a topic, or for the topics that match a pattern: the newest of
// those, the oldest first. It compares with at most Limits.Retained topics. Called with mu held.
func (r *retained) matching(match wamp.Match, uri string) []*cluster.Event {
	if match == wamp.Exact {
		if at := r.byTopic[uri]; at != nil {
			return []*cluster.Event{at.Value.(*cluster.Event)}
		}
		return nil
	}
	var found []*cluster.Event
	for at := r.order.Back(); at != nil && len(found) < r.limits.RetainedReply; at = at.Prev() {
		if e := at.Value.(*cluster.Event); pattern.Matches(match, uri, e.Topic) {
			found = append(found, e)
		}
	}
	slices.Reverse(found)
	return found
}

func (r *retained) all() []*cluster.Event {
	r.mu.RLock()
	defer r.mu.RUnlock()
	all := make([]*cluster.Event, 0, len(r.byTopic))
	for at := r.order.Front(); at != nil; at = at.Next() {
		all = append(all, at.Value.(*cluster.Event))
	}
	return all
}

func (r *retained) size() (events, bytes int) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.byTopic), r.bytes
}

// replay writes retained events to a new subscriber, as far as it may have them, until the connection
// is full. Called with the lock of the subscription held.
func (b *Broker) replay(s *subscription, events []*cluster.Event) {
	to := s.peer.session
	for i, e := range events {
		if to.Full() {
			b.counts.dropped[Lost].Add(uint64(len(events) - i))
			return
		}
		o, err := parseOptions(e.Options)
		if err != nil || o.publisher == to.ID || !o.audience.admits(to) || !mayReceive(to, e.Topic) {
			continue
		}
		if _, passthru := e.Details.Get("ppt_scheme"); passthru && !to.Has(session.SubscriberPPT) {
			b.counts.drop(Passthru)
			continue
		}
		if err := b.sendRetained(s, e); err != nil {
			b.counts.drop(reasonOf(err))
			continue
		}
		b.counts.delivered.Add(1)
	}
}

func (b *Broker) sendRetained(s *subscription, e *cluster.Event) error {
	f := s.peer.session.Format()
	payload, err := e.Payload.In(f)
	if err != nil {
		return err
	}
	details := extend(e.Details, f, nil, func(w *wamp.DictWriter) {
		w.Bool("retained", true)
		if s.match != wamp.Exact {
			w.Str("topic", e.Topic)
		}
	})
	return s.peer.session.Send(&wamp.Message{
		Type: wamp.Event, ID: s.id, Publication: e.Publication, Dict: details, Payload: payload,
	})
}
