package router_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// recheckYAML is a realm in which a guest may do everything but what the permissions take away.
func recheckYAML(permissions ...string) string {
	content := realmYAML("realm1", everything)
	for _, p := range permissions {
		content = strings.Replace(content, "---\n", "        - "+p+"\n---\n", 1)
	}
	return content
}

// A permission that is taken away takes with it what was subscribed and registered by it, on every
// replica, and what is still allowed stays.
func TestRevokedPermissionEndsWhatItAllowed(t *testing.T) {
	docs := filepath.Join(t.TempDir(), "docs.yaml")
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(docs+".next", []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(docs+".next", docs); err != nil {
			t.Fatal(err)
		}
	}
	write(recheckYAML())
	dev := start(t, 3, func(c *router.DevConfig) { c.Documents = []string{filepath.Dir(docs)} })
	type client struct {
		*wamptest.Client
		lost                  wamp.ID
		lostEvents, keptEvent <-chan *wamptest.Message
		over                  chan *wamptest.Message
		registration          wamp.ID
	}
	var clients []*client
	for i := range 3 {
		c := &client{Client: join(t, dev, i), lostEvents: make(chan *wamptest.Message), over: make(chan *wamptest.Message, 8)}
		c.On(wamp.Unsubscribed, func(m *wamptest.Message) { c.over <- m })
		c.On(wamp.Unregistered, func(m *wamptest.Message) { c.over <- m })
		events := make(chan *wamptest.Message, 8)
		c.lostEvents = events
		var err error
		if c.lost, err = c.Subscribe("com.lost.news", func(m *wamptest.Message) { events <- m }); err != nil {
			t.Fatal(err)
		}
		c.keptEvent = c.Listen("com.kept.news", nil)
		if c.registration, err = c.Register("com.lost.add", map[string]any{"invoke": "roundrobin"}, func(m *wamptest.Message) { c.Yield(m) }); err != nil {
			t.Fatal(err)
		}
		clients = append(clients, c)
	}
	publisher := join(t, dev, 0)
	if _, err := publisher.Publish("com.lost.news", nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range clients {
		receive(t, c.lostEvents)
	}
	write(recheckYAML(`{uri: com.lost, match: prefix, allow: [publish, call]}`))
	for i, c := range clients {
		said := map[string]any{}
		for range 2 {
			m := receive(t, c.over)
			d := wamptest.Details(m)
			if m.Request != 0 || d["reason"] != wamp.ErrNotAuthorized {
				t.Errorf("replica %d: told %v %v", i, m.Type, d)
			}
			for _, key := range []string{"subscription", "registration"} {
				if id, ok := d[key]; ok {
					said[key] = id
				}
			}
		}
		if said["subscription"] != int64(c.lost) || said["registration"] != int64(c.registration) {
			t.Errorf("replica %d: %v was revoked, want subscription %d and registration %d", i, said, c.lost, c.registration)
		}
	}
	for _, topic := range []string{"com.lost.news", "com.kept.news"} {
		if _, err := publisher.Publish(topic, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range clients {
		receive(t, c.keptEvent)
		wamptest.Nothing(t, c.lostEvents)
	}
	eventually(t, "no callee is left", func() bool {
		_, err := publisher.Call("com.lost.add")
		return wamptest.URI(err) == wamp.ErrNoSuchProcedure
	})
	write(recheckYAML())
	eventually(t, "subscribing again is allowed", func() bool {
		_, err := clients[0].Subscribe("com.lost.news", func(*wamptest.Message) {})
		return err == nil
	})
}
