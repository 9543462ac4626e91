package broker

import (
	"fmt"
	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router/auth"
	"slices"
	"testing"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

func types(messages []*wamptest.Message) (all []string) {
	for _, m := range messages {
		all = append(all, m.Type.String())
	}
	return all
}

// A client that is told of an event before it is told of its subscription takes the router for broken.
func TestEventsWaitForSubscribed(t *testing.T) {
	r := &realm{hold: true}
	b := newBroker(r)
	c, publisher := join(t, b, wamp.JSON), join(t, b, wamp.CBOR)
	for request := wamp.ID(1); request <= 2; request++ { // the second asks while the first is not answered
		c.Subscribe(&wamp.Message{Type: wamp.Subscribe, Request: request, URI: topicURI})
	}
	publisher.publish(topicURI, nil, "too early")
	id := cluster.SubscriptionID("realm1", wamp.Exact, topicURI)
	c.Unsubscribe(&wamp.Message{Type: wamp.Unsubscribe, Request: 3, ID: id})
	if sent := c.conn.Sent(); len(sent) != 1 || sent[0].URI != wamp.ErrNoSuchSubscription {
		t.Fatalf("before the cluster confirmed: %v", types(sent))
	}
	r.confirm()
	publisher.publish(topicURI, nil, "in time")
	sent := c.conn.Sent()
	if got := types(sent); !slices.Equal(got, []string{"SUBSCRIBED", "SUBSCRIBED", "EVENT"}) || sent[0].ID != id || sent[1].Request != 2 || sent[2].Args[0] != "in time" {
		t.Fatalf("sent %v", got)
	}
	c.Subscribe(&wamp.Message{Type: wamp.Subscribe, Request: 4, URI: topicURI})
	c.Unsubscribe(&wamp.Message{Type: wamp.Unsubscribe, Request: 5, ID: id})
	publisher.publish(topicURI, nil, "too late")
	if got := types(c.conn.Sent()); !slices.Equal(got, []string{"SUBSCRIBED", "UNSUBSCRIBED"}) {
		t.Errorf("sent %v", got)
	}
	if len(r.subscribed) != 1 || len(r.unsubscribed) != 1 || b.Topics() != 0 {
		t.Errorf("the cluster was told %v, %v; %d topics are left", r.subscribed, r.unsubscribed, b.Topics())
	}
}

func TestConfirmationComesTooLate(t *testing.T) {
	r := &realm{hold: true}
	b := newBroker(r)
	c, publisher := join(t, b, wamp.JSON), join(t, b, wamp.CBOR)
	c.listen(topicURI, nil)
	c.Peer.Leave()
	r.confirm()
	publisher.publish(topicURI, nil)
	if sent := c.conn.Sent(); len(sent) != 0 || b.Topics() != 0 {
		t.Errorf("a session that is gone was sent %v; %d topics are left", types(sent), b.Topics())
	}
}

func TestSubscriptionsOfASessionAreBounded(t *testing.T) {
	b := New(Config{Name: "realm1", Realm: &realm{}, Limits: Limits{Subscriptions: 2}})
	c := join(t, b, wamp.JSON)
	for i, want := range []string{"", "", wamp.ErrUnavailable} {
		c.Subscribe(&wamp.Message{Type: wamp.Subscribe, Request: wamp.ID(i + 1), URI: fmt.Sprintf("com.example.t%d", i)})
		if sent := c.conn.Sent(); len(sent) != 1 || sent[0].URI != want {
			t.Errorf("subscription %d: %v %q", i, types(sent), sent[0].URI)
		}
	}
	c.Subscribe(&wamp.Message{Type: wamp.Subscribe, Request: 4, URI: "com.example.t0"})
	if sent := c.conn.Sent(); sent[0].Type != wamp.Subscribed {
		t.Errorf("one that it has: %v", types(sent))
	}
}

// Thousands come and go; who is left gets every event, and nothing is left of the others.
func TestManySubscribersComeAndGo(t *testing.T) {
	b := newBroker(&realm{})
	publisher := join(t, b, wamp.CBOR)
	var all []*joined
	for range 200 {
		c := join(t, b, wamp.CBOR)
		c.listen(topicURI, nil)
		c.listen("com.", map[string]any{"match": "prefix"})
		all = append(all, c)
	}
	for i, c := range all {
		if i%5 != 0 {
			c.Peer.Leave()
		}
	}
	publisher.publish(topicURI, nil)
	for i, c := range all {
		want := 0
		if i%5 == 0 {
			want = 2
		}
		if got := len(c.conn.Sent()); got != want {
			t.Errorf("subscriber %d got %d events, want %d", i, got, want)
		}
		c.Peer.Leave()
	}
	if b.Topics() != 0 || b.Wanted(topicURI) || len(b.byID) != 0 {
		t.Errorf("%d topics are left", b.Topics())
	}
	if s := b.Stats(); s.Delivered != 80 {
		t.Errorf("counted %d events", s.Delivered)
	}
}

func TestRevokedSubscriptionIsOver(t *testing.T) {
	b := newBroker(&realm{})
	c, publisher := join(t, b, wamp.JSON), join(t, b, wamp.CBOR)
	id := c.listen(topicURI, nil)
	if !c.Revoke(id, "") || c.Revoke(id, "") {
		t.Error("revoked not at all, or twice")
	}
	publisher.publish(topicURI, nil)
	sent := c.conn.Sent()
	if len(sent) != 1 || sent[0].Type != wamp.Unsubscribed || sent[0].Request != 0 || wamptest.Details(sent[0])["subscription"] != int64(id) {
		t.Errorf("sent %v", types(sent))
	}
	if !c.session.Has(session.SubscriberRevocation) {
		t.Error("the test client announces less than it should")
	}
}

// An event does not reach a subscription that the rules of the moment do not allow, whether it was
// revoked already or not, and one that they allow again is what it was.
func TestSubscriptionIsBoundToTheRulesOfTheMoment(t *testing.T) {
	b := newBroker(&realm{})
	c, publisher := join(t, b, wamp.JSON), join(t, b, wamp.CBOR)
	id := c.listen(topicURI, nil)
	all := c.session.Access.Load()
	none := auth.Compile(&v1alpha1.WampRealm{Spec: v1alpha1.WampRealmSpec{Roles: []v1alpha1.Role{
		role("all", allow(v1alpha1.PatternPrefix, "", v1alpha1.ActionPublish)),
	}}})
	for i, rules := range []*auth.Realm{all, none, nil, all} {
		c.session.Access.Store(rules)
		publisher.publish(topicURI, nil)
		if got, want := len(c.conn.Sent()), rules == all; (got == 1) != want || got > 1 {
			t.Errorf("with rules %d: %d events", i, got)
		}
	}
	c.Recheck()
	if sent := c.conn.Sent(); len(sent) != 0 {
		t.Errorf("sent %v for a subscription that is allowed", types(sent))
	}
	c.session.Access.Store(none)
	c.Recheck()
	sent := c.conn.Sent()
	if len(sent) != 1 || sent[0].Type != wamp.Unsubscribed {
		t.Fatalf("sent %v", types(sent))
	}
	if d := wamptest.Details(sent[0]); d["subscription"] != int64(id) || d["reason"] != wamp.ErrNotAuthorized {
		t.Errorf("told %v", d)
	}
}
