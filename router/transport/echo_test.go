package transport

import (
	"context"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// startServer serves h on loopback until the test ends.
func startServer(t testing.TB, s *Server) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutting down: %v", err)
		}
		if err := <-served; err != ErrServerClosed {
			t.Errorf("Serve returned %v", err)
		}
	})
	return ln.Addr().String()
}

// echo answers every CALL with a RESULT that has its payload.
func echo(c Conn) {
	var m wamp.Message
	for {
		b, err := c.ReadMessage()
		if err != nil {
			return
		}
		if wamp.Decode(c.Format(), b, &m) != nil {
			return
		}
		if c.Full() && c.WaitRoom(context.Background()) != nil {
			return
		}
		if c.Send(&wamp.Message{Type: wamp.Result, Request: m.Request, Payload: m.Payload}) != nil {
			return
		}
	}
}

func dial(t testing.TB, d *Dialer, url string, f wamp.Format) Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c, err := d.Dial(ctx, url, f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Abort(); <-c.Done() })
	return c
}

// forEach runs f for each transport and serialization.
func forEach(t *testing.T, f func(t *testing.T, scheme string, format wamp.Format)) {
	for _, scheme := range []string{"ws", "tcp"} {
		for _, format := range wamp.Formats {
			t.Run(scheme+"/"+format.String(), func(t *testing.T) { f(t, scheme, format) })
		}
	}
}

// What is sent arrives, in order, at every size around the limits of the frame headers.
func TestEcho(t *testing.T) {
	forEach(t, func(t *testing.T, scheme string, format wamp.Format) {
		address := startServer(t, &Server{Handler: echo})
		c := dial(t, &Dialer{}, scheme+"://"+address, format)
		sizes := []int{0, 1, 60, 70, 80, 90, 100, 110, 125, 126, 127, 500, 4096, 65400, 65470, 65500, 65535, 65536, 70000, 1 << 20}
		for i, size := range sizes {
			text := make([]byte, size)
			for j := range text {
				text[j] = byte('a' + (i+j)%26)
			}
			p := wamp.MustPayload(format, []any{string(text)}, nil)
			if err := c.Send(&wamp.Message{Type: wamp.Call, Request: wamp.ID(i + 1), URI: "a.b", Payload: p}); err != nil {
				t.Fatal(err)
			}
		}
		for i, size := range sizes {
			b, err := c.ReadMessage()
			if err != nil {
				t.Fatal(err)
			}
			var m wamp.Message
			if err := wamp.Decode(format, b, &m); err != nil {
				t.Fatal(err)
			}
			args, _, err := m.Payload.Decode()
			if err != nil || m.Type != wamp.Result || m.Request != wamp.ID(i+1) || len(args[0].(string)) != size {
				t.Fatalf("message %d: %v %v, %d bytes, %v", i, m.Type, m.Request, len(args[0].(string)), err)
			}
		}
	})
}
