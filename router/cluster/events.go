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
		k := r.subscriptionKey(s)
		if _, ok := m.ownEntry(k); !ok {
			m.insertOwn(listEntry{Key: k, Stamp: uint64(m.now.UnixMicro())}, nil)
		}
		m.confirm(func() { done(id) })
		m.settle()
	})
}

// Unsubscribe takes that back.
func (r *Realm) Unsubscribe(s Subscription) {
	r.node.step(func(m *machine) {
		m.removeOwn(r.subscriptionKey(s))
		m.settle()
	})
}

func (r *Realm) subscriptionKey(s Subscription) listKey {
	return listKey{Kind: entrySubscription, Realm: r.name, URI: s.Topic, Match: s.Match, Session: s.Session}
}

// Publish sends an event to the other replicas that have subscribers of its topic, or to all of
// them, in the order of the calls. Where a link is full it blocks until there is room, 10 s at
// most, and then while a subscriber elsewhere is slow to take its events, a second at most.
func (r *Realm) Publish(e *Event) {
	var to []*member
	if e.Everywhere {
		to = r.node.table.allMembers()
	} else {
		to = r.node.table.topics.receivers(r.name, e.Topic)
	}
	if len(to) == 0 {
		return
	}
	f := e.frame(frameEvent, r.name)
	for _, m := range to {
		if m != r.node.self {
			m.awaitRoom()
			m.send(&f)
		}
	}
	r.node.crowded.wait(topicKey{r.name, e.Topic})
}

// awaitRoom waits while the link to a member is full.
func (m *member) awaitRoom() {
	if m.full() {
		ctx, cancel := context.WithTimeout(context.Background(), publishWait)
		_ = (*m.link.Load()).WaitRoom(ctx) // a link that has no room by then breaks by itself
		cancel()
	}
}

// AskKept asks the other replicas for the events of the realm that they keep; Host.Keep takes
// them. It is asked again of each replica that is met later.
func (r *Realm) AskKept() {
	r.node.step(func(m *machine) {
		if !m.keeps[r.name] {
			m.keeps[r.name] = true
			m.broadcast(&want{Realm: r.name})
		}
	})
}

// sendKept answers.
func (n *Node) sendKept(w wanted) {
	n.host.Kept(w.realm, func(e *Event) bool {
		f := e.frame(frameKeep, w.realm)
		w.by.awaitRoom()
		return w.by.send(&f)
	})
}

func (e *Event) frame(kind frameKind, realm string) frame {
	return frame{
		kind: kind, call: uint64(e.Publication), stamp: e.Stamp, realm: realm, text: e.Topic,
		details: e.Details, options: e.Options, Payload: e.Payload,
	}
}

func (f *frame) event() *Event {
	return &Event{
		Topic: f.text, Publication: wamp.ID(f.call), Stamp: f.stamp, Details: f.details, Options: f.options, Payload: f.Payload,
	}
}
