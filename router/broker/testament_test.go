package broker

import (
	"testing"

	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// What a survivor delivers is what the session left, with its audience and what it told of itself.
func TestTestamentOfALostReplica(t *testing.T) {
	here, there := &realm{}, &realm{}
	lost, survivor := newBroker(there), newBroker(here)
	c, chosen, other := join(t, lost, wamp.JSON), join(t, survivor, wamp.CBOR), join(t, survivor, wamp.MessagePack)
	survivor.access = chosen.session.Access
	for _, j := range []*joined{chosen, other} {
		j.listen(topicURI, nil)
	}
	options := map[string]any{"eligible": []any{uint64(chosen.session.ID)}, "disclose_me": true}
	if refusal := c.AddTestament(topicURI, wamp.MustPayload(wamp.JSON, []any{"bye"}, map[string]any{"n": 1}), wamp.MustDict(wamp.JSON, options), Destroyed); refusal != nil {
		t.Fatal(refusal)
	}
	if len(there.testaments) != 1 {
		t.Fatalf("testaments %v", there.testaments)
	}
	for _, x := range there.testaments {
		survivor.Testament(x.Content)
	}
	sent := chosen.conn.Sent()
	if len(sent) != 1 || sent[0].Args[0] != "bye" || sent[0].Kwargs["n"] != int64(1) || wamptest.Details(sent[0])["publisher"] != int64(c.session.ID) {
		t.Errorf("sent %v", sent)
	}
	if sent := other.conn.Sent(); len(sent) != 0 {
		t.Errorf("sent %v to a session that is not eligible", sent)
	}
	c.FlushTestaments(Destroyed)
	if len(there.testaments) != 0 {
		t.Errorf("testaments %v after the flush", there.testaments)
	}
	survivor.Testament([]byte("nonsense"))
}

// All replicas publish what a lost one's session left, each by itself: they must agree on when, so that
// it is remembered once however often it is handed over, and replaces what the session had retained.
func TestReplicasAgreeOnTheStampOfATestament(t *testing.T) {
	here, there := &realm{}, &realm{}
	lost := newBroker(there)
	rules := []HistoryRule{{URI: topicURI}}
	survivors := []*Broker{newBroker(here), newBroker(here)}
	c := join(t, lost, wamp.JSON)
	if refusal := c.AddTestament(topicURI, wamp.MustPayload(wamp.JSON, []any{"offline"}, nil), wamp.MustDict(wamp.JSON, retain), Destroyed); refusal != nil {
		t.Fatal(refusal)
	}
	c.publish(topicURI, retain, "online") // after the testament was left
	for _, b := range survivors {
		b.access = c.session.Access
		b.SetHistory(rules)
		b.Event(&there.published[0])
		for _, x := range there.testaments {
			b.Testament(x.Content)
		}
	}
	for e := range survivors[0].Kept {
		survivors[1].Keep(e)
	}
	for _, x := range there.testaments { // one that learns late that the replica is lost
		survivors[1].Testament(x.Content)
	}
	for i, b := range survivors {
		events, _ := b.History(c.session, wamp.Exact, topicURI, Filter{})
		if len(events) != 2 || events[0].Publication != there.published[0].Publication {
			t.Errorf("survivor %d remembers %v", i, publications(events))
		}
		sent := join(t, b, wamp.JSON).subscribe(topicURI, getRetained)
		if len(sent) != 2 || sent[1].Args[0] != "offline" {
			t.Errorf("survivor %d retained %v", i, sent)
		}
	}
}
