package wamptest

import (
	"testing"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// SubscribeWith subscribes with options.
func (c *Client) SubscribeWith(topic string, options map[string]any, handle func(*Message)) (wamp.ID, error) {
	c.t.Helper()
	m := &wamp.Message{Type: wamp.Subscribe, Dict: c.dict(options), URI: topic}
	got, err := c.Await(c.start(m, func(got *Message) { c.events[got.ID] = handle }))
	if err != nil {
		return 0, err
	}
	return got.ID, nil
}

// Listen subscribes with options and gives what comes.
func (c *Client) Listen(topic string, options map[string]any) <-chan *Message {
	c.t.Helper()
	got := make(chan *Message, 4096)
	if _, err := c.SubscribeWith(topic, options, func(m *Message) { got <- m }); err != nil {
		c.t.Fatalf("subscribing to %s: %v", topic, err)
	}
	return got
}

// CallWith calls a procedure with keyword arguments.
func (c *Client) CallWith(uri string, args []any, kwargs map[string]any) (*Message, error) {
	c.t.Helper()
	return c.Await(c.Start(&wamp.Message{Type: wamp.Call, URI: uri, Payload: wamp.MustPayload(c.conn.Format(), args, kwargs)}))
}

// Nothing fails the test when a message has come.
func Nothing(t testing.TB, from <-chan *Message) {
	t.Helper()
	select {
	case m := <-from:
		t.Errorf("an unwanted %v came: %v %v", m.Type, Details(m), m.Args)
	default:
	}
}
