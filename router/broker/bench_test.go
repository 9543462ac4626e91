package broker

import (
	"fmt"
	"testing"

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
	c.buf = wamp.Append(c.buf[:0], c.Format(), m)
	return nil
}

func (c *bareConn) SendEncoded(b []byte) error {
	c.buf = append(c.buf[:0], b...)
	return nil
}

func (c *bareConn) SendVia(_ *backlog.Via, m *wamp.Message) error { return c.Send(m) }

func (c *bareConn) Full() bool { return false }

func bareJoin(b testing.TB, broker *Broker, f wamp.Format) *joined {
	b.Helper()
	conn := wamptest.NewConn(f)
	return joinOver(b, broker, &bareConn{Conn: conn}, conn, wamptest.Hello("realm1", f), role("all"))
}

// silent is a cluster of one.
type silent struct{ realm }

func (*silent) Publish(*cluster.Event) {}

// BenchmarkPublish is one PUBLISH to many subscribers in memory, no sockets: the cost of a
// subscriber must stay that of a copy, without allocation.
func BenchmarkPublish(b *testing.B) {
	payload := wamp.MustPayload(wamp.MessagePack, []any{"sixteen bytes ..."}, nil)
	for _, n := range []int{0, 1, 10, 1000} {
		b.Run(fmt.Sprintf("subscribers=%d", n), func(b *testing.B) {
			broker := New(Config{Name: "realm1", Realm: &silent{}})
			for range n {
				bareJoin(b, broker, wamp.MessagePack).Subscribe(&wamp.Message{Type: wamp.Subscribe, Request: 1, URI: topicURI})
			}
			publisher := bareJoin(b, broker, wamp.MessagePack)
			m := &wamp.Message{Type: wamp.Publish, URI: topicURI, Payload: payload}
			b.ReportAllocs()
			for b.Loop() {
				m.Request++
				publisher.Publish(m)
			}
			if n > 0 {
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/event")
			}
		})
	}
}

// BenchmarkPublishToPatterns is one PUBLISH that one of many patterns matches.
func BenchmarkPublishToPatterns(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprintf("patterns=%d", n), func(b *testing.B) {
			broker := New(Config{Name: "realm1", Realm: &silent{}})
			c := bareJoin(b, broker, wamp.MessagePack)
			for i := range n {
				c.listen(fmt.Sprintf("com.p%d.", i), map[string]any{"match": "prefix"})
				c.listen(fmt.Sprintf("com..p%d", i), map[string]any{"match": "wildcard"})
			}
			publisher := bareJoin(b, broker, wamp.MessagePack)
			m := &wamp.Message{Type: wamp.Publish, URI: "com.p0.x", Payload: wamp.MustPayload(wamp.MessagePack, []any{"sixteen bytes ..."}, nil)}
			b.ReportAllocs()
			for b.Loop() {
				m.Request++
				publisher.Publish(m)
			}
		})
	}
}
