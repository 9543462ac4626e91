package broker

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const topicURI = "com.example.news"

// realm is a cluster that confirms at once, or when the test says so, and keeps what it is told.
type realm struct {
	mu           sync.Mutex
	hold         bool
	held         []func()
	subscribed   []cluster.Subscription
	unsubscribed []cluster.Subscription
	published    []cluster.Event
	testaments   map[uint64]cluster.Testament
}

func (r *realm) Subscribe(s cluster.Subscription, done func(wamp.ID)) {
	id := cluster.SubscriptionID("realm1", s.Match, s.Topic)
	r.mu.Lock()
	r.subscribed = append(r.subscribed, s)
	if r.hold {
		r.held = append(r.held, func() { done(id) })
		r.mu.Unlock()
		return
	}
	r.mu.Unlock()
	done(id)
}

func (r *realm) Unsubscribe(s cluster.Subscription) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unsubscribed = append(r.unsubscribed, s)
}

func (r *realm) Publish(e *cluster.Event) {
	own := *e
	own.Details, own.Options, own.Payload = e.Details.Clone(), e.Options.Clone(), e.Payload.Clone()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.published = append(r.published, own)
}

func (r *realm) SetTestament(t cluster.Testament) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.testaments == nil {
		r.testaments = map[uint64]cluster.Testament{}
	}
	r.testaments[t.Number] = t
}

func (r *realm) RemoveTestament(_ wamp.ID, number uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.testaments, number)
}

// confirm runs what was held.
func (r *realm) confirm() {
	r.mu.Lock()
	held := r.held
	r.held = nil
	r.mu.Unlock()
	for _, f := range held {
		f()
	}
}

// joined is the broker's side of a session that was admitted; the test is its reading goroutine.
type joined struct {
	*Peer
	conn *wamptest.Conn
	last wamp.ID
}

func (j *joined) Handle(*wamp.Message) {}
func (j *joined) Leave()               {}

// role is what a session may do; without permissions, everything.
func role(name string, permissions ...v1alpha1.Permission) v1alpha1.Role {
	if permissions == nil {
		permissions = []v1alpha1.Permission{allow(v1alpha1.PatternPrefix, "", v1alpha1.ActionPublish, v1alpha1.ActionSubscribe, v1alpha1.ActionDisclose)}
	}
	return v1alpha1.Role{Name: name, Permissions: permissions}
}

func allow(match v1alpha1.PatternMatch, uri string, actions ...v1alpha1.Action) v1alpha1.Permission {
	return v1alpha1.Permission{URI: uri, Match: match, Allow: actions}
}

// lobby admits one session.
type lobby struct {
	broker *Broker
	conn   *wamptest.Conn
	access atomic.Pointer[auth.Realm]
	as     v1alpha1.Role
	peer   *joined
}

func (l *lobby) Join(s *session.Session, _ session.Hello) (session.Peer, *session.Refusal) {
	l.access.Store(auth.Compile(&v1alpha1.WampRealm{Spec: v1alpha1.WampRealmSpec{
		Anonymous: &v1alpha1.AnonymousAccess{Role: l.as.Name}, Roles: []v1alpha1.Role{l.as},
	}}))
	s.ID, s.Realm, s.Access = wamp.RandomID(), "realm1", &l.access
	s.Identity = auth.Identity{AuthID: "id-of-" + l.as.Name, Role: l.access.Load().Role(l.as.Name)}
	l.peer = &joined{Peer: l.broker.Join(s), conn: l.conn}
	return l.peer, nil
}

// join gives the broker's side of an open session that announced everything.
func join(t testing.TB, b *Broker, f wamp.Format) *joined {
	t.Helper()
	return joinAs(t, b, f, role("all"))
}

func joinAs(t testing.TB, b *Broker, f wamp.Format, as v1alpha1.Role) *joined {
	t.Helper()
	conn := wamptest.NewConn(f)
	return joinOver(t, b, conn, conn, wamptest.Hello("realm1", f), as)
}

func joinOver(t testing.TB, b *Broker, over session.Conn, conn *wamptest.Conn, hello *wamp.Message, as v1alpha1.Role) *joined {
	t.Helper()
	l := &lobby{broker: b, conn: conn, as: as}
	s := session.New(t.Context(), session.Config{}, over)
	conn.FeedMessage(hello)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.Run(l)
	}()
	t.Cleanup(func() {
		conn.Hangup()
		<-ended
	})
	for !s.Open() {
		time.Sleep(50 * time.Microsecond)
	}
	conn.Sent() // WELCOME
	return l.peer
}

func newBroker(r *realm) *Broker { return New(Config{Name: "realm1", Realm: r}) }

// listen subscribes, and drops what is sent with the confirmation but the events.
func (j *joined) listen(topic string, options map[string]any) wamp.ID {
	j.last++
	j.Subscribe(&wamp.Message{Type: wamp.Subscribe, Request: j.last, URI: topic, Dict: wamp.MustDict(j.session.Format(), options)})
	j.conn.Sent()
	return cluster.SubscriptionID("realm1", wamp.Exact, topic)
}

// publish publishes and waits for nothing.
func (j *joined) publish(topic string, options map[string]any, args ...any) {
	j.last++
	j.Publish(&wamp.Message{
		Type: wamp.Publish, Request: j.last, URI: topic, Dict: wamp.MustDict(j.session.Format(), options),
		Payload: wamp.MustPayload(j.session.Format(), args, nil),
	})
}
