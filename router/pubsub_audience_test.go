package router_test

import (
	"testing"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Who may have an event is the same wherever the subscribers are connected.
func TestSubscriberBlackAndWhitelisting(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		publisher := join(t, dev, 0)
		var clients []*wamptest.Client
		var inboxes []<-chan *wamptest.Message
		for i := range 3 {
			c := join(t, dev, i)
			clients, inboxes = append(clients, c), append(inboxes, c.Listen(topic, nil))
		}
		id := func(i int) uint64 { return uint64(clients[i].ID) }
		name := func(i int) any { return clients[i].Welcome["authid"] }
		role := clients[0].Welcome["authrole"]
		for _, c := range []struct {
			options map[string]any
			want    [3]bool
		}{
			{map[string]any{}, [3]bool{true, true, true}},
			{map[string]any{"exclude": []any{id(0), id(1)}}, [3]bool{false, false, true}},
			{map[string]any{"eligible": []any{id(1), uint64(77)}}, [3]bool{false, true, false}},
			{map[string]any{"eligible": []any{}}, [3]bool{}},
			{map[string]any{"eligible": []any{id(1), id(2)}, "exclude": []any{id(1)}}, [3]bool{false, false, true}},
			{map[string]any{"exclude_authid": []any{name(2)}}, [3]bool{true, true, false}},
			{map[string]any{"eligible_authid": []any{name(0), name(2)}}, [3]bool{true, false, true}},
			{map[string]any{"exclude_authrole": []any{role}}, [3]bool{}},
			{map[string]any{"eligible_authrole": []any{role}, "exclude_authid": []any{name(0)}}, [3]bool{false, true, true}},
			{map[string]any{"eligible_authrole": []any{"another"}}, [3]bool{}},
		} {
			publication, err := publisher.Publish(topic, c.options)
			if err != nil {
				t.Fatalf("%v: %v", c.options, err)
			}
			end, err := publisher.Publish(topic, nil, "the end")
			if err != nil {
				t.Fatal(err)
			}
			for i, inbox := range inboxes {
				m := receive(t, inbox)
				if got := m.Publication == publication; got != c.want[i] {
					t.Errorf("%v: client %d got it: %v", c.options, i, got)
				}
				if m.Publication != end && receive(t, inbox).Publication != end {
					t.Errorf("%v: client %d got more", c.options, i)
				}
			}
		}
	})
}

func TestPublishOptionsOfTheWrongType(t *testing.T) {
	dev := start(t, 1)
	c, publisher := join(t, dev, 0), join(t, dev, 0)
	got := c.Listen(topic, nil)
	for _, options := range []map[string]any{
		{"exclude": 7}, {"exclude": []any{"x"}}, {"eligible": []any{-1}}, {"eligible_authid": "x"},
		{"exclude_authrole": []any{1}}, {"exclude_me": "no"}, {"disclose_me": 1}, {"retain": "x"}, {"acknowledge": "yes"},
		{"ppt_serializer": "cbor"}, {"ppt_scheme": 1},
	} {
		if _, err := publisher.Publish(topic, options); wamptest.URI(err) != wamp.ErrInvalidArgument {
			t.Errorf("%v: %v", options, err)
		}
	}
	if _, err := publisher.Publish(topic, nil, "good"); err != nil || receive(t, got).Args[0] != "good" {
		t.Errorf("an event in order: %v", err)
	}
}
