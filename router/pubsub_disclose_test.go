package router_test

import (
	"testing"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

func TestPublisherIdentification(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		c, publisher := join(t, dev, 0), join(t, dev, 1)
		got, pattern := c.Listen(topic, nil), c.Listen("com.", byPrefix)
		if _, err := publisher.Publish(topic, map[string]any{"disclose_me": true}); err != nil {
			t.Fatal(err)
		}
		for _, inbox := range []<-chan *wamptest.Message{got, pattern} {
			d := wamptest.Details(receive(t, inbox))
			if d["publisher"] != int64(publisher.ID) || d["publisher_authid"] != publisher.Welcome["authid"] || d["publisher_authrole"] != publisher.Welcome["authrole"] {
				t.Errorf("EVENT.Details %v", d)
			}
		}
		if _, err := publisher.Publish(topic, nil); err != nil {
			t.Fatal(err)
		}
		if d := wamptest.Details(receive(t, got)); len(d) != 0 {
			t.Errorf("EVENT.Details %v of a publisher that does not want to be known", d)
		}
	})
}

// The role must be allowed to disclose itself; its trust level is told without being asked.
func TestDisclosureIsForThoseWhoMay(t *testing.T) {
	dev := &router.Dev{Routers: []*router.Router{serve(t, narrowDocument).router}}
	c, publisher := join(t, dev, 0), join(t, dev, 0)
	got, open := c.Listen(topic, nil), c.Listen("com.example.open.a", nil)
	me := map[string]any{"disclose_me": true}
	if _, err := publisher.Publish(topic, me); wamptest.URI(err) != wamp.ErrOptionDisallowedDiscloseMe {
		t.Errorf("disclose_me where the role may not: %v", err)
	}
	if _, err := publisher.Publish("com.example.open.a", me); err != nil {
		t.Fatal(err)
	}
	if d := wamptest.Details(receive(t, open)); d["publisher"] != int64(publisher.ID) || d["trustlevel"] != int64(3) {
		t.Errorf("EVENT.Details %v", d)
	}
	wamptest.Nothing(t, got)
}

func TestPublicationTrustLevels(t *testing.T) {
	dev := &router.Dev{Routers: []*router.Router{serve(t, narrowDocument).router}}
	c, publisher := join(t, dev, 0), join(t, dev, 0)
	got := c.Listen(topic, nil)
	if _, err := publisher.Publish(topic, nil); err != nil {
		t.Fatal(err)
	}
	if d := wamptest.Details(receive(t, got)); len(d) != 1 || d["trustlevel"] != int64(3) {
		t.Errorf("EVENT.Details %v", d)
	}
}
