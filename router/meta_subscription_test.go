package router_test

import (
	"fmt"
	"testing"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

func TestSubscriptionMetaProcedures(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		var sessions []wamp.ID
		var exact wamp.ID
		subscribe := func(c *wamptest.Client, topic string, options map[string]any) wamp.ID {
			id, err := c.SubscribeWith(topic, options, nil)
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		for i := range 3 {
			c := join(t, dev, i)
			exact, sessions = subscribe(c, topic, nil), append(sessions, c.ID)
		}
		other := join(t, dev, 1)
		prefix, wildcard := subscribe(other, "com.", byPrefix), subscribe(other, "com..news", byWildcard)
		for i := range dev.Routers {
			c := join(t, dev, i)
			list := call(t, c, "wamp.subscription.list", nil, nil).(map[string]any)
			if !same(list["exact"], ids(exact)) || !same(list["prefix"], ids(prefix)) || !same(list["wildcard"], ids(wildcard)) {
				t.Errorf("list %v", list)
			}
			for name, x := range map[string]struct {
				procedure string
				args      []any
				want      any
			}{
				"lookup":          {"lookup", []any{topic}, int64(exact)},
				"lookup prefix":   {"lookup", []any{"com.", byPrefix}, int64(prefix)},
				"lookup wildcard": {"lookup", []any{"com..news", byWildcard}, int64(wildcard)},
				"lookup nothing":  {"lookup", []any{"com.example.other"}, nil},
				"match nothing":   {"match", []any{"org.example"}, nil},
				"count":           {"count_subscribers", []any{uint64(exact)}, int64(3)},
			} {
				m, err := c.CallWith("wamp.subscription."+x.procedure, x.args, nil)
				if err != nil || len(m.Args) != 1 || m.Args[0] != x.want {
					t.Errorf("%s: %+v, %v, want %v", name, m, err, x.want)
				}
			}
			if got := call(t, c, "wamp.subscription.match", []any{topic}, nil); !same(got, ids(exact, prefix, wildcard)) {
				t.Errorf("match %v", got)
			}
			got := call(t, c, "wamp.subscription.list_subscribers", []any{uint64(exact)}, nil).([]any)
			for j, id := range sessions {
				if len(got) != 3 || got[j] != int64(id) {
					t.Errorf("list_subscribers %v, want %v", got, sessions)
				}
			}
			d := call(t, c, "wamp.subscription.get", []any{uint64(wildcard)}, nil).(map[string]any)
			if d["id"] != int64(wildcard) || d["uri"] != "com..news" || d["match"] != "wildcard" || d["created"] == nil {
				t.Errorf("details %v", d)
			}
			for procedure, args := range map[string][]any{"get": {5}, "list_subscribers": {5}, "count_subscribers": {5}, "remove_subscriber": {5, 5}} {
				if _, err := c.CallWith("wamp.subscription."+procedure, args, nil); wamptest.URI(err) != wamp.ErrNoSuchSubscription {
					t.Errorf("%s: %v", procedure, err)
				}
			}
		}
	})
}

func TestSubscriptionEvents(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		var watchers []*told
		for i := range 3 {
			watchers = append(watchers, watchMeta(t, join(t, dev, i), "wamp.subscription.", "com..news"))
		}
		expect := func(want ...string) {
			t.Helper()
			for _, w := range watchers {
				w.expect(t, want...)
			}
		}
		a, b := join(t, dev, 0), join(t, dev, 1)
		id, err := a.SubscribeWith("com..news", byWildcard, nil)
		if err != nil {
			t.Fatal(err)
		}
		expect(fmt.Sprint("on_create ", a.ID, " wildcard"), fmt.Sprint("on_subscribe ", a.ID))
		if _, err := b.SubscribeWith("com..news", byWildcard, nil); err != nil {
			t.Fatal(err)
		}
		expect(fmt.Sprint("on_subscribe ", b.ID))
		if _, err := b.SubscribeWith("com..news", byWildcard, nil); err != nil { // again: nothing changes
			t.Fatal(err)
		}
		if err := a.Unsubscribe(id); err != nil {
			t.Fatal(err)
		}
		expect(fmt.Sprint("on_unsubscribe ", a.ID))
		b.Kill()
		expect(fmt.Sprint("on_unsubscribe ", b.ID), fmt.Sprint("on_delete ", b.ID))
	})
}

func TestRemoveSubscriber(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		admin, goes, quiet := join(t, dev, 0), join(t, dev, 1), without(t, dev, 1, "subscriber.subscription_revocation")
		revoked := make(chan *wamptest.Message, 1)
		goes.On(wamp.Unsubscribed, func(m *wamptest.Message) { revoked <- m })
		got, gotQuiet := goes.Listen(topic, nil), quiet.Listen(topic, nil)
		id := call(t, admin, "wamp.subscription.lookup", []any{topic}, nil).(int64)
		if _, err := admin.Call("wamp.subscription.remove_subscriber", id, uint64(admin.ID)); wamptest.URI(err) != wamp.ErrNoSuchSession {
			t.Errorf("who is no subscriber: %v", err)
		}
		for _, c := range []*wamptest.Client{goes, quiet} {
			if _, err := admin.Call("wamp.subscription.remove_subscriber", id, uint64(c.ID), "com.example.enough"); err != nil {
				t.Fatal(err)
			}
		}
		d := wamptest.Details(receive(t, revoked))
		if d["subscription"] != id || d["reason"] != "com.example.enough" {
			t.Errorf("UNSUBSCRIBED.Details %v", d)
		}
		eventually(t, "nobody subscribes any more", func() bool {
			return call(t, admin, "wamp.subscription.lookup", []any{topic}, nil) == nil
		})
		if _, err := admin.Publish(topic, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := goes.Call("wamp.session.count"); err != nil {
			t.Fatal(err)
		}
		wamptest.Nothing(t, got)
		wamptest.Nothing(t, gotQuiet)
	})
}

// The protocol's own names are for the router.
func TestNobodySpeaksForTheRouter(t *testing.T) {
	c := join(t, start(t, 1), 0)
	if _, err := c.Register("wamp.session.count", nil, nil); wamptest.URI(err) != wamp.ErrInvalidURI {
		t.Errorf("REGISTER: %v", err)
	}
	if _, err := c.Publish("wamp.session.on_join", nil); wamptest.URI(err) != wamp.ErrInvalidURI {
		t.Errorf("PUBLISH: %v", err)
	}
}
