package router_test

import (
	"testing"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

const topic = "com.example.news"

func TestEventsReachEverySubscriberInOrder(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		const events = 500
		formats := []wamp.Format{wamp.MessagePack, wamp.JSON, wamp.CBOR}
		var received []chan *wamptest.Message
		for i := range 4 {
			c := wamptest.Join(t, rawsocket(dev.Routers[i%len(dev.Routers)]), "realm1", formats[i%3])
			got := make(chan *wamptest.Message, events)
			received = append(received, got)
			if _, err := c.Subscribe(topic, func(m *wamptest.Message) { got <- m }); err != nil {
				t.Fatal(err)
			}
		}
		publisher := join(t, dev, 1)
		var last wamp.ID
		for i := range events {
			options := map[string]any{"acknowledge": i == events-1}
			var err error
			if i == events-1 {
				last, err = publisher.Publish(topic, options, i)
			} else {
				err = publisher.Tell(topic, i)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		for n, got := range received {
			for i := range events {
				m := receive(t, got)
				if m.Args[0] != int64(i) {
					t.Fatalf("subscriber %d got event %v, want %d", n, m.Args[0], i)
				}
				if i == events-1 && m.Publication != last {
					t.Errorf("subscriber %d: publication %d, want %d", n, m.Publication, last)
				}
			}
		}
	})
}

func receive(t *testing.T, from <-chan *wamptest.Message) *wamptest.Message {
	t.Helper()
	return wamptest.Receive(t, from)
}

func TestPublisherIsExcludedUnlessItAsks(t *testing.T) {
	dev := start(t, 1)
	c := join(t, dev, 0)
	got := make(chan *wamptest.Message, 2)
	if _, err := c.Subscribe(topic, func(m *wamptest.Message) { got <- m }); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Publish(topic, nil, "unseen"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Publish(topic, map[string]any{"exclude_me": false}, "seen"); err != nil {
		t.Fatal(err)
	}
	if m := receive(t, got); m.Args[0] != "seen" {
		t.Errorf("got %v", m.Args)
	}
}

func TestUnsubscribe(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		c, publisher := join(t, dev, 0), join(t, dev, 1)
		got := make(chan *wamptest.Message, 1)
		handle := func(m *wamptest.Message) { got <- m }
		id, err := c.Subscribe(topic, handle)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := c.Subscribe(topic, handle); err != nil || again != id {
			t.Errorf("SUBSCRIBE again: %d, %v; want %d", again, err, id)
		}
		if err := c.Unsubscribe(id); err != nil {
			t.Fatal(err)
		}
		if err := c.Unsubscribe(id); wamptest.URI(err) != wamp.ErrNoSuchSubscription {
			t.Errorf("UNSUBSCRIBE twice: %v", err)
		}
		if _, err := publisher.Publish(topic, nil, "nobody"); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Subscribe(topic, handle); err != nil {
			t.Fatal(err)
		}
		if _, err := publisher.Publish(topic, nil, "somebody"); err != nil {
			t.Fatal(err)
		}
		if m := receive(t, got); m.Args[0] != "somebody" {
			t.Errorf("got %v", m.Args)
		}
	})
}

func TestPubSubArguments(t *testing.T) {
	dev := start(t, 1)
	c := join(t, dev, 0)
	if _, err := c.Subscribe("com..x", nil); wamptest.URI(err) != wamp.ErrInvalidURI {
		t.Errorf("SUBSCRIBE with a bad URI: %v", err)
	}
	if _, err := c.Publish("wamp.x", nil); wamptest.URI(err) != wamp.ErrInvalidURI {
		t.Errorf("PUBLISH to the protocol's own: %v", err)
	}
	m := &wamp.Message{Type: wamp.Subscribe, URI: "com.x", Dict: wamp.MustDict(wamp.MessagePack, map[string]any{"match": "regex"})}
	if _, err := c.Await(c.Start(m)); wamptest.URI(err) != wamp.ErrInvalidArgument {
		t.Errorf("SUBSCRIBE by a match that does not exist: %v", err)
	}
}

// A subscriber that reads nothing does not stop its publisher, and costs bounded memory: it is
// dropped at the limit.
func TestStuckSubscriberIsDropped(t *testing.T) {
	dev := start(t, 1, func(c *router.DevConfig) { c.Limits.SoftLimit, c.Limits.HardLimit = 64<<10, 256<<10 })
	stuck := dial(t, dev.Routers[0], wamp.MessagePack)
	_ = stuck.Send(wamptest.Hello("realm1", wamp.MessagePack))
	_ = stuck.Send(&wamp.Message{Type: wamp.Subscribe, Request: 1, URI: topic})
	for wamptest.Read(t, stuck).Type != wamp.Subscribed {
	}
	healthy, publisher := join(t, dev, 0), join(t, dev, 0)
	got := make(chan *wamptest.Message, 4096)
	if _, err := healthy.Subscribe(topic, func(m *wamptest.Message) { got <- m }); err != nil {
		t.Fatal(err)
	}
	blob := make([]byte, 32<<10)
	sent := 0
	for dev.Routers[0].State().Sessions == 3 {
		if sent++; sent > 2000 {
			t.Fatal("64 MB were published and the stuck subscriber is still there")
		}
		if _, err := publisher.Publish(topic, nil, blob); err != nil {
			t.Fatal(err)
		}
	}
	for range sent {
		receive(t, got)
	}
}
