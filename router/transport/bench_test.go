package transport

import (
	"context"
	"fmt"
	"testing"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// BenchmarkEcho is a round trip with so many messages in flight on one connection: client and
// server together.
func BenchmarkEcho(b *testing.B) {
	for _, c := range []struct {
		scheme string
		format wamp.Format
	}{{"tcp", wamp.MessagePack}, {"ws", wamp.JSON}, {"ws", wamp.MessagePack}} {
		for _, flight := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("%s-%s/%d", c.scheme, c.format, flight), func(b *testing.B) {
				address := startServer(b, &Server{Handler: echo})
				conn := dial(b, &Dialer{}, c.scheme+"://"+address, c.format)
				m := &wamp.Message{Type: wamp.Call, Request: 1, URI: "com.example.echo", Payload: wamp.MustPayload(c.format, []any{"sixteen bytes..."}, nil)}
				b.ReportAllocs()
				window := make(chan struct{}, flight)
				go func() {
					for range b.N {
						window <- struct{}{}
						if conn.Send(m) != nil {
							return
						}
					}
				}()
				for range b.N {
					if _, err := conn.ReadMessage(); err != nil {
						b.Fatal(err)
					}
					<-window
				}
			})
		}
	}
}

// BenchmarkSend is encoding into the outbound buffer, without the network.
func BenchmarkSend(b *testing.B) {
	for _, f := range wamp.Formats {
		b.Run(f.String(), func(b *testing.B) {
			address := startServer(b, &Server{Handler: func(c Conn) {
				for {
					if _, err := c.ReadMessage(); err != nil {
						return
					}
				}
			}})
			conn := dial(b, &Dialer{}, "tcp://"+address, f)
			m := &wamp.Message{Type: wamp.Call, Request: 1, URI: "com.example.echo", Payload: wamp.MustPayload(f, []any{"sixteen bytes..."}, nil)}
			b.ReportAllocs()
			for b.Loop() {
				if conn.Full() {
					if err := conn.WaitRoom(context.Background()); err != nil {
						b.Fatal(err)
					}
				}
				if err := conn.Send(m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
