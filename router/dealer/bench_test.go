package dealer

import (
	"log/slog"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/internal/backlog"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// bareConn encodes what it is sent and forgets it, as a connection whose peer reads at once.
type bareConn struct {
	*wamptest.Conn
	buf []byte
}

func (c *bareConn) Send(m *wamp.Message) error {
	c.buf = wamp.Append(c.buf[:0], wamp.MessagePack, m)
	return nil
}

func (c *bareConn) SendVia(_ *backlog.Via, m *wamp.Message) error { return c.Send(m) }

func (c *bareConn) Full() bool { return false }

func bare(b *testing.B, r Realm, without ...string) *joined {
	b.Helper()
	conn := wamptest.NewConn(wamp.MessagePack)
	return joinOver(b, r, &bareConn{Conn: conn}, conn, wamptest.Roles(without...))
}

type host struct{}

func (host) Event(string, *cluster.Event) cluster.Waiter  { return nil }
func (host) Changed(cluster.ProcedureKey)                 {}
func (host) Pending(func(cluster.Callee, cluster.Caller)) {}
func (host) Meta(*cluster.MetaEvent)                      {}
func (host) Message(string, wamp.ID, []byte)              {}
func (host) Kept(string, func(*cluster.Event) bool)       {}
func (host) Keep(string, *cluster.Event)                  {}
func (host) Revoke(string, wamp.ID, wamp.ID)              {}

// BenchmarkCall is a call through dealer and cluster in memory: two sessions, no sockets. A callee
// that announces rerouting has its calls kept, which costs a copy of each.
func BenchmarkCall(b *testing.B) {
	benchmarkCall(b, "", "callee.call_reroute")
	benchmarkCall(b, ", kept")
}

func benchmarkCall(b *testing.B, kind string, without ...string) {
	for _, policy := range []cluster.Policy{cluster.First, cluster.RoundRobin} {
		b.Run(policy.String()+kind, func(b *testing.B) {
			node, err := cluster.Start(cluster.Config{Cluster: "bench", Replica: "bench", Logger: slog.New(slog.DiscardHandler), Host: host{}})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = node.Close() }()
			realm := node.Realm("realm1")
			callee, caller := bare(b, realm, without...), bare(b, realm)
			callee.Register(&wamp.Message{Type: wamp.Register, Request: 1, URI: uri,
				Dict: wamp.MustDict(wamp.MessagePack, map[string]any{"invoke": policy.String()})})
			registered := func() bool {
				callee.mu.Lock()
				defer callee.mu.Unlock()
				return callee.registrations[cluster.RegistrationID("realm1", cluster.Exact, uri)].confirmed
			}
			for !registered() { // until then its invocations wait
				time.Sleep(time.Millisecond)
			}
			call := &wamp.Message{Type: wamp.Call, URI: uri, Payload: wamp.MustPayload(wamp.MessagePack, []any{"sixteen bytes ..."}, nil)}
			yield := &wamp.Message{Type: wamp.Yield, Payload: call.Payload}
			b.ReportAllocs()
			for b.Loop() {
				call.Request++
				yield.Request++
				caller.Call(call)
				callee.Yield(yield)
			}
			if results, failures := caller.Answered(); results != uint64(b.N) || failures != 0 {
				b.Errorf("%d results, %d failures of %d", results, failures, b.N)
			}
		})
	}
}
