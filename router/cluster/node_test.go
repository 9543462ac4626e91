package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

func TestMain(m *testing.M) {
	// memberlist does not wait for a probe under way when it shuts down; it ends by itself
	// within the timeout of a connection.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/hashicorp/memberlist.(*Memberlist).probeNode"))
}

func testLogger() *slog.Logger {
	if os.Getenv("CLUSTER_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return slog.New(slog.NewTextHandler(io.Discard, nil))
}

type silentHost struct{}

func (silentHost) Event(string, *Event) Waiter  { return nil }
func (silentHost) Changed(ProcedureKey)         {}
func (silentHost) Pending(func(Callee, Caller)) {}

// echo is a callee that answers every call with its own name.
type echo struct {
	plainCallee
	name string
	mu   sync.Mutex
	fail error
}

func (e *echo) Deliver(d *Delivery) error {
	e.mu.Lock()
	err := e.fail
	e.mu.Unlock()
	if err != nil {
		return err
	}
	payload, _ := wamp.NewPayload(wamp.MessagePack, []any{e.name}, nil)
	caller := d.Caller
	go caller.Answer(&Answer{Payload: payload})
	return nil
}

func (e *echo) WaitRoom(context.Context) error { return nil }

// answered is a caller that keeps what it is told.
type answered chan *Answer

func (a answered) Open() bool   { return true }
func (a answered) Sent(uint64)  {}
func (a answered) Room() Waiter { return nil }

func (a answered) Answer(x *Answer) {
	c := *x
	c.Payload = x.Payload.Clone()
	a <- &c
}

func (a answered) wait(t *testing.T) string {
	t.Helper()
	select {
	case x := <-a:
		if x.Error != "" {
			return x.Error
		}
		args, _, err := x.Payload.Decode()
		if err != nil {
			t.Fatal(err)
		}
		return args[0].(string)
	case <-time.After(15 * time.Second):
		t.Fatal("a call got no answer")
		return ""
	}
}

func call(t *testing.T, r *Realm, uri string) string {
	t.Helper()
	a := make(answered, 1)
	c := &Call{URI: uri, Caller: a}
	for {
		w := r.Call(c)
		if w == nil {
			return a.wait(t)
		}
		if err := w.WaitRoom(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

func register(t *testing.T, r *Realm, uri string, invoke Policy, session wamp.ID, c Callee) error {
	t.Helper()
	done := make(chan error, 1)
	r.Register(Registration{URI: uri, Invoke: invoke, Session: session, Callee: c}, func(_ wamp.ID, err error) { done <- err })
	select {
	case err := <-done:
		return err
	case <-time.After(15 * time.Second):
		t.Fatal("a registration got no answer")
		return nil
	}
}

// startNodes starts n nodes on loopback that know of one another.
func startNodes(t *testing.T, n int, keys ...[]byte) []*Node {
	t.Helper()
	return startHosted(t, n, keys, func(int) Host { return silentHost{} })
}

func startHosted(t *testing.T, n int, keys [][]byte, host func(int) Host) []*Node {
	t.Helper()
	var nodes []*Node
	var join []string
	for i := range n {
		node, err := Start(Config{
			Cluster: "test", Replica: fmt.Sprintf("r%d", i), Logger: testLogger(), Host: host(i),
			Network: &Network{Gossip: "127.0.0.1:0", Links: "127.0.0.1:0", Advertise: "127.0.0.1", Join: join, Keys: keys},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if node.ended() {
				return
			}
			_ = node.Close()
		})
		join = append(join, node.GossipAddress())
		nodes = append(nodes, node)
	}
	eventually(t, func() error {
		for _, node := range nodes {
			if !node.Joined() || len(node.Members()) != n {
				return fmt.Errorf("%s sees %v, joined %v", node.Member(), node.Members(), node.Joined())
			}
		}
		return nil
	})
	return nodes
}

func (n *Node) ended() bool {
	select {
	case <-n.ctx.Done():
		return true
	default:
		return false
	}
}

func eventually(t *testing.T, check func() error) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatal(err)
		case <-tick.C:
		}
	}
}

// Three replicas over real sockets: a registration that was confirmed on one is callable from
// all at once, the rotation is one for the cluster, and rules hold across replicas.
func TestThreeReplicasActAsOne(t *testing.T) {
	for name, keys := range map[string][][]byte{"clear": nil, "encrypted": {[]byte("0123456789abcdef")}} {
		t.Run(name, func(t *testing.T) {
			nodes := startNodes(t, 3, keys...)
			realms := make([]*Realm, 3)
			for i, n := range nodes {
				realms[i] = n.Realm("realm1")
			}
			for i, r := range realms {
				if err := register(t, r, "com.example.rotate", RoundRobin, wamp.ID(i+1), &echo{name: fmt.Sprint(i)}); err != nil {
					t.Fatal(err)
				}
			}
			for i := range 300 {
				if got, want := call(t, realms[i*7%3], "com.example.rotate"), fmt.Sprint(i%3); got != want {
					t.Fatalf("call %d went to %s, the rotation is at %s", i, got, want)
				}
			}
			err := register(t, realms[2], "com.example.rotate", First, 9, &echo{})
			var refused *Error
			if !errors.As(err, &refused) || refused.URI != wamp.ErrInvocationPolicyMismatch {
				t.Fatalf("another policy: %v", err)
			}
			if got := call(t, realms[1], "com.example.nothing"); got != wamp.ErrNoSuchProcedure {
				t.Fatalf("unregistered: %s", got)
			}
			if a, b, c := nodes[0].ListHash(), nodes[1].ListHash(), nodes[2].ListHash(); a != b || b != c {
				t.Fatalf("lists differ: %s %s %s", a, b, c)
			}
		})
	}
}

// A replica that is cut off without a word loses its callees to the standby, and its share of
// the slots to the others.
func TestReplicaLost(t *testing.T) {
	nodes := startNodes(t, 3)
	for i, n := range nodes {
		for j := range 20 {
			uri := fmt.Sprintf("com.example.p%d", j)
			if err := register(t, n.Realm("realm1"), uri, First, wamp.ID(i+1), &echo{name: fmt.Sprint(i)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := call(t, nodes[2].Realm("realm1"), "com.example.p1"); got != "0" {
		t.Fatalf("the first callee is 0, called %s", got)
	}
	nodes[0].end() // as a crash would: no goodbye to anybody
	eventually(t, func() error {
		for j := range 20 {
			if got := call(t, nodes[2].Realm("realm1"), fmt.Sprintf("com.example.p%d", j)); got != "1" {
				return fmt.Errorf("after the loss of 0 the call went to %s", got)
			}
		}
		return nil
	})
	for j := range 50 {
		if err := register(t, nodes[1].Realm("realm1"), fmt.Sprintf("com.example.new%d", j), Single, 7, &echo{name: "n"}); err != nil {
			t.Fatal(err)
		}
	}
}

// A replica that crashed and is back at the same address does not wait for its earlier run,
// which gossip takes for alive for more than a second.
func TestReplicaIsBackAtOnce(t *testing.T) {
	nodes := startNodes(t, 2)
	gossip, links := nodes[1].GossipAddress(), nodes[1].address
	nodes[1].end()
	start := time.Now()
	again, err := Start(Config{
		Cluster: "test", Replica: "r1", Logger: testLogger(), Host: silentHost{},
		Network: &Network{Gossip: gossip, Links: links, Advertise: "127.0.0.1", Join: []string{nodes[0].GossipAddress()}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = again.Close() }()
	eventually(t, func() error {
		if !again.Joined() || len(again.Members()) != 2 {
			return fmt.Errorf("it sees %v, joined %v", again.Members(), again.Joined())
		}
		return nil
	})
	again.mu.Lock()
	defer again.mu.Unlock()
	for _, p := range again.m.peers {
		if p.replica == "r1" {
			t.Errorf("it counts its earlier run %s as a member", p.id)
		}
	}
	t.Logf("ready after %v", time.Since(start))
}

// The burst of an application that registers everything it has at once.
func TestBurstOfRegistrations(t *testing.T) {
	nodes := startNodes(t, 3)
	const count = 10000
	done := make(chan error, count)
	start := time.Now()
	for i := range count {
		nodes[0].Realm("realm1").Register(Registration{
			URI: fmt.Sprintf("com.example.burst%d", i), Session: 1, Callee: &echo{},
		}, func(_ wamp.ID, err error) { done <- err })
	}
	for range count {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d registrations in %v", count, time.Since(start))
	if a, b := nodes[1].ListHash(), nodes[2].ListHash(); a != b {
		t.Fatalf("lists differ: %s %s", a, b)
	}
	nodes[0].CloseSession(1)
	eventually(t, func() error {
		if _, ok := nodes[2].Procedure(ProcedureKey{Realm: "realm1", URI: "com.example.burst77"}); ok {
			return errors.New("a closed session is still on the list")
		}
		return nil
	})
}

// A session that registers again stays on the list once, and gets the answers that another
// session would get.
func TestSameSessionRegistersAgain(t *testing.T) {
	n, err := Start(Config{Replica: "alone", Logger: testLogger(), Host: silentHost{}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = n.Close() }()
	r := n.Realm("realm1")
	uri := func(err error) string {
		var refused *Error
		if errors.As(err, &refused) {
			return refused.URI
		}
		return fmt.Sprint(err)
	}
	for _, test := range []struct {
		procedure     string
		first, second Policy
		want          string
	}{
		{"com.example.shared", RoundRobin, RoundRobin, "<nil>"},
		{"com.example.other", RoundRobin, First, wamp.ErrInvocationPolicyMismatch},
		{"com.example.single", Single, Single, wamp.ErrProcedureAlreadyExists},
	} {
		// Together, as a client that does not wait would, and once more after that.
		answers := make(chan error, 2)
		for _, invoke := range []Policy{test.first, test.second} {
			r.Register(Registration{URI: test.procedure, Invoke: invoke, Session: 1, Callee: &echo{}},
				func(_ wamp.ID, err error) { answers <- err })
		}
		if first, second := <-answers, <-answers; first != nil || uri(second) != test.want {
			t.Errorf("%s: %v, then %v; want %s", test.procedure, first, second, test.want)
		}
		if err := register(t, r, test.procedure, test.second, 1, &echo{}); uri(err) != test.want {
			t.Errorf("%s again: %v; want %s", test.procedure, err, test.want)
		}
		if p, _ := n.Procedure(ProcedureKey{Realm: "realm1", URI: test.procedure}); len(p.Callees) != 1 {
			t.Errorf("%s has the session %d times on its list", test.procedure, len(p.Callees))
		}
	}
}
