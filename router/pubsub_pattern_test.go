package router_test

import (
	"slices"
	"testing"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

var (
	byPrefix   = map[string]any{"match": "prefix"}
	byWildcard = map[string]any{"match": "wildcard"}
)

// One EVENT for each subscription that matches; those to patterns say on which topic it was.
func TestPatternSubscriptions(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		c, publisher := join(t, dev, 0), join(t, dev, 1)
		exact := c.Listen("com.example.a.b", nil)
		prefix := c.Listen("com.example.", byPrefix)
		longer := c.Listen("com.example.a", byPrefix)
		wildcard := c.Listen("com..a.b", byWildcard)
		other := c.Listen("com..a.", byWildcard)
		for _, topic := range []string{"com.example.a.b", "com.examples.a.b", "com.example", "com.example.ab", "com.example.a.b.c"} {
			if _, err := publisher.Publish(topic, nil, topic); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := publisher.Publish("com.example.a.b", nil, "the end"); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]struct {
			from   <-chan *wamptest.Message
			topics []string
		}{
			"exact":            {exact, []string{"com.example.a.b"}},
			"prefix":           {prefix, []string{"com.example.a.b", "com.example.ab", "com.example.a.b.c"}},
			"longer prefix":    {longer, []string{"com.example.a.b", "com.example.ab", "com.example.a.b.c"}},
			"wildcard":         {wildcard, []string{"com.example.a.b", "com.examples.a.b"}},
			"another wildcard": {other, []string{"com.example.a.b", "com.examples.a.b"}},
		} {
			var got []string
			for {
				m := receive(t, want.from)
				if m.Args[0] == "the end" {
					break
				}
				got = append(got, m.Args[0].(string))
				if topic, told := wamptest.Details(m)["topic"]; told == (name == "exact") || told && topic != m.Args[0] {
					t.Errorf("%s: EVENT.Details %v for %v", name, wamptest.Details(m), m.Args[0])
				}
			}
			if !slices.Equal(got, want.topics) {
				t.Errorf("%s: got %v, want %v", name, got, want.topics)
			}
		}
	})
}

func TestPatternsAreSubscriptionsOfTheirOwn(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		c, other, publisher := join(t, dev, 0), join(t, dev, 1), join(t, dev, 2)
		got := make(chan *wamptest.Message, 9)
		handle := func(m *wamptest.Message) { got <- m }
		ids := map[wamp.ID]bool{}
		for _, options := range []map[string]any{nil, byPrefix, byWildcard} {
			id, err := c.SubscribeWith(topic, options, handle)
			if err != nil {
				t.Fatal(err)
			}
			again, err := c.SubscribeWith(topic, options, handle)
			elsewhere, err2 := other.SubscribeWith(topic, options, func(*wamptest.Message) {})
			if err != nil || err2 != nil || again != id || elsewhere != id {
				t.Errorf("%v: ids %d, again %d, of another session %d: %v %v", options, id, again, elsewhere, err, err2)
			}
			ids[id] = true
		}
		for id := range ids {
			if _, err := publisher.Publish(topic, nil); err != nil {
				t.Fatal(err)
			}
			publications := map[wamp.ID]bool{}
			for range ids {
				publications[receive(t, got).Publication] = true
			}
			if len(publications) != 1 {
				t.Errorf("one publication came as %d", len(publications))
			}
			if err := c.Unsubscribe(id); err != nil {
				t.Fatal(err)
			}
			delete(ids, id)
		}
		wamptest.Nothing(t, got)
	})
}

func TestPatternArguments(t *testing.T) {
	c := join(t, start(t, 1), 0)
	for pattern, want := range map[string]string{
		"":            wamp.ErrInvalidURI,
		"com.a b":     wamp.ErrInvalidURI,
		"com..b":      wamp.ErrInvalidURI,
		"com.example": "",
	} {
		if _, err := c.SubscribeWith(pattern, byPrefix, nil); wamptest.URI(err) != want {
			t.Errorf("prefix %q: %v, want %q", pattern, err, want)
		}
	}
	for _, options := range []map[string]any{{"match": 1}, {"match": "regex"}, {"get_retained": "yes"}} {
		if _, err := c.SubscribeWith(topic, options, nil); wamptest.URI(err) != wamp.ErrInvalidArgument {
			t.Errorf("%v: %v", options, err)
		}
	}
}

const narrowDocument = `apiVersion: wamp-operator.io/v1alpha1
kind: WampRealm
metadata: {name: realm1}
spec:
  clusterRef: {name: dev}
  realm: realm1
  anonymous: {role: guest}
  roles:
    - name: guest
      trustLevel: 3
      permissions:
        - {uri: "", match: prefix, allow: [call, publish, subscribe]}
        - {uri: com.example.secret., match: prefix, allow: [publish]}
        - {uri: com.example.open., match: prefix, allow: [publish, subscribe, disclose]}
`

// A wide pattern must not give what a narrow permission takes.
func TestPatternSubscribersGetOnlyWhatTheyMaySubscribeTo(t *testing.T) {
	dev := &router.Dev{Routers: []*router.Router{serve(t, narrowDocument).router}}
	c, publisher := join(t, dev, 0), join(t, dev, 0)
	if _, err := c.Subscribe("com.example.secret.a", nil); wamptest.URI(err) != wamp.ErrNotAuthorized {
		t.Errorf("SUBSCRIBE to what is not allowed: %v", err)
	}
	prefix, wildcard := c.Listen("com.example.", byPrefix), c.Listen("com.example..", byWildcard)
	for _, topic := range []string{"com.example.secret.a", "com.example.open.a"} {
		if _, err := publisher.Publish(topic, nil, topic); err != nil {
			t.Fatal(err)
		}
	}
	for _, got := range []<-chan *wamptest.Message{prefix, wildcard} {
		if m := receive(t, got); m.Args[0] != "com.example.open.a" {
			t.Errorf("got %v", m.Args)
		}
	}
}
