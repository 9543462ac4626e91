package cluster

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// newsHost writes down what it is told.
type newsHost struct {
	silentHost
	mu       sync.Mutex
	news     []string
	messages []string
	kept     []*Event
	taken    []string
}

var newsNames = [...]string{
	SessionJoined: "joined", SessionLeft: "left", RegistrationCreated: "create", RegistrationRegistered: "register",
	RegistrationUnregistered: "unregister", RegistrationDeleted: "delete", SubscriptionCreated: "topic create",
	SubscriptionSubscribed: "subscribe", SubscriptionUnsubscribed: "unsubscribe", SubscriptionDeleted: "topic delete",
	TestamentDue: "testament",
}

func (h *newsHost) Meta(e *MetaEvent) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.news = append(h.news, strings.TrimSpace(fmt.Sprintf("%s %d %s%s", newsNames[e.Kind], e.Session, e.URI, e.Testament)))
}

func (h *newsHost) Message(_ string, session wamp.ID, m []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.messages = append(h.messages, fmt.Sprintf("%d %s", session, m))
}

func (h *newsHost) Kept(_ string, yield func(*Event) bool) {
	for _, e := range h.kept {
		if !yield(e) {
			return
		}
	}
}

func (h *newsHost) Keep(_ string, e *Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.taken = append(h.taken, e.Topic)
}

// wait until the host was told all of this, in this order, and nothing else.
func (h *newsHost) wait(t *testing.T, heard *[]string, want ...string) {
	t.Helper()
	eventually(t, func() error {
		h.mu.Lock()
		defer h.mu.Unlock()
		if !slices.Equal(*heard, want) {
			return fmt.Errorf("told %q, want %q", *heard, want)
		}
		return nil
	})
}

// Every replica is told of each change once, in its order, wherever it was made; of what a replica
// held that is gone as well, and its testaments; one that joins learns how things are, and not that
// they changed.
func TestEveryReplicaIsToldOfChangesInOrder(t *testing.T) {
	hosts := []*newsHost{{}, {}, {}}
	nodes := startHosted(t, 3, nil, func(i int) Host { return hosts[i] })
	r := nodes[0].Realm("realm1")
	r.Joined(&SessionInfo{Session: 1, AuthID: "ann", AuthRole: "user", Details: "\xa0"})
	if err := register(t, r, "com.a", RoundRobin, 1, &echo{}); err != nil {
		t.Fatal(err)
	}
	subscribed := make(chan struct{})
	r.Subscribe(Subscription{Topic: "com.t", Match: Prefix, Session: 1}, func(wamp.ID) { close(subscribed) })
	<-subscribed
	if err := register(t, nodes[1].Realm("realm1"), "com.a", RoundRobin, 2, &echo{}); err != nil {
		t.Fatal(err)
	}
	want := []string{"joined 1", "create 1 com.a", "register 1 com.a", "topic create 1 com.t", "subscribe 1 com.t", "register 2 com.a"}
	for _, h := range hosts {
		h.wait(t, &h.news, want...)
	}
	if ids := nodes[2].Realm("realm1").MatchSubscriptions("com.topic"); !slices.Equal(ids, []wamp.ID{SubscriptionID("realm1", Prefix, "com.t")}) {
		t.Errorf("an event on com.topic goes to %v", ids)
	}
	info, ok := nodes[2].Realm("realm1").Session(1)
	if !ok || info.AuthID != "ann" || info.Replica != "r0" {
		t.Errorf("session 1 is known elsewhere as %+v, %v", info, ok)
	}
	if !nodes[2].Realm("realm1").Tell(1, []byte("leave")) || nodes[2].Realm("realm1").Tell(77, nil) {
		t.Error("a message to a session was sent wrongly")
	}
	hosts[0].wait(t, &hosts[0].messages, "1 leave")

	r.SetTestament(Testament{Session: 1, Number: 1, Content: []byte("bye")})
	r.SetTestament(Testament{Session: 1, Number: 2, Content: []byte("taken back")})
	r.RemoveTestament(1, 2)
	nodes[1].CloseSession(2)
	want = append(want, "unregister 2 com.a")
	for _, h := range hosts {
		h.wait(t, &h.news, want...)
	}
	nodes[0].end() // as a crash would
	want = append(want, "unregister 1 com.a", "delete 1 com.a", "unsubscribe 1 com.t", "topic delete 1 com.t", "testament 1 bye", "left 1")
	for _, h := range hosts[1:] {
		h.wait(t, &h.news, want...)
	}
}

// A replica that joins later is told nothing of what was there before, knows it, and is given what
// the others keep.
func TestLateReplicaKnowsAndIsGivenWhatIsKept(t *testing.T) {
	first := &newsHost{kept: []*Event{{Topic: "com.kept", Publication: 1}}}
	n := startHosted(t, 1, nil, func(int) Host { return first })[0]
	n.Realm("realm1").AskKept()
	n.Realm("realm1").Joined(&SessionInfo{Session: 1, Details: "\xa0"})
	late := &newsHost{}
	again, err := Start(Config{
		Cluster: "test", Replica: "late", Logger: testLogger(), Host: late,
		Network: &Network{Gossip: "127.0.0.1:0", Links: "127.0.0.1:0", Advertise: "127.0.0.1", Join: []string{n.GossipAddress()}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = again.Close() }()
	again.Realm("realm1").AskKept()
	late.wait(t, &late.taken, "com.kept")
	eventually(t, func() error {
		if _, ok := again.Realm("realm1").Session(1); !ok || !again.Joined() {
			return fmt.Errorf("session 1 is not known, joined %v", again.Joined())
		}
		return nil
	})
	n.Realm("realm1").Joined(&SessionInfo{Session: 2, Details: "\xa0"})
	late.wait(t, &late.news, "joined 2")
}
