package broker

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

var (
	retain      = map[string]any{"retain": true}
	getRetained = map[string]any{"get_retained": true}
)

func (j *joined) subscribe(topic string, options map[string]any) []*wamptest.Message {
	j.last++
	j.Subscribe(&wamp.Message{Type: wamp.Subscribe, Request: j.last, URI: topic, Dict: wamp.MustDict(j.session.Format(), options)})
	return j.conn.Sent()
}

// Every replica must end up with the same event, in whatever order they come and whatever the clocks
// say.
func TestTheNewestRetainedEventStays(t *testing.T) {
	event := func(stamp uint64, publication wamp.ID) *cluster.Event {
		return &cluster.Event{
			Topic: topicURI, Stamp: stamp, Publication: publication, Everywhere: true,
			Options: wamp.MustDict(wamp.CBOR, retain), Payload: wamp.MustPayload(wamp.CBOR, []any{uint64(publication)}, nil),
		}
	}
	events := []*cluster.Event{event(10, 1), event(30, 2), event(30, 3), event(20, 4)}
	for range 4 {
		events = append(events[1:], events[0])
		b := newBroker(&realm{})
		for i, e := range events {
			if i%2 == 0 {
				b.Event(e)
			} else {
				b.Keep(e)
				b.Keep(e)
			}
		}
		sent := join(t, b, wamp.JSON).subscribe(topicURI, getRetained)
		if len(sent) != 2 || sent[1].Publication != 3 {
			t.Fatalf("retained %v", types(sent))
		}
	}
}

// A replica whose clock is behind can replace what another published.
func TestOwnRetainedEventIsNewer(t *testing.T) {
	r := &realm{}
	b := newBroker(r)
	publisher := join(t, b, wamp.JSON)
	future := b.clock.next() + 3_600_000_000
	b.Keep(&cluster.Event{Topic: topicURI, Stamp: future, Publication: 1, Options: wamp.MustDict(wamp.JSON, retain)})
	publisher.publish(topicURI, retain, "mine")
	sent := join(t, b, wamp.CBOR).subscribe(topicURI, getRetained)
	if len(sent) != 2 || sent[1].Args[0] != "mine" || r.published[0].Stamp <= future || !r.published[0].Everywhere {
		t.Errorf("retained %v, published %+v", types(sent), r.published)
	}
}

func TestRetainedEventsAreBounded(t *testing.T) {
	b := New(Config{Name: "realm1", Realm: &realm{}, Limits: Limits{Retained: 3, RetainedBytes: 5000, RetainedReply: 2}})
	publisher, c := join(t, b, wamp.JSON), join(t, b, wamp.JSON)
	topics := func() (all []string) {
		for e := range b.Kept {
			all = append(all, e.Topic)
		}
		return all
	}
	for i := range 4 {
		publisher.publish(fmt.Sprintf("com.t%d", i), retain)
	}
	if got := topics(); !slices.Equal(got, []string{"com.t1", "com.t2", "com.t3"}) {
		t.Errorf("by number: %v", got)
	}
	publisher.publish("com.t1", retain, "again") // now the newest
	publisher.publish("com.large", retain, strings.Repeat("x", 4500))
	if got := topics(); !slices.Equal(got, []string{"com.large"}) {
		t.Errorf("by bytes: %v", got)
	}
	publisher.publish("com.large", retain, strings.Repeat("x", 6000))
	if got := topics(); got != nil {
		t.Errorf("an event that is too large left %v", got)
	}
	if s := b.Stats(); s.Retained != 0 || s.RetainedBytes != 0 || s.Dropped["forgotten"] == 0 {
		t.Errorf("counted %+v", s)
	}
	for i := range 3 {
		publisher.publish(fmt.Sprintf("com.t%d", i), retain)
	}
	sent := c.subscribe("com.", map[string]any{"match": "prefix", "get_retained": true})
	if len(sent) != 3 || wamptest.Details(sent[1])["topic"] != "com.t1" || wamptest.Details(sent[2])["topic"] != "com.t2" {
		t.Errorf("a pattern got %v", types(sent))
	}
}

// Who subscribes while a retained event is published gets it once: as retained, or as new.
func TestRetainedEventsComeOnce(t *testing.T) {
	b := newBroker(&realm{})
	publisher := join(t, b, wamp.CBOR)
	publisher.publish(topicURI, retain, 0)
	const events = 500
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range events {
			publisher.publish(topicURI, retain, i+1)
		}
	})
	var all []*joined
	for range 50 {
		c := join(t, b, wamp.CBOR)
		c.last++
		c.Subscribe(&wamp.Message{Type: wamp.Subscribe, Request: 1, URI: topicURI, Dict: wamp.MustDict(wamp.CBOR, getRetained)})
		all = append(all, c)
	}
	wg.Wait()
	for _, c := range all {
		sent := c.conn.Sent()[1:]
		next := sent[0].Args[0].(int64)
		for i, m := range sent {
			if m.Args[0] != next || (wamptest.Details(m)["retained"] == true) != (i == 0) {
				t.Fatalf("event %d is %v %v, want %d", i, m.Args, wamptest.Details(m), next)
			}
			next++
		}
		if next != events+1 {
			t.Errorf("the last one was %d", next-1)
		}
	}
}

// What is published after an event that replaced one from the future comes after it.
func TestClockFollowsRetainedEvents(t *testing.T) {
	r := &realm{}
	b := newBroker(r)
	publisher := join(t, b, wamp.JSON)
	b.SetHistory([]HistoryRule{{URI: topicURI}})
	b.Keep(&cluster.Event{Topic: topicURI, Stamp: b.clock.next() + 3_600_000_000, Publication: 1, Options: wamp.MustDict(wamp.JSON, retain)})
	publisher.publish(topicURI, retain)
	publisher.publish(topicURI, nil)
	if first, second := r.published[0].Stamp, r.published[1].Stamp; second <= first {
		t.Errorf("stamps %d and %d", first, second)
	}
}
