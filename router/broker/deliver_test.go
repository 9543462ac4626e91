package broker

import (
	"errors"
	"math"
	"testing"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/transport"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// An event is encoded once for each serialization: each subscriber must get its own nevertheless, with
// the subscription id and details of its own.
func TestEverySerializationGetsTheSameEvent(t *testing.T) {
	for _, from := range wamp.Formats {
		b := newBroker(&realm{})
		publisher := join(t, b, from)
		var all []*joined
		for i := range 9 {
			c := join(t, b, wamp.Formats[i%3])
			c.listen(topicURI, nil)
			c.listen("com.example", map[string]any{"match": "prefix"})
			c.listen("com..news", map[string]any{"match": "wildcard"})
			all = append(all, c)
		}
		for range 2 { // the second in buffers that were used
			publisher.publish(topicURI, map[string]any{"disclose_me": true}, "text", 7, []byte{1, 0xff}, 1.5)
			for _, c := range all {
				sent := c.conn.Sent()
				if len(sent) != 3 {
					t.Fatalf("%v: %d events", from, len(sent))
				}
				seen := map[wamp.ID]bool{}
				for _, m := range sent {
					d := wamptest.Details(m)
					exact := m.ID == cluster.SubscriptionID("realm1", wamp.Exact, topicURI)
					if d["publisher"] != int64(publisher.session.ID) || exact != (d["topic"] == nil) || !exact && d["topic"] != topicURI {
						t.Errorf("%v to %v: details %v", from, c.session.Format(), d)
					}
					if m.Args[0] != "text" || m.Args[1] != int64(7) || string(m.Args[2].([]byte)) != "\x01\xff" || m.Args[3] != 1.5 {
						t.Errorf("%v to %v: arguments %v", from, c.session.Format(), m.Args)
					}
					seen[m.ID] = true
				}
				if len(seen) != 3 {
					t.Errorf("subscriptions %v", seen)
				}
			}
		}
	}
}

// One that cannot take an event does not keep it from the others, and is counted.
func TestEventsThatCannotBeSaid(t *testing.T) {
	b := newBroker(&realm{})
	strict, able, publisher := join(t, b, wamp.JSON), join(t, b, wamp.MessagePack), join(t, b, wamp.MessagePack)
	strict.listen(topicURI, nil)
	able.listen(topicURI, nil)
	publisher.publish(topicURI, nil, math.Inf(1))
	if sent := strict.conn.Sent(); len(sent) != 0 {
		t.Errorf("JSON got %v", types(sent))
	}
	if sent := able.conn.Sent(); len(sent) != 1 {
		t.Errorf("MessagePack got %v", types(sent))
	}
	if s := b.Stats(); s.Dropped["unrepresentable"] != 1 || s.Delivered != 1 {
		t.Errorf("counted %+v", s)
	}
	if reasonOf(transport.ErrTooLarge) != TooLarge || reasonOf(errors.New("x")) != Lost {
		t.Error("reasons are mixed up")
	}
}

// What another replica hands over is delivered by the wishes that travel with it.
func TestEventFromAnotherReplica(t *testing.T) {
	r := &realm{}
	there, here := newBroker(r), newBroker(&realm{})
	publisher := joinAs(t, there, wamp.JSON, role("sender"))
	guest, admin := joinAs(t, here, wamp.CBOR, role("guest")), joinAs(t, here, wamp.CBOR, role("admin"))
	guest.listen(topicURI, nil)
	admin.listen(topicURI, nil)
	publisher.publish(topicURI, map[string]any{"eligible_authrole": []any{"admin"}, "exclude_authid": []any{"nobody"}, "acknowledge": true}, "secret")
	if len(r.published) != 1 || r.published[0].Everywhere {
		t.Fatalf("published %v", r.published)
	}
	here.Event(&r.published[0])
	if sent := guest.conn.Sent(); len(sent) != 0 {
		t.Errorf("the guest got %v", types(sent))
	}
	if sent := admin.conn.Sent(); len(sent) != 1 || sent[0].Publication != r.published[0].Publication {
		t.Errorf("the admin got %v", types(sent))
	}
	here.Event(&cluster.Event{Topic: topicURI, Options: wamp.MustDict(wamp.JSON, map[string]any{"exclude": "nonsense"})})
	if sent := admin.conn.Sent(); len(sent) != 0 {
		t.Errorf("an event whose audience nobody understands went to %v", types(sent))
	}
}

// The race detector makes pools forget now and then; a subscriber must cost nothing nevertheless.
func TestSubscribersCostNoAllocation(t *testing.T) {
	b := New(Config{Name: "realm1", Realm: &silent{}})
	for range 50 {
		bareJoin(t, b, wamp.MessagePack).listen(topicURI, nil)
	}
	publisher := bareJoin(t, b, wamp.MessagePack)
	m := &wamp.Message{Type: wamp.Publish, URI: topicURI, Payload: wamp.MustPayload(wamp.MessagePack, []any{"x"}, nil)}
	publisher.Publish(m)
	if n := testing.AllocsPerRun(100, func() { publisher.Publish(m) }); n >= 10 {
		t.Errorf("%v allocations for an event to 50 subscribers", n)
	}
}
