package cluster

import (
	"context"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// publishWait bounds how long a publisher waits for room on the link to another replica.
const publishWait = 10 * time.Second

// Subscribe tells the other replicas of a subscription. Done is called when every live replica
// forwards events here.
func (r *Realm) Subscribe(s Subscription, done func(subscription wamp.ID)) {
	id := SubscriptionID(r.name, s.Match, s.Topic)
	r.node.step(func(m *machine) {
		k := listKey{Realm: r.name, URI: s.Topic, Match: s.Match}
		if _, ok := m.own.entries[k]; !ok {
			m.insertOwn(listEntry{Key: k}, nil)
		}
		m.confirm(func() { done(id) })
		m.settle()
	})
}

// Unsubscribe takes that back.
func (r *Realm) Unsubscribe(s Subscription) {
	r.node.step(func(m *machine) {
		m.removeOwn(listKey{Realm: r.name, URI: s.Topic, Match: s.Match})
		m.settle()
	})
}

// Publish sends an event to the other replicas that have subscribers of its topic, in the
// order of the calls. Where a link is full it blocks until there is room, 10 s at most.
func (r *Realm) Publish(e *Event) {
	members, _ := r.node.table.topics.get(SubscriptionID(r.name, Exact, e.Topic))
	if len(members) == 0 {
		return
	}
	f := frame{
		kind: frameEvent, call: uint64(e.Publication), realm: r.name, text: e.Topic,
		details: e.Details, Payload: e.Payload,
	}
	for _, m := range members {
		if m.full() {
			ctx, cancel := context.WithTimeout(context.Background(), publishWait)
			_ = (*m.link.Load()).WaitRoom(ctx) // a link that has no room by then breaks by itself
			cancel()
		}
		m.send(&f)
	}
}

func (f *frame) event() *Event {
	return &Event{Topic: f.text, Publication: wamp.ID(f.call), Details: f.details, Payload: f.Payload}
}
