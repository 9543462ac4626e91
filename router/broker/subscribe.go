package broker

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// subscription is one session's interest in a topic or a pattern.
type subscription struct {
	peer  *Peer
	uri   string
	match wamp.Match
	id    wamp.ID

	topic *topic // where it is listed; guarded by Broker.mu

	// mu is held while anything is written for the subscription, so that nothing comes before
	// SUBSCRIBED or after UNSUBSCRIBED.
	mu sync.Mutex
	// beginning: the reading goroutine is in Realm.Subscribe, and answers itself what is confirmed
	// meanwhile.
	beginning, confirmed bool
	ready                bool        // every replica forwards events
	ended                bool        // UNSUBSCRIBED was written, or the session is gone
	rules                *auth.Realm // the last ones that permitted asked, and their answer
	allowed              bool
	waiting              []request // to be answered when ready
	patience             session.Patience
}

// request is a SUBSCRIBE to answer.
type request struct {
	id       wamp.ID
	retained bool // with the events that are retained
}

// Subscribe handles SUBSCRIBE.
func (p *Peer) Subscribe(m *wamp.Message) {
	s := p.session
	o, err := parseSubscribe(m.Dict)
	if err != nil {
		s.Refuse(wamp.Subscribe, m.Request, wamp.ErrInvalidArgument, err.Error())
		return
	}
	if err := wamp.ValidPattern(m.URI, o.match, false); err != nil {
		s.Refuse(wamp.Subscribe, m.Request, wamp.ErrInvalidURI, err.Error())
		return
	}
	if !s.Allowed(auth.Subscribe, m.URI) {
		s.NotAuthorized(wamp.Subscribe, m.Request, auth.Subscribe, m.URI)
		return
	}
	if !p.subscribe(m.URI, o.match, request{id: m.Request, retained: o.retained}) {
		s.Refuse(wamp.Subscribe, m.Request, wamp.ErrUnavailable, fmt.Sprintf(
			"this session has %d subscriptions, and may not have more: give some back, or subscribe to a pattern instead",
			p.broker.limits.Subscriptions))
	}
}

// subscribe takes note of a subscription; a session has one for each topic and pattern. False: it
// has as many as it may have.
func (p *Peer) subscribe(uri string, match wamp.Match, r request) bool {
	id := cluster.SubscriptionID(p.broker.name, match, uri)
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.subscriptions[id]; s != nil {
		p.broker.answer(s, false, r)
		return true
	}
	if len(p.subscriptions) >= p.broker.limits.Subscriptions {
		p.broker.counts.refused.Add(1)
		return false
	}
	s := &subscription{peer: p, uri: strings.Clone(uri), match: match, id: id, waiting: []request{r}, beginning: true}
	if p.subscriptions == nil {
		p.subscriptions = map[wamp.ID]*subscription{}
	}
	p.subscriptions[id] = s
	p.broker.realm.Subscribe(cluster.Subscription{Topic: s.uri, Match: match, Session: p.session.ID},
		func(wamp.ID) { p.confirmed(s) })
	s.mu.Lock()
	s.beginning = false
	confirmed := s.confirmed
	s.mu.Unlock()
	if confirmed {
		p.broker.answer(s, true)
	}
	return true
}

// answer answers those who wait for SUBSCRIBED, when every replica forwards the events, or as soon
// as one does. What is published from the first answer on is delivered, and the lock of the
// subscription keeps it behind the answer.
func (b *Broker) answer(s *subscription, ready bool, more ...request) {
	b.retained.mu.RLock() // an event is either retained when the subscription begins, or new
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, more...)
	if ready && !s.ready && !s.ended {
		s.ready = true
		b.list(s)
	}
	var events []*cluster.Event
	if s.ready && !s.ended && slices.ContainsFunc(s.waiting, func(r request) bool { return r.retained }) {
		events = b.retained.matching(s.match, s.uri)
	}
	b.retained.mu.RUnlock()
	if !s.ready || s.ended {
		return
	}
	for _, r := range s.waiting {
		_ = s.peer.session.Send(&wamp.Message{Type: wamp.Subscribed, Request: r.id, ID: s.id})
		if r.retained {
			b.replay(s, events)
		}
	}
	s.waiting = nil
}

// Unsubscribe handles UNSUBSCRIBE.
func (p *Peer) Unsubscribe(m *wamp.Message) {
	if !p.unsubscribe(m.ID) {
		p.session.Refuse(wamp.Unsubscribe, m.Request, wamp.ErrNoSuchSubscription,
			fmt.Sprintf("this session has no subscription %d", m.ID))
		return
	}
	_ = p.session.Send(&wamp.Message{Type: wamp.Unsubscribed, Request: m.Request})
}

// Revoke takes a subscription from the client, which is told if it announced that it understands
// (WAMP advanced profile, "Subscription Revocation"). False when it has no such subscription. From
// any goroutine.
func (p *Peer) Revoke(subscription wamp.ID, reason string) bool {
	if !p.unsubscribe(subscription) {
		return false
	}
	if p.session.Has(session.SubscriberRevocation) {
		details := map[string]any{"subscription": uint64(subscription)}
		if reason != "" {
			details["reason"] = reason
		}
		_ = p.session.Send(&wamp.Message{Type: wamp.Unsubscribed, Dict: wamp.MustDict(p.session.Format(), details)})
	}
	return true
}

// Recheck revokes the subscriptions that the rules of the realm, as they are now, do not allow any
// more. From any goroutine.
func (p *Peer) Recheck() {
	role := p.session.Access.Load().Role(p.session.Identity.Role.Name)
	var lost []wamp.ID
	p.mu.Lock()
	for id, s := range p.subscriptions {
		if !role.Allows(auth.Subscribe, s.uri) {
			lost = append(lost, id)
		}
	}
	p.mu.Unlock()
	for _, id := range lost {
		p.Revoke(id, wamp.ErrNotAuthorized)
	}
}

func (p *Peer) unsubscribe(id wamp.ID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.subscriptions[id]
	if s == nil || !p.broker.end(s, false) {
		return false
	}
	delete(p.subscriptions, id)
	p.broker.realm.Unsubscribe(cluster.Subscription{Topic: s.uri, Match: s.match, Session: p.session.ID})
	return true
}

// end stops the delivery of events: when it returns true, none is on its way to the connection. A
// subscription of which the client does not know yet ends only with its session.
func (b *Broker) end(s *subscription, always bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ready && !always {
		return false
	}
	s.ended = true
	b.unlist(s)
	return true
}
