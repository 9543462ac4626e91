package router_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/transport"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// limited starts one replica with limits from its configuration.
func limited(t *testing.T, limits v1alpha1.RouterLimits) *router.Dev {
	t.Helper()
	return start(t, 1, func(c *router.DevConfig) {
		c.Configure = func(_ int, c *v1alpha1.RouterConfiguration) { c.Limits = limits }
	})
}

// metric wants a line of a replica's metrics.
func metric(t *testing.T, r *router.Router, line string) {
	t.Helper()
	eventually(t, line, func() bool {
		_, body := get(t, r, "/metrics")
		return strings.Contains(body, line+"\n")
	})
}

func ptr[T any](v T) *T { return &v }

// A client too many is told so on either transport, whoever is there goes on, and metrics tell.
func TestConnectionLimitOfConfiguration(t *testing.T) {
	dev := limited(t, v1alpha1.RouterLimits{Connections: ptr[int32](2)})
	r := dev.Routers[0]
	a, b := join(t, dev, 0), join(t, dev, 0)
	for address, says := range map[string]string{rawsocket(r): "maximum connection count", websocket(r): "503"} {
		if _, err := transport.Dial(t.Context(), address, wamp.JSON); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", address, err)
		}
	}
	exchange(t, a, b, "com.example.limited")
	metric(t, r, `wamp_router_connections_refused_total{reason="full"} 2`)
}

// A message above the limit ends its connection and no other, and metrics tell.
func TestMessageSizeOfConfiguration(t *testing.T) {
	dev := limited(t, v1alpha1.RouterLimits{MessageSize: ptr(resource.MustParse("64Ki"))})
	r := dev.Routers[0]
	conn := wamptest.Dial(t, websocket(r), wamp.JSON)
	if err := conn.SendEncoded(make([]byte, 64<<10+1)); err != nil {
		t.Fatal(err)
	}
	expectAbort(t, conn, wamp.ErrProtocolViolation, "above the limit of 65536")
	exchangeSmall(t, join(t, dev, 0), join(t, dev, 0))
	metric(t, r, `wamp_router_connections_dropped_total{reason="oversize"} 1`)
}

func exchangeSmall(t *testing.T, a, b *wamptest.Client) {
	t.Helper()
	if _, err := a.Register("com.example.small", nil, func(m *wamptest.Message) { a.Yield(m, m.Args...) }); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Call("com.example.small", "x"); err != nil || got.Args[0] != "x" {
		t.Fatal(err)
	}
}

// Whoever says nothing valid is gone when the time for it is over: before the transport's handshake and
// before HELLO.
func TestHandshakeTimeoutOfConfiguration(t *testing.T) {
	dev := limited(t, v1alpha1.RouterLimits{HandshakeTimeout: &metav1.Duration{Duration: 200 * time.Millisecond}})
	r := dev.Routers[0]
	for _, bytes := range []string{"", "\x7f", "GET /ws HTTP/1.1\r\n", "\x7f\xf1\x00\x00", "\x7f\xf1\x00\x00\x00\x00"} {
		nc, err := net.Dial("tcp", r.Address())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		_ = nc.SetDeadline(time.Now().Add(wamptest.Timeout))
		if _, err := io.WriteString(nc, bytes); err != nil {
			t.Fatal(err)
		}
		var late net.Error
		if _, err := io.ReadAll(nc); errors.As(err, &late) && late.Timeout() {
			t.Errorf("%q holds the connection", bytes)
		}
	}
	metric(t, r, `wamp_router_connections_refused_total{reason="timeout"} 3`)
}

// A flood beyond the rate is read more slowly, loses nothing, and disturbs nobody beside it.
func TestMessageRateOfConfiguration(t *testing.T) {
	dev := limited(t, v1alpha1.RouterLimits{MessagesPerSecond: ptr[int32](500), MessageBurst: ptr[int32](50)})
	callee, flood, other := join(t, dev, 0), join(t, dev, 0), join(t, dev, 0)
	if _, err := callee.Subscribe("com.example.flood", func(*wamptest.Message) {}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for i := range 250 {
		if err := flood.Send(&wamp.Message{Type: wamp.Publish, Request: wamp.ID(i + 1), URI: "com.example.flood"}); err != nil {
			t.Fatal(err)
		}
	}
	exchangeSmall(t, other, join(t, dev, 0))
	eventually(t, "all 250 publications are read", func() bool {
		_, body := get(t, dev.Routers[0], "/metrics")
		return !strings.Contains(body, "wamp_router_message_rate_pauses_total 0\n") && time.Since(began) > 300*time.Millisecond
	})
}

// Slow bytes, one a second, do not hold a place for longer than a handshake may take, and those who
// behave notice nothing.
func TestSlowBytesAreCutOff(t *testing.T) {
	dev := limited(t, v1alpha1.RouterLimits{HandshakeTimeout: &metav1.Duration{Duration: 500 * time.Millisecond}})
	r := dev.Routers[0]
	a, b := join(t, dev, 0), join(t, dev, 0)
	ended := make(chan error, 20)
	for i := range cap(ended) {
		// Half of them are too slow for the transport's handshake, the others for HELLO.
		nc, err := net.Dial("tcp", r.Address())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		go func() {
			text := []string{"GET /ws HTTP/1.1\r\nHost: router\r\n\r\n", "\x7f\xf1\x00\x00\x00\x00\x00\x20[1,\"realm1\",{\"roles\":{}}]"}[i%2]
			_ = nc.SetReadDeadline(time.Now().Add(wamptest.Timeout))
			over, done := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(done)
				for j := range len(text) {
					if _, err := nc.Write([]byte{text[j]}); err != nil {
						return
					}
					select {
					case <-time.After(time.Second): // the pace is what is tested
					case <-over:
						return
					}
				}
			}()
			_, err := io.ReadAll(nc)
			close(over)
			<-done
			ended <- err
		}()
	}
	exchangeSmall(t, a, b)
	for range cap(ended) {
		var late net.Error
		if err := <-ended; errors.As(err, &late) && late.Timeout() {
			t.Error("a connection is held by slow bytes")
		}
	}
	exchange(t, a, b, "com.example.still.there")
}

// Text that is no UTF-8 ends the session that sent it with a reason.
func TestInvalidUTF8(t *testing.T) {
	dev := start(t, 1)
	for _, batched := range []bool{false, true} {
		d := &transport.Dialer{Batched: batched}
		conn, err := d.Dial(t.Context(), websocket(dev.Routers[0]), wamp.JSON)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Abort(); <-conn.Done() })
		if err := conn.SendEncoded([]byte("[1,\"realm1\xff\",{\"roles\":{}}]")); err != nil {
			t.Fatal(err)
		}
		expectAbort(t, conn, wamp.ErrProtocolViolation, "")
	}
}
