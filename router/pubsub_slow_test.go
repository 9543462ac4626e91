package router_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/transport"
)

// A publisher is slowed to the pace of a subscriber that takes its time, on whatever replica that is:
// it loses no event and is not dropped.
func TestPublisherKeepsTheSubscribersPace(t *testing.T) {
	for _, replicas := range []int{1, 3} {
		dev := start(t, replicas, func(c *router.DevConfig) {
			c.Limits = transport.Config{SoftLimit: 256 << 10, HardLimit: 16 << 20, MaxMessage: 1 << 20}
		})
		const events, size = 600, 64 << 10
		subscriber, publisher := join(t, dev, 1), join(t, dev, 0)
		all := make(chan struct{})
		got := 0
		if _, err := subscriber.Subscribe("com.example.topic", func(*wamptest.Message) {
			if got++; got%30 == 0 {
				time.Sleep(30 * time.Millisecond) // the subscriber takes its time
			}
			if got == events {
				close(all)
			}
		}); err != nil {
			t.Fatal(err)
		}
		blob := bytes.Repeat([]byte{1}, size)
		for range events {
			if err := publisher.Tell("com.example.topic", blob); err != nil {
				t.Fatal(err)
			}
		}
		select {
		case <-all:
		case <-time.After(3 * wamptest.Timeout):
			t.Errorf("%d replicas: %d of %d events", replicas, got, events)
		}
	}
}
