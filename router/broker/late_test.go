package broker

import (
	"fmt"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// gatedConn takes no event until the test says so.
type gatedConn struct {
	*wamptest.Conn
	gate chan struct{}
}

func (c *gatedConn) Send(m *wamp.Message) error {
	if m.Type == wamp.Event {
		<-c.gate
	}
	return c.Conn.Send(m)
}

// Who confirms subscriptions is not held up by the retained events that one session asks for, however
// often it does; what it gets is in order all the same.
func TestRetainedEventsHoldUpNobodyElse(t *testing.T) {
	r := &realm{hold: true}
	b := newBroker(r)
	const subscriptions, events = 200, 50
	for i := range events {
		b.Keep(&cluster.Event{Topic: fmt.Sprintf("com.t%d.x", i), Stamp: uint64(i + 1), Publication: 1, Options: wamp.MustDict(wamp.JSON, retain)})
	}
	conn := wamptest.NewConn(wamp.JSON)
	gate := make(chan struct{})
	greedy := joinOver(t, b, &gatedConn{conn, gate}, conn, wamptest.Hello("realm1", wamp.JSON), role("all"))
	other, publisher := join(t, b, wamp.JSON), join(t, b, wamp.JSON)
	for i := range subscriptions {
		pattern := "com.." + map[bool]string{true: "x"}[i == 0]
		if i > 1 {
			pattern = fmt.Sprintf("com.t%d.", i%events)
		}
		greedy.subscribe(pattern, map[string]any{"match": "wildcard", "get_retained": true})
	}
	other.subscribe(topicURI, nil)
	r.confirm() // would not return if it waited for the gate
	if sent := other.conn.Sent(); len(sent) != 1 || sent[0].Type != wamp.Subscribed {
		t.Errorf("the other one was sent %v", types(sent))
	}
	close(gate)
	answered, got := 0, map[wamp.ID]int{}
	for end := time.Now().Add(wamptest.Timeout); answered < subscriptions && time.Now().Before(end); time.Sleep(time.Millisecond) {
		for _, m := range conn.Sent() {
			if m.Type == wamp.Subscribed {
				answered++
				if _, before := got[m.ID]; !before {
					got[m.ID] = 0
				}
				continue
			}
			if _, subscribed := got[m.ID]; !subscribed {
				t.Fatalf("an event of %d comes before SUBSCRIBED", m.ID)
			}
			if got[m.ID]++; wamptest.Details(m)["retained"] != true {
				t.Fatalf("%v", wamptest.Details(m))
			}
		}
	}
	if answered != subscriptions {
		t.Fatalf("%d of %d were answered", answered, subscriptions)
	}
	publisher.publish("com.new.x", nil)
	if sent := conn.Sent(); len(sent) == 0 || sent[len(sent)-1].Type != wamp.Event {
		t.Errorf("sent %v after the retained events", types(sent))
	}
}

// A session that leaves before it was answered is answered no more.
func TestLateAnswerToASessionThatLeft(t *testing.T) {
	r := &realm{hold: true}
	b := newBroker(r)
	c := join(t, b, wamp.JSON)
	c.subscribe(topicURI, getRetained)
	c.Peer.Leave()
	r.confirm()
	for end := time.Now().Add(wamptest.Timeout); c.answering() && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if sent := c.conn.Sent(); len(sent) != 0 || b.Topics() != 0 {
		t.Errorf("sent %v, %d topics", types(sent), b.Topics())
	}
}

// A permission that is taken away before a subscription is confirmed gives nothing that is retained.
func TestRetainedEventNeedsThePermissionOfTheMoment(t *testing.T) {
	r := &realm{hold: true}
	b := newBroker(r)
	b.Keep(&cluster.Event{Topic: topicURI, Stamp: 1, Publication: 1, Options: wamp.MustDict(wamp.JSON, retain)})
	c := join(t, b, wamp.JSON)
	c.subscribe(topicURI, getRetained)
	c.session.Access.Store(nil)
	r.confirm()
	for end := time.Now().Add(wamptest.Timeout); c.answering() && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if sent := c.conn.Sent(); len(sent) != 1 || sent[0].Type != wamp.Subscribed {
		t.Errorf("sent %v", types(sent))
	}
}

func (p *Peer) answering() bool {
	p.late.mu.Lock()
	defer p.late.mu.Unlock()
	return p.late.running
}

// What a full connection does not get of the retained events is counted, and not looked at.
func TestRetainedEventsStopAtAFullConnection(t *testing.T) {
	b := newBroker(&realm{})
	for i := range 20 {
		b.Keep(&cluster.Event{Topic: fmt.Sprintf("com.t%d", i), Stamp: uint64(20 - i), Publication: 1, Options: wamp.MustDict(wamp.JSON, retain)})
	}
	c := join(t, b, wamp.JSON)
	c.conn.SetFull(true)
	if sent := c.subscribe("com.", map[string]any{"match": "prefix", "get_retained": true}); len(sent) != 1 {
		t.Errorf("sent %v", types(sent))
	}
	if lost := b.Stats().Dropped["lost"]; lost != 20 {
		t.Errorf("counted %d", lost)
	}
	c.conn.SetFull(false)
	sent := c.subscribe("com.", map[string]any{"match": "prefix", "get_retained": true})
	if len(sent) != 21 || wamptest.Details(sent[1])["topic"] != "com.t19" || wamptest.Details(sent[20])["topic"] != "com.t0" {
		t.Errorf("not in the order of their stamps: %v", types(sent))
	}
}
