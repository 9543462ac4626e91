package broker

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// subscriberRoom is how long a publisher waits, once, for a subscriber that is slow to take its
// events. One that stays slow is dropped by the limits of its connection.
const subscriberRoom = 250 * time.Millisecond

// Subscribe handles SUBSCRIBE.
func (p *Peer) Subscribe(m *wamp.Message) {
	s, request := p.session, m.Request
	if err := matchOption(m.Dict); err != nil {
		s.Refuse(wamp.Subscribe, request, wamp.ErrInvalidArgument, err.Error())
		return
	}
	if err := wamp.ValidURI(m.URI, false); err != nil {
		s.Refuse(wamp.Subscribe, request, wamp.ErrInvalidURI, err.Error())
		return
	}
	if !s.Allowed(auth.Subscribe, m.URI) {
		s.NotAuthorized(wamp.Subscribe, request, auth.Subscribe, m.URI)
		return
	}
	sub := p.broker.subscribe(p, m.URI)
	id := sub.topic.id
	sub.topic.whenReady(func() {
		sub.topic.add(sub, func() {
			_ = s.Send(&wamp.Message{Type: wamp.Subscribed, Request: request, ID: id})
		})
	})
}

// subscribe takes note of a subscription; a session has one per topic.
func (b *Broker) subscribe(p *Peer, uri string) *subscription {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.topic(uri)
	if t == nil {
		uri = strings.Clone(uri)
		t = &topic{uri: uri, id: cluster.SubscriptionID(b.name, cluster.Exact, uri)}
		b.topics.Store(uri, t)
		b.realm.Subscribe(cluster.Subscription{Topic: uri, Session: p.session.ID}, func(wamp.ID) { t.ready() })
	}
	sub := p.subscriptions[t.id]
	if sub == nil {
		sub = &subscription{peer: p, topic: t}
		p.subscriptions[t.id] = sub
		t.members++
	}
	return sub
}

// Unsubscribe handles UNSUBSCRIBE.
func (p *Peer) Unsubscribe(m *wamp.Message) {
	p.broker.mu.Lock()
	sub := p.subscriptions[m.ID]
	if sub != nil {
		p.broker.end(sub)
	}
	p.broker.mu.Unlock()
	if sub == nil {
		p.session.Refuse(wamp.Unsubscribe, m.Request, wamp.ErrNoSuchSubscription,
			fmt.Sprintf("this session has no subscription %d", m.ID))
		return
	}
	_ = p.session.Send(&wamp.Message{Type: wamp.Unsubscribed, Request: m.Request})
}

// end forgets a subscription, and the topic with the last one. Called with mu held.
func (b *Broker) end(sub *subscription) {
	t := sub.topic
	delete(sub.peer.subscriptions, t.id)
	t.remove(sub)
	if t.members--; t.members == 0 {
		b.topics.Delete(t.uri)
		b.realm.Unsubscribe(cluster.Subscription{Topic: t.uri, Session: sub.peer.session.ID})
	}
}

// Leave ends every subscription of the session.
func (p *Peer) Leave() {
	p.broker.mu.Lock()
	defer p.broker.mu.Unlock()
	for _, sub := range p.subscriptions {
		p.broker.end(sub)
	}
}

// Topics is the number of topics with a subscriber on this replica.
func (b *Broker) Topics() (n int) {
	for range b.topics.Range {
		n++
	}
	return n
}

// Publish handles PUBLISH.
func (p *Peer) Publish(m *wamp.Message) {
	s := p.session
	acknowledge, except := false, p
	if len(m.Dict.Raw) > 1 {
		acknowledge, _ = m.Dict.Bool("acknowledge")
		if exclude, ok := m.Dict.Bool("exclude_me"); ok && !exclude {
			except = nil
		}
	}
	refuse := func(uri, sentence string) {
		if acknowledge { // else the publisher does not want to know (WAMP basic profile, "PUBLISH")
			s.Refuse(wamp.Publish, m.Request, uri, sentence)
		}
	}
	if err := topicURI(m.URI); err != nil {
		refuse(wamp.ErrInvalidURI, err.Error())
		return
	}
	if !s.Allowed(auth.Publish, m.URI) {
		if acknowledge {
			s.NotAuthorized(wamp.Publish, m.Request, auth.Publish, m.URI)
		}
		return
	}
	p.event = cluster.Event{Topic: m.URI, Publication: wamp.RandomID(), Payload: m.Payload}
	var slow *subscription
	if t := p.broker.topic(m.URI); t != nil {
		slow = t.deliver(&p.event, except)
	}
	p.broker.realm.Publish(&p.event)
	if acknowledge {
		_ = s.Send(&wamp.Message{Type: wamp.Published, Request: m.Request, ID: p.event.Publication})
	}
	if slow != nil {
		slow.patience.Wait(s.Context(), slow.peer.session, subscriberRoom)
	}
}

// matchOption reads SUBSCRIBE.Options. Only exact subscriptions are served.
func matchOption(options wamp.Dict) error {
	value, ok := options.Get("match")
	if !ok {
		return nil
	}
	match, ok := value.Str()
	if !ok {
		return errors.New("option match must be a string, not " + value.Kind())
	}
	if match != "exact" {
		return errors.New("match " + strconv.Quote(match) + " is not served: use exact")
	}
	return nil
}

// topicURI checks the URI of a topic that a client publishes to.
func topicURI(uri string) error {
	if err := wamp.ValidURI(uri, false); err != nil {
		return err
	}
	if uri == "wamp" || strings.HasPrefix(uri, "wamp.") {
		return errors.New("topics that begin with wamp. belong to the protocol: begin with a domain of your own")
	}
	return nil
}
