package meta

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/wamp-operator/wamp-operator/router/broker"
	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/dealer"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// nobody is a replica without sessions.
type nobody struct{ asked []wamp.ID }

func (n *nobody) Session(id wamp.ID) (*session.Session, *dealer.Peer, *broker.Peer, bool) {
	n.asked = append(n.asked, id)
	return nil, nil, nil, false
}

// An order may come when its session has just gone, or from a replica of another version.
func TestOrdersForNobody(t *testing.T) {
	peers := &nobody{}
	m := New(Config{Broker: broker.New(broker.Config{Name: "realm1"}), Peers: peers})
	o := order{Do: doRevoke, ID: wamp.MaxID, Reason: "com.example.x", Message: "y"}
	if got := decodeOrder(o.encode()); got != o {
		t.Errorf("%+v travels as %+v", o, got)
	}
	m.Message(7, o.encode())
	m.Message(8, []byte("nonsense"))
	if len(peers.asked) != 2 {
		t.Errorf("asked for %v", peers.asked)
	}
}

func TestSessionsOfOtherVersionsHaveDetails(t *testing.T) {
	for _, raw := range [][]byte{nil, []byte("nonsense"), wamp.MustDict(wamp.CBOR, map[string]any{"session": 7, "authid": "a", "authrole": "r"}).Raw} {
		d := details(&cluster.SessionInfo{Session: 7, AuthID: "a", AuthRole: "r", Details: string(raw)})
		if len(d) != 3 || d["authid"] != "a" || d["authrole"] != "r" {
			t.Errorf("details %v", d)
		}
	}
}

// Every change has a topic, and what is told has as many arguments as the WAMP text gives it.
func TestEveryChangeIsTold(t *testing.T) {
	info := &cluster.SessionInfo{Session: 7, AuthID: "a", AuthRole: "r"}
	for kind := cluster.SessionJoined; kind < cluster.TestamentDue; kind++ {
		e := &cluster.MetaEvent{Kind: kind, Session: 7, Info: info, ID: 9, URI: "com.example"}
		want := map[cluster.MetaKind]int{cluster.SessionJoined: 1, cluster.SessionLeft: 3}[kind]
		if want == 0 {
			want = 2
		}
		if args := eventArguments(e); topics[kind] == "" || len(args) != want {
			t.Errorf("kind %d: %q %v", kind, topics[kind], args)
		}
	}
}

// Whatever arguments a client gives, there is an answer.
func FuzzArguments(f *testing.F) {
	for name := range procedures {
		f.Add(name, []byte(`[1,{"match":"prefix"},"x"]`), []byte(`{"reason":"com.x","limit":5}`))
	}
	m := New(Config{Broker: broker.New(broker.Config{Name: "realm1"}), Peers: &nobody{}, Realm: empty{}})
	f.Fuzz(func(t *testing.T, procedure string, args, kwargs []byte) {
		f := procedures[procedure]
		p := wamp.Payload{Format: wamp.JSON, Args: args, Kwargs: kwargs}
		if _, _, err := p.Decode(); f == nil || err != nil || procedure == "wamp.session.add_testament" || procedure == "wamp.session.flush_testaments" {
			return
		}
		r, err := f(m, newArguments(&session.Session{ID: 1}, procedure, p))
		if err != nil {
			if _, ok := err.(*cluster.Error); !ok {
				t.Fatalf("%T is no answer: %v", err, err)
			}
			return
		}
		for _, format := range wamp.Formats {
			if _, err := wamp.NewPayload(format, r.args, r.kwargs); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// empty is a realm in which there is nothing.
type empty struct{}

func (empty) Session(wamp.ID) (cluster.SessionInfo, bool)       { return cluster.SessionInfo{}, false }
func (empty) Sessions(func(cluster.SessionInfo) bool)           {}
func (empty) Tell(wamp.ID, []byte) bool                         { return false }
func (empty) Procedures(func(cluster.ProcedureInfo) bool)       {}
func (empty) MatchSubscriptions(string) []wamp.ID               { return nil }
func (empty) Subscriptions(func(cluster.SubscriptionInfo) bool) {}

func (empty) Procedure(cluster.Match, string) (cluster.ProcedureInfo, bool) {
	return cluster.ProcedureInfo{}, false
}
func (empty) Registration(wamp.ID) (cluster.ProcedureInfo, bool) {
	return cluster.ProcedureInfo{}, false
}
func (empty) BestMatch(string) (cluster.ProcedureInfo, bool) { return cluster.ProcedureInfo{}, false }
func (empty) SubscriptionOf(cluster.Match, string) (cluster.SubscriptionInfo, bool) {
	return cluster.SubscriptionInfo{}, false
}
func (empty) Subscription(wamp.ID) (cluster.SubscriptionInfo, bool) {
	return cluster.SubscriptionInfo{}, false
}
