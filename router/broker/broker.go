package broker

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/pattern"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Realm is what the broker asks of the cluster; *cluster.Realm does it.
type Realm interface {
	Subscribe(s cluster.Subscription, done func(id wamp.ID))
	Unsubscribe(s cluster.Subscription)
	Publish(e *cluster.Event)
	SetTestament(t cluster.Testament)
	RemoveTestament(session wamp.ID, number uint64)
}

// Config is what the broker of one realm on one replica needs.
type Config struct {
	// Name of the realm.
	Name  string
	Realm Realm
	// Access is the current rules of the realm, for events whose publisher is gone.
	Access *atomic.Pointer[auth.Realm]
	Limits Limits
}

// Broker is the broker of one realm on this replica.
type Broker struct {
	name   string
	realm  Realm
	access *atomic.Pointer[auth.Realm]
	limits Limits

	// Subscriptions by topic; publishers only look. mu is held to change them.
	mu           sync.Mutex
	topics       sync.Map // string: *topic
	patterns     pattern.Index[*topic]
	patternCount atomic.Int32
	byID         map[wamp.ID]*topic // patterns

	retained retained
	history  atomic.Pointer[history]
	clock    clock
	counts   counts
}

// New makes the broker of a realm.
func New(c Config) *Broker {
	b := &Broker{name: c.Name, realm: c.Realm, access: c.Access, limits: c.Limits.withDefaults(), byID: map[wamp.ID]*topic{}}
	b.retained.init(b.limits, &b.counts)
	b.SetHistory(nil)
	return b
}

// Peer is the broker's side of one session. Its methods belong to the goroutine that reads the
// connection, except for Revoke and Recheck.
type Peer struct {
	broker  *Broker
	session *session.Session

	// Of the reading goroutine: what is handed to the cluster and the buffers for it, here so
	// that a publication costs no allocation.
	event   cluster.Event
	details []byte
	options []byte

	testaments testaments

	// mu is held across the calls of Realm.Subscribe and Unsubscribe, so that the cluster sees
	// those of one session in order.
	mu            sync.Mutex
	subscriptions map[wamp.ID]*subscription

	late late
}

// Join makes the broker's side of a session.
func (b *Broker) Join(s *session.Session) *Peer { return &Peer{broker: b, session: s} }

// Leave ends every subscription of the session and publishes its testaments. That the session is
// gone the cluster learns elsewhere.
func (p *Peer) Leave() {
	p.mu.Lock()
	for _, s := range p.subscriptions {
		p.broker.end(s, true)
	}
	p.subscriptions = nil
	p.mu.Unlock()
	p.publishTestaments()
}

// Event takes an event from another replica: it is delivered to the subscribers here, and kept if it
// is one to keep. It never blocks; when a subscriber is slow it returns what the publisher should wait
// for before the next event.
func (b *Broker) Event(e *cluster.Event) cluster.Waiter {
	o, err := parseOptions(e.Options)
	if err != nil {
		return nil // another replica lets nothing through that is not in order
	}
	if slow := b.pass(e, &o, nil); slow != nil && !slow.patience.Spent() {
		return slow
	}
	return nil
}

// WaitRoom implements cluster.Waiter, for publishers on other replicas. What they sent before they
// heard of it is on its way and has to be taken as well, so it may be longer than for those here.
func (s *subscription) WaitRoom(ctx context.Context) error {
	s.patience.Wait(ctx, s.peer.session, distantRoom)
	return nil
}

// Local delivers an event that the router makes itself to the subscribers here.
func (b *Broker) Local(topic string, payload wamp.Payload) {
	b.deliver(&cluster.Event{Topic: topic, Publication: wamp.RandomID(), Payload: payload}, &options{}, nil)
}
