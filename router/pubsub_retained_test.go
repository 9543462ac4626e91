package router_test

import (
	"testing"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

var (
	retain      = map[string]any{"retain": true}
	getRetained = map[string]any{"get_retained": true}
)

// The last retained event of a topic is the same on every replica, whichever it was published on, and
// comes before all later events.
func TestEventRetention(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		var inboxes []<-chan *wamptest.Message
		for i := range 3 {
			inboxes = append(inboxes, join(t, dev, i).Listen(topic, nil))
		}
		var last wamp.ID
		for i := range 4 {
			var err error
			if last, err = join(t, dev, i).Publish(topic, retain, i); err != nil {
				t.Fatal(err)
			}
			for _, inbox := range inboxes {
				receive(t, inbox)
			}
		}
		publisher := join(t, dev, 0)
		if _, err := publisher.Publish(topic, nil, "not retained"); err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			receive(t, inboxes[i]) // what is not retained
			c := join(t, dev, i)
			got, without := c.Listen(topic, getRetained), join(t, dev, i).Listen(topic, nil)
			if _, err := publisher.Publish(topic, nil, "new"); err != nil {
				t.Fatal(err)
			}
			m := receive(t, got)
			if d := wamptest.Details(m); m.Publication != last || m.Args[0] != int64(3) || d["retained"] != true || len(d) != 1 {
				t.Errorf("retained on replica %d: %v %v", i, m.Args, d)
			}
			if m := receive(t, got); m.Args[0] != "new" || len(wamptest.Details(m)) != 0 {
				t.Errorf("after it came %v %v", m.Args, wamptest.Details(m))
			}
			if m := receive(t, without); m.Args[0] != "new" {
				t.Errorf("who did not ask for it got %v", m.Args)
			}
		}
	})
}

func TestRetainedEventsOfAPattern(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		c, publisher := join(t, dev, 0), join(t, dev, 0)
		for _, topic := range []string{"com.a.x", "com.b.x", "com.b.y", "org.a.x"} {
			if _, err := publisher.Publish(topic, retain, topic); err != nil {
				t.Fatal(err)
			}
		}
		for pattern, want := range map[string][]string{"com..x": {"com.a.x", "com.b.x"}, "com.b..": nil, "..y": {"com.b.y"}} {
			got := c.Listen(pattern, map[string]any{"match": "wildcard", "get_retained": true})
			for _, topic := range want {
				m := receive(t, got)
				if d := wamptest.Details(m); m.Args[0] != topic || d["topic"] != topic || d["retained"] != true {
					t.Errorf("%s: %v %v, want %s", pattern, m.Args, d, topic)
				}
			}
			wamptest.Nothing(t, got)
		}
	})
}

// Nobody gets a retained event that would not have got it when it was published.
func TestRetainedEventsKeepTheirAudience(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		chosen, publisher := join(t, dev, 1), join(t, dev, 0)
		options := map[string]any{"retain": true, "eligible": []any{uint64(chosen.ID), uint64(publisher.ID)}}
		if _, err := publisher.Publish(topic, options, "for one"); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it comes to the chosen one", func() bool {
			got := chosen.Listen(topic, getRetained)
			if _, err := publisher.Publish(topic, nil, "for all"); err != nil {
				t.Fatal(err)
			}
			return receive(t, got).Args[0] == "for one"
		})
		for _, c := range []*wamptest.Client{join(t, dev, 2), publisher} {
			got := c.Listen(topic, getRetained)
			if _, err := join(t, dev, 0).Publish(topic, nil, "for all"); err != nil {
				t.Fatal(err)
			}
			if m := receive(t, got); m.Args[0] != "for all" {
				t.Errorf("%v came to session %d", m.Args, c.ID)
			}
		}
	})
}
