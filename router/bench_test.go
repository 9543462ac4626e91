package router_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/transport"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// benchCallee answers every invocation with its own arguments, as raw bytes. It does not announce
// call_reroute, for which the dealer keeps a copy of each call.
func benchCallee(b *testing.B, address, uri string, f wamp.Format) {
	b.Helper()
	conn := wamptest.Dial(b, address, f)
	_ = conn.Send(wamptest.HelloWith("realm1", f, map[string]any{"roles": wamptest.Roles("callee.call_reroute")}))
	wamptest.Read(b, conn)
	_ = conn.Send(&wamp.Message{Type: wamp.Register, Request: 1, URI: uri, Dict: wamp.MustDict(f, map[string]any{"invoke": "random"})})
	wamptest.Read(b, conn)
	go func() {
		var m wamp.Message
		yield := &wamp.Message{Type: wamp.Yield}
		for {
			frame, err := conn.ReadMessage()
			if err != nil || wamp.Decode(f, frame, &m) != nil {
				return
			}
			yield.Request, yield.Payload = m.Request, m.Payload
			_ = conn.Send(yield)
		}
	}()
}

// benchCaller makes n calls with a number of them in flight.
func benchCaller(b *testing.B, conn transport.Conn, uri string, n, inFlight int, payload wamp.Payload) {
	var m wamp.Message
	call := &wamp.Message{Type: wamp.Call, URI: uri, Payload: payload}
	send := func() {
		call.Request++
		_ = conn.Send(call)
	}
	for range min(n, inFlight) {
		send()
	}
	for got := range n {
		frame, err := conn.ReadMessage()
		if err == nil {
			err = wamp.Decode(conn.Format(), frame, &m)
		}
		if err != nil || m.Type != wamp.Result {
			b.Errorf("got %v %s, %v", m.Type, m.URI, err)
			return
		}
		if got+inFlight < n {
			send()
		}
	}
}

// BenchmarkCall is the whole way of a call over sockets. Clients are in the same process, so
// allocations and time are those of client and router together; both sides of the clients are
// written so that they allocate nothing.
func BenchmarkCall(b *testing.B) {
	for _, c := range []struct {
		replicas, callers, inFlight, callees, size int
		websocket                                  bool
		format                                     wamp.Format
	}{
		{1, 1, 1, 1, 16, false, wamp.MessagePack},
		{1, 8, 16, 4, 16, false, wamp.MessagePack},
		{1, 8, 64, 8, 16, false, wamp.MessagePack},
		{1, 8, 16, 4, 1024, false, wamp.MessagePack},
		{1, 8, 16, 4, 64 << 10, false, wamp.MessagePack},
		{1, 8, 16, 4, 16, true, wamp.JSON},
		{2, 8, 16, 4, 16, false, wamp.MessagePack},
		{2, 8, 16, 4, 64 << 10, false, wamp.MessagePack},
	} {
		kind := "rawsocket"
		if c.websocket {
			kind = "websocket"
		}
		b.Run(fmt.Sprintf("replicas=%d/%dx%d/callees=%d/%dB/%s/%s", c.replicas, c.callers, c.inFlight, c.callees, c.size, kind, c.format), func(b *testing.B) {
			dev := start(b, c.replicas)
			address := func(r *router.Router) string {
				if c.websocket {
					return websocket(r)
				}
				return rawsocket(r)
			}
			// Callees are on the last replica and callers on the first.
			for range c.callees {
				benchCallee(b, address(dev.Routers[c.replicas-1]), uri, c.format)
			}
			payload := wamp.MustPayload(c.format, []any{string(make([]byte, c.size))}, nil)
			var conns []transport.Conn
			for range c.callers {
				conn := wamptest.Dial(b, address(dev.Routers[0]), c.format)
				_ = conn.Send(wamptest.Hello("realm1", c.format))
				wamptest.Read(b, conn)
				conns = append(conns, conn)
			}
			b.ReportAllocs()
			b.ResetTimer()
			var done sync.WaitGroup
			for i, conn := range conns {
				n := b.N / c.callers
				if i < b.N%c.callers {
					n++
				}
				done.Go(func() { benchCaller(b, conn, uri, n, c.inFlight, payload) })
			}
			done.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
		})
	}
}
