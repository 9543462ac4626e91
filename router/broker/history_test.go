package broker

import (
	"strings"
	"testing"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

func remembering(rules ...HistoryRule) *Broker {
	b := New(Config{Name: "realm1", Realm: &realm{}, Limits: Limits{HistoryBytes: 100_000, HistoryReply: 50}})
	b.SetHistory(rules)
	return b
}

func publications(events []*cluster.Event) (ids []wamp.ID) {
	for _, e := range events {
		ids = append(ids, e.Publication)
	}
	return ids
}

// Events come from several replicas and are handed over again when one joins: each is remembered once,
// in the order of the stamps.
func TestHistoryIsTheSameInWhateverOrderEventsCome(t *testing.T) {
	b := remembering(HistoryRule{URI: topicURI, Limit: 3}, HistoryRule{URI: "com.", Match: wamp.Prefix, Limit: 10})
	c := join(t, b, wamp.JSON)
	for _, stamp := range []uint64{5, 1, 4, 1, 3, 5, 2} {
		e := &cluster.Event{Topic: topicURI, Stamp: stamp, Publication: wamp.ID(stamp)}
		b.Event(e)
		b.Keep(e)
	}
	for _, x := range []struct {
		match wamp.Match
		uri   string
		want  int
	}{{wamp.Exact, topicURI, 5}, {wamp.Prefix, "com.example", 5}, {wamp.Wildcard, "com..news", 5}, {wamp.Exact, "com.other", 0}, {wamp.Prefix, "org", 0}} {
		events, _ := b.History(c.session, x.match, x.uri, Filter{})
		if len(events) != x.want {
			t.Errorf("%v %s: %v", x.match, x.uri, publications(events))
		}
		for i, e := range events {
			if e.Publication != wamp.ID(i+1) {
				t.Errorf("%v %s: %v", x.match, x.uri, publications(events))
				break
			}
		}
	}
	b.SetHistory([]HistoryRule{{URI: topicURI, Limit: 2}})
	if events, full := b.History(c.session, wamp.Exact, topicURI, Filter{}); len(events) != 2 || !full || events[0].Publication != 4 {
		t.Errorf("after the rules changed: %v", publications(events))
	}
	b.SetHistory(nil)
	if events, _ := b.History(c.session, wamp.Exact, topicURI, Filter{}); len(events) != 0 {
		t.Errorf("after they are gone: %v", publications(events))
	}
}

func TestHistoryIsBounded(t *testing.T) {
	b := remembering(HistoryRule{URI: topicURI})
	publisher := join(t, b, wamp.JSON)
	for i := range 1000 {
		publisher.publish(topicURI, nil, i, strings.Repeat("x", 600))
	}
	if s := b.Stats(); s.HistoryBytes > 100_000 || s.History < 50 {
		t.Errorf("remembered %d events, %d bytes", s.History, s.HistoryBytes)
	}
	if events, full := b.History(publisher.session, wamp.Exact, topicURI, Filter{Limit: 500}); len(events) != 50 || !full {
		t.Errorf("one answer has %d events", len(events))
	}
}

// Session ids come and go: an event for some of them is not for whoever asks later.
func TestHistoryLeavesOutEventsForSessions(t *testing.T) {
	b := remembering(HistoryRule{URI: topicURI})
	publisher := joinAs(t, b, wamp.JSON, role("sender"))
	guest, admin := joinAs(t, b, wamp.CBOR, role("guest")), joinAs(t, b, wamp.CBOR, role("admin"))
	publisher.publish(topicURI, map[string]any{"eligible": []any{1}})
	publisher.publish(topicURI, map[string]any{"exclude": []any{1}})
	publisher.publish(topicURI, map[string]any{"eligible_authrole": []any{"admin"}})
	publisher.publish(topicURI, map[string]any{"exclude_authid": []any{"id-of-admin"}})
	publisher.publish(topicURI, nil)
	for c, want := range map[*joined]int{guest: 2, admin: 2, publisher: 2} {
		if events, _ := b.History(c.session, wamp.Exact, topicURI, Filter{}); len(events) != want {
			t.Errorf("%s gets %d events", c.session.Identity.Role.Name, len(events))
		}
	}
}
