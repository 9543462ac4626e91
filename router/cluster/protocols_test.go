package cluster

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// logged keeps what a node logs.
type logged struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// startSpeaking starts a node of a release that speaks these versions.
func startSpeaking(t *testing.T, net *bubbleNet, number int, p protocols) (*Node, *logged) {
	t.Helper()
	ip := fmt.Sprintf("10.0.0.%d", number)
	log := &logged{}
	n, err := Start(Config{
		Cluster: "bubble", Replica: fmt.Sprintf("r%d", number), Logger: slog.New(slog.NewTextHandler(log, nil)),
		Host: silentHost{}, fabric: net.host(ip), speaks: p,
		Network: &Network{
			Gossip: fmt.Sprintf("0.0.0.0:%d", bubbleGossip), Links: fmt.Sprintf("0.0.0.0:%d", bubbleLinks),
			Advertise: ip, Join: []string{bubbleRoutersName},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return n, log
}

// A replica that can speak with none of those that are there does not serve beside them: it stays
// unready and says why, as do they. When they are gone it serves.
func TestReplicaOfAnotherRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newBubbleNet(1)
		old, oldLog := startSpeaking(t, net, 1, protocols{3, 3})
		time.Sleep(joinWait)
		if !old.Joined() || old.Waiting() != "" {
			t.Fatalf("the first replica is not ready: %s", old.Waiting())
		}
		var young []*Node
		for number := range 2 { // which can speak with each other
			n, log := startSpeaking(t, net, 2+number, protocols{4, 5})
			young = append(young, n)
			time.Sleep(3 * joinWait)
			for _, n := range young {
				if why := n.Waiting(); n.Joined() || !strings.Contains(why, "version") || !strings.Contains(why, old.Member()) {
					t.Errorf("%s: joined %v, waiting: %s", n.Member(), n.Joined(), why)
				}
			}
			for who, log := range map[string]*logged{"the old one": oldLog, "the new one": log} {
				for _, name := range []string{old.Member(), n.Member()} {
					if got := strings.Count(log.String(), "no member"); got == 0 || got > len(young) || !strings.Contains(log.String(), name) {
						t.Errorf("%s logged %d lines of it and %s:\n%s", who, got, name, log)
					}
				}
			}
		}
		if !old.Joined() || len(old.Members()) != 1 {
			t.Errorf("the first replica: joined %v, sees %v", old.Joined(), old.Members())
		}
		if err := old.Close(); err != nil {
			t.Error(err)
		}
		net.withdraw("10.0.0.1")
		time.Sleep(joinWait)
		for _, n := range young {
			if !n.Joined() || len(n.Members()) != 2 {
				t.Errorf("%s: joined %v, sees %v, waiting: %s", n.Member(), n.Joined(), n.Members(), n.Waiting())
			}
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(time.Minute)
	})
}

// Releases that overlap are one cluster, and each pair speaks the highest version that both know.
func TestReplicasOfReleasesThatOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newBubbleNet(2)
		speaks := []protocols{{3, 3}, {3, 4}, {3, 5}}
		var nodes []*Node
		for i, p := range speaks {
			n, _ := startSpeaking(t, net, 1+i, p)
			nodes = append(nodes, n)
		}
		time.Sleep(joinWait)
		for i, n := range nodes {
			if !n.Joined() || len(n.Members()) != len(nodes) {
				t.Errorf("%s: joined %v, sees %v, waiting: %s", n.Member(), n.Joined(), n.Members(), n.Waiting())
			}
			for j, other := range nodes {
				want, _ := speaks[i].common(speaks[j])
				if l := n.links.linked(other.self.id); l != nil && (l.control.protocol != want || l.calls.protocol != want) {
					t.Errorf("%s and %s speak version %d", n.Member(), other.Member(), l.control.protocol)
				}
			}
		}
		for _, n := range nodes {
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(time.Minute)
	})
}
