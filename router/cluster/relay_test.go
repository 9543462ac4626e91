package cluster

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// walls are between nodes whose links cannot cross; gossip goes on.
type walls struct {
	mu    sync.Mutex
	of    map[string]string        // link addresses: the node there
	shut  map[[2]string]bool       // from, to
	conns map[[2]string][]net.Conn // dialed
}

// wallFabric is the network as one node sees it.
type wallFabric struct {
	sockets
	name string
	w    *walls
}

var errWall = errors.New("no route to host")

func (f wallFabric) dial(ctx context.Context, addr string) (net.Conn, error) {
	f.w.mu.Lock()
	way := [2]string{f.name, f.w.of[addr]}
	shut := f.w.shut[way]
	f.w.mu.Unlock()
	if shut {
		return nil, errWall
	}
	conn, err := f.sockets.dial(ctx, addr)
	if err == nil {
		f.w.mu.Lock()
		f.w.conns[way] = append(f.w.conns[way], conn)
		f.w.mu.Unlock()
	}
	return conn, err
}

func (f wallFabric) gossip(string, int, *log.Logger) (memberlist.Transport, error) { return nil, nil }

func (w *walls) build(from, to string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	way := [2]string{from, to}
	w.shut[way] = true
	for _, conn := range w.conns[way] {
		_ = conn.Close()
	}
	w.conns[way] = nil
}

func (w *walls) tearDown() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.shut)
}

// startWalled starts nodes r0, r1, … whose links go through walls.
func startWalled(t *testing.T, n int, keys ...[]byte) ([]*Node, *walls) {
	t.Helper()
	w := &walls{of: map[string]string{}, shut: map[[2]string]bool{}, conns: map[[2]string][]net.Conn{}}
	var nodes []*Node
	var join []string
	for i := range n {
		name := fmt.Sprintf("r%d", i)
		node, err := Start(Config{
			Cluster: "test", Replica: name, Logger: testLogger(), Host: silentHost{}, fabric: wallFabric{name: name, w: w},
			Network: &Network{Gossip: "127.0.0.1:0", Links: "127.0.0.1:0", Advertise: "127.0.0.1", Join: join, Keys: keys},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if !node.ended() {
				_ = node.Close()
			}
		})
		w.mu.Lock()
		w.of[node.address] = name
		w.mu.Unlock()
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
	return nodes, w
}

// via gives the relay between two nodes, "" for none, as the side that dialed knows it.
func via(from, to *Node) (replica string, linked bool) {
	l := from.links.linked(to.self.id)
	if l == nil {
		return "", false
	}
	if l.direct() {
		return "", true
	}
	return l.via, true
}

// asOne checks that registrations on all nodes are confirmed fast, and called in turn from all.
func asOne(t *testing.T, uri string, nodes ...*Node) {
	t.Helper()
	for i, n := range nodes {
		start := time.Now()
		if err := register(t, n.Realm("realm1"), uri, RoundRobin, wamp.ID(100+i), &echo{name: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took >= ackWait {
			t.Errorf("a registration on %s took %v: somebody did not acknowledge it", n.Member(), took)
		}
	}
	if err := inTurn(t, uri, nodes); err != nil {
		t.Fatal(err)
	}
}

func inTurn(t *testing.T, uri string, nodes []*Node) error {
	t.Helper()
	for i := range 30 * len(nodes) {
		if got, want := call(t, nodes[i*7%len(nodes)].Realm("realm1"), uri), fmt.Sprint(i%len(nodes)); got != want {
			return fmt.Errorf("call %d went to %s, the rotation is at %s", i, got, want)
		}
	}
	return nil
}

// asOneAtLast is asOne where time is real: a machine that is so busy that heartbeats are late makes
// replicas avoid each other for a moment, rightly, and so gets a second and a third try. In virtual
// time there is no such excuse.
func asOneAtLast(t *testing.T, uri string, nodes ...*Node) {
	t.Helper()
	var err error
	for try := range 3 {
		uri := fmt.Sprintf("%s.%d", uri, try)
		for i, n := range nodes {
			if err := register(t, n.Realm("realm1"), uri, RoundRobin, wamp.ID(100+i), &echo{name: fmt.Sprint(i)}); err != nil {
				t.Fatal(err)
			}
		}
		if err = inTurn(t, uri, nodes); err == nil {
			return
		}
		t.Logf("try %d: %v", try, err)
	}
	t.Fatal(err)
}

// Two replicas that cannot reach each other are one cluster with those that both reach: their
// link goes through one of them, through another when that one is lost, and by the direct
// way when that is mended, which loses no call.
func TestRelay(t *testing.T) {
	for name, keys := range map[string][][]byte{"clear": nil, "encrypted": {[]byte("0123456789abcdef")}} {
		t.Run(name, func(t *testing.T) {
			nodes, w := startWalled(t, 4, keys...)
			asOneAtLast(t, "com.example.before", nodes...)
			w.build("r1", "r0")
			w.build("r0", "r1")
			relay := relayOf(t, nodes[0], nodes[1], "")
			asOneAtLast(t, "com.example.relayed", nodes...)

			var rest []*Node
			for _, n := range nodes {
				if n.self.replica == relay {
					n.end()
				} else {
					rest = append(rest, n)
				}
			}
			relayOf(t, nodes[0], nodes[1], relay)
			eventually(t, func() error {
				if len(nodes[0].Members()) != 3 || !nodes[0].Joined() || !nodes[1].Joined() {
					return errors.New("the lost replica is still there")
				}
				return nil
			})
			asOneAtLast(t, "com.example.again", rest...)

			if err := register(t, nodes[1].Realm("realm1"), "com.example.there", Single, 7, &echo{name: "there"}); err != nil {
				t.Fatal(err)
			}
			if err := register(t, nodes[0].Realm("realm1"), "com.example.here", Single, 7, &echo{name: "here"}); err != nil {
				t.Fatal(err)
			}
			w.tearDown()
			broke := nodes[0].links.linked(nodes[1].self.id).done
			eventually(t, func() error {
				for range 20 {
					if got := call(t, nodes[0].Realm("realm1"), "com.example.there"); got != "there" {
						t.Fatalf("a call during the move was answered %s", got)
					}
					if got := call(t, nodes[1].Realm("realm1"), "com.example.here"); got != "here" {
						t.Fatalf("a call during the move was answered %s", got)
					}
				}
				if through, _ := via(nodes[0], nodes[1]); through != "" {
					return fmt.Errorf("the link still goes through %s", through)
				}
				return nil
			})
			select {
			case <-broke:
				t.Error("the link broke instead of moving")
			default:
			}
			eventually(t, func() error {
				for _, n := range rest {
					n.links.relays.mu.Lock()
					open := len(n.links.relays.open)
					n.links.relays.mu.Unlock()
					if open > 0 {
						return fmt.Errorf("%s still relays %d connections", n.Member(), open)
					}
				}
				return nil
			})
			asOneAtLast(t, "com.example.direct", rest...)
		})
	}
}

// relayOf waits until a link stands that is relayed, by another than the one that is lost.
func relayOf(t *testing.T, from, to *Node, lost string) (replica string) {
	t.Helper()
	start := time.Now()
	eventually(t, func() error {
		replica, _ = via(from, to)
		if replica == "" || replica == lost {
			return errors.New("no relayed link")
		}
		return nil
	})
	t.Logf("relayed by %s after %v", replica, time.Since(start))
	return replica
}

// A way that swallows everything in one direction, and says nothing, is found and gone round in two
// seconds, whichever direction it is; and the link moves back when it works again.
func TestRelayRoundOneWayCut(t *testing.T) {
	for name, way := range map[string][2]int{"to the one that dials": {2, 1}, "from the one that dials": {1, 2}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := newBubbleNet(4)
				var nodes []*Node
				for i := range 3 {
					n, _ := startSpeaking(t, net, i+1, protocols{3, 3})
					nodes = append(nodes, n)
				}
				time.Sleep(joinWait)
				broke := nodes[0].links.linked(nodes[1].self.id).done
				cut := time.Now()
				net.cut(fmt.Sprintf("10.0.0.%d", way[0]), fmt.Sprintf("10.0.0.%d", way[1]))
				<-broke
				if took := time.Since(cut); took > time.Second {
					t.Errorf("the link broke after %v", took)
				}
				if relay := relayOf(t, nodes[0], nodes[1], ""); relay != "r3" {
					t.Errorf("the relay is %s", relay)
				}
				if took := time.Since(cut); took > 2*time.Second+breakAfter {
					t.Errorf("the link was relayed %v after the cut", took)
				}
				time.Sleep(time.Second)
				asOne(t, "com.example.relayed", nodes...)
				time.Sleep(time.Minute)
				if through, linked := via(nodes[0], nodes[1]); through != "r3" || !linked {
					t.Errorf("a minute later: linked %v through %q", linked, through)
				}
				net.heal()
				healed := time.Now()
				eventually(t, func() error {
					if through, linked := via(nodes[0], nodes[1]); through != "" || !linked {
						return fmt.Errorf("linked %v through %q", linked, through)
					}
					return nil
				})
				if took := time.Since(healed); took > directEvery+2*dialWait {
					t.Errorf("the link is direct after %v", took)
				}
				asOne(t, "com.example.direct", nodes...)
				for _, n := range nodes {
					if err := n.Close(); err != nil {
						t.Error(err)
					}
				}
				time.Sleep(time.Minute)
			})
		})
	}
}

// Relays are bounded, and those of a member end with the links to it, whichever side it is on.
func TestRelaysAreBounded(t *testing.T) {
	rs := newRelays()
	var others []net.Conn
	for i := range maxRelays {
		here, there := net.Pipe()
		r := &relayed{from: MemberID(fmt.Sprint(i % 2)), to: MemberID(fmt.Sprint(2 + i%2)), sides: [2]net.Conn{here}}
		if !rs.add(r) {
			t.Fatalf("relay %d of %d was refused", i+1, maxRelays)
		}
		if i >= maxRelays/2 {
			other, far := net.Pipe()
			rs.connect(r, other)
			others = append(others, far)
		}
		others = append(others, there)
	}
	if rs.add(&relayed{}) {
		t.Error("one more than the most was taken")
	}
	rs.end("0")
	rs.end("3")
	if len(rs.open) != 0 {
		t.Errorf("%d are still open", len(rs.open))
	}
	for _, conn := range others {
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("a side of an ended relay is open")
		}
	}
	late := &relayed{sides: [2]net.Conn{nil}}
	if here, _ := net.Pipe(); rs.connect(late, here) || late.sides[1] != nil {
		t.Error("an ended relay was connected")
	}
	rs.close()
	if rs.add(late) {
		t.Error("one was taken after the end")
	}
}
