package router_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

const historyDocument = `apiVersion: wamp-operator.io/v1alpha1
kind: WampRealm
metadata: {name: realm1}
spec:
  clusterRef: {name: dev}
  realm: realm1
  anonymous: {role: guest}
  roles:
    - name: guest
      permissions:
        - {uri: "", match: prefix, allow: [call, publish, subscribe]}
  eventHistory:
    - {uri: com.example., match: prefix, limit: 5}
    - {uri: com..news, match: wildcard, limit: 10}
    - {uri: com.a.news, limit: 10}
`

// documents makes the replicas of a test serve these.
func documents(t *testing.T, content string) func(*router.DevConfig) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "docs.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(c *router.DevConfig) { c.Documents = []string{path} }
}

// history calls get_events.
func history(t *testing.T, c *wamptest.Client, subscription wamp.ID, kwargs map[string]any) []map[string]any {
	t.Helper()
	m, err := c.CallWith("wamp.subscription.get_events", []any{uint64(subscription)}, kwargs)
	if err != nil {
		t.Fatalf("get_events %v: %v", kwargs, err)
	}
	var events []map[string]any
	for _, e := range m.Args {
		events = append(events, e.(map[string]any))
	}
	return events
}

func firsts(events []map[string]any) (all []int) {
	for _, e := range events {
		all = append(all, int(e["args"].([]any)[0].(int64)))
	}
	return all
}

// Every replica remembers the same events in the same order, also those that nobody subscribed to.
func TestEventHistory(t *testing.T) {
	for _, replicas := range []int{1, 3} {
		dev := start(t, replicas, documents(t, historyDocument))
		for i := range 8 {
			publisher := join(t, dev, i)
			for _, topic := range []string{"com.example.a", "org.example.a"} {
				if _, err := publisher.Publish(topic, nil, i); err != nil {
					t.Fatal(err)
				}
			}
		}
		if _, err := join(t, dev, 0).Publish("com.example.b", map[string]any{"exclude_authrole": []any{"guest"}}, 99); err != nil {
			t.Fatal(err)
		}
		if _, err := join(t, dev, 0).Publish("com.example.a", map[string]any{"exclude": []any{1}}, 98); err != nil {
			t.Fatal(err)
		}
		for i := range dev.Routers {
			c := join(t, dev, i)
			id, err := c.SubscribeWith("com.example.a", nil, func(*wamptest.Message) {})
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, "the last event remembered", func() bool {
				all := firsts(history(t, c, id, nil))
				return len(all) > 0 && all[len(all)-1] == 7
			})
			all := history(t, c, id, nil)
			if got := firsts(all); !slices.Equal(got, []int{4, 5, 6, 7}) {
				t.Errorf("remembered %v", got)
			}
			second, third := all[1], all[2]
			for name, x := range map[string]struct {
				kwargs map[string]any
				want   []int
			}{
				"limit":              {map[string]any{"limit": 2}, []int{4, 5}},
				"reverse":            {map[string]any{"limit": 2, "reverse": true}, []int{7, 6}},
				"from_publication":   {map[string]any{"from_publication": third["publication"]}, []int{6, 7}},
				"after_publication":  {map[string]any{"after_publication": third["publication"]}, []int{7}},
				"before_publication": {map[string]any{"before_publication": third["publication"]}, []int{4, 5}},
				"until_publication":  {map[string]any{"until_publication": third["publication"]}, []int{4, 5, 6}},
				"page back":          {map[string]any{"before_publication": third["publication"], "reverse": true, "limit": 1}, []int{5}},
				"unknown":            {map[string]any{"after_publication": 12345}, nil},
				"from_time":          {map[string]any{"from_time": third["timestamp"]}, []int{6, 7}},
				"after_time":         {map[string]any{"after_time": third["timestamp"]}, []int{7}},
				"before_time":        {map[string]any{"before_time": third["timestamp"]}, []int{4, 5}},
				"until_time":         {map[string]any{"until_time": third["timestamp"], "from_time": second["timestamp"]}, []int{5, 6}},
				"another topic":      {map[string]any{"topic": "com.example.b"}, nil},
			} {
				if got := firsts(history(t, c, id, x.kwargs)); !slices.Equal(got, x.want) {
					t.Errorf("%s: got %v, want %v", name, got, x.want)
				}
			}
			if second["subscription"] != int64(id) || len(second["details"].(map[string]any)) != 0 {
				t.Errorf("the event is %v", second)
			}
		}
	}
}

// The pattern's own history can be asked for by who does not subscribe; it tells the topics.
func TestHistoryOfAPattern(t *testing.T) {
	dev := start(t, 1, documents(t, historyDocument))
	c := join(t, dev, 0)
	for i, topic := range []string{"com.a.news", "com.b.news"} {
		if _, err := c.Publish(topic, nil, i); err != nil {
			t.Fatal(err)
		}
	}
	m, err := c.CallWith("wamp.subscription.lookup", []any{"com..news", byWildcard}, nil)
	if err != nil || m.Args[0] == nil {
		t.Fatalf("lookup: %v, %v", m, err)
	}
	var topics []string
	for _, e := range history(t, c, wamp.ID(m.Args[0].(int64)), nil) {
		topics = append(topics, fmt.Sprint(e["details"].(map[string]any)["topic"]))
	}
	if !slices.Equal(topics, []string{"com.a.news", "com.b.news"}) {
		t.Errorf("topics %v", topics)
	}
}

func TestHistoryArguments(t *testing.T) {
	c := join(t, start(t, 1), 0)
	id, err := c.Subscribe(topic, nil)
	if err != nil {
		t.Fatal(err)
	}
	for want, calls := range map[string][]map[string]any{
		wamp.ErrInvalidArgument: {
			{"limit": 0}, {"limit": "x"}, {"reverse": 1}, {"from_time": "yesterday"}, {"until_time": 5},
			{"topic": 1}, {"from_publication": 0}, {"before_publication": "x"},
		},
		"": {{}, {"limit": nil}},
	} {
		for _, kwargs := range calls {
			if _, err := c.CallWith("wamp.subscription.get_events", []any{uint64(id)}, kwargs); wamptest.URI(err) != want {
				t.Errorf("%v: %v, want %q", kwargs, err, want)
			}
		}
	}
	if _, err := c.CallWith("wamp.subscription.get_events", []any{5}, nil); wamptest.URI(err) != wamp.ErrNoSuchSubscription {
		t.Errorf("a subscription that is not there: %v", err)
	}
	if _, err := c.CallWith("wamp.subscription.get_events", nil, nil); wamptest.URI(err) != wamp.ErrInvalidArgument {
		t.Errorf("no subscription: %v", err)
	}
}
