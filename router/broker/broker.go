package broker

import (
	"sync"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Realm is what the broker asks of the cluster; *cluster.Realm does it.
type Realm interface {
	Subscribe(s cluster.Subscription, done func(id wamp.ID))
	Unsubscribe(s cluster.Subscription)
	Publish(e *cluster.Event)
}

// Broker is the broker of one realm on this replica.
type Broker struct {
	name  string
	realm Realm

	// topics has those with a subscriber here. Publishers only look; what changes them holds
	// mu, which is held across the calls of Realm.Subscribe and Unsubscribe so that the
	// cluster sees them in order.
	topics sync.Map // string: *topic
	mu     sync.Mutex
}

// New makes the broker of a realm.
func New(name string, realm Realm) *Broker { return &Broker{name: name, realm: realm} }

// Peer is the broker's side of one session. Its methods belong to the goroutine that reads the
// connection.
type Peer struct {
	broker  *Broker
	session *session.Session
	event   cluster.Event // handed to the cluster, here so that it costs no allocation
	// subscriptions by id; guarded by broker.mu.
	subscriptions map[wamp.ID]*subscription
}

// Join makes the broker's side of a session.
func (b *Broker) Join(s *session.Session) *Peer {
	return &Peer{broker: b, session: s, subscriptions: map[wamp.ID]*subscription{}}
}

// Event delivers an event from another replica to the subscribers here. It never blocks.
func (b *Broker) Event(e *cluster.Event) {
	if t := b.topic(e.Topic); t != nil {
		t.deliver(e, nil)
	}
}

func (b *Broker) topic(uri string) *topic {
	if t, ok := b.topics.Load(uri); ok {
		return t.(*topic)
	}
	return nil
}
