package router_test

import (
	"testing"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

var ppt = map[string]any{"ppt_scheme": "x_mine", "ppt_serializer": "cbor", "ppt_cipher": "none", "ppt_keyid": "7"}

// without gives a client on replica i that does not announce a feature.
func without(t *testing.T, dev *router.Dev, i int, feature string) *wamptest.Client {
	t.Helper()
	hello := wamptest.HelloWith("realm1", wamp.MessagePack, map[string]any{"roles": wamptest.Roles(feature)})
	c, err := wamptest.Enter(t, dial(t, dev.Routers[i%len(dev.Routers)], wamp.MessagePack), hello, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What a router must not look at goes only to those who know what to do with it.
func TestPublishInPayloadPassthruMode(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		publisher, able := join(t, dev, 0), join(t, dev, 1)
		got := able.Listen(topic, nil)
		unable := without(t, dev, 1, "subscriber.payload_passthru_mode").Listen(topic, nil)
		if _, err := publisher.Publish(topic, ppt, []byte{1, 2, 3}); err != nil {
			t.Fatal(err)
		}
		if _, err := publisher.Publish(topic, nil, "plain"); err != nil {
			t.Fatal(err)
		}
		m := receive(t, got)
		d := wamptest.Details(m)
		for key, want := range ppt {
			if d[key] != want {
				t.Errorf("EVENT.Details.%s is %v, want %v", key, d[key], want)
			}
		}
		if string(m.Args[0].([]byte)) != "\x01\x02\x03" {
			t.Errorf("payload %v", m.Args)
		}
		if m := receive(t, unable); m.Args[0] != "plain" {
			t.Errorf("a client that did not announce it got %v", m.Args)
		}
	})
}

func TestPassthruUnannouncedIsAViolation(t *testing.T) {
	dev := start(t, 1)
	publisher := without(t, dev, 0, "publisher.payload_passthru_mode")
	if _, err := publisher.Publish(topic, ppt, []byte{1}); err == nil {
		t.Error("PUBLISHED")
	}
	if end := publisher.End(); end == nil || end.Type != wamp.Abort || end.URI != wamp.ErrProtocolViolation {
		t.Errorf("the session ended with %+v", end)
	}
}
