package transport

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// What can become nothing valid is refused at once, not when the handshake's time is over.
func TestNonsenseIsRefusedAtOnce(t *testing.T) {
	s := &Server{Handler: echo, Config: Config{HandshakeTimeout: time.Hour}}
	address := startServer(t, s)
	for what, c := range map[string]struct{ bytes, answer string }{
		"zero":                   {"\x00", ""},
		"a lower-case letter":    {"g", ""},
		"TLS on a clear port":    {"\x16\x03\x01", ""},
		"SSH":                    {"SSH-2.0-x", ""},
		"Redis":                  {"*1\r\n", ""},
		"MQTT":                   {"\x10\x0c", ""},
		"capitals":               {"GREETINGS", ""},
		"a method without space": {"GETX", ""},
		"serializer 0":           {"\x7f\xf0", "\x7f\x10\x00\x00"},
		"serializer 4":           {"\x7f\xf4", "\x7f\x10\x00\x00"},
		"length 0":               {"\x7f\x01", "\x7f\x20\x00\x00"},
		"reserved":               {"\x7f\xf1\x01", "\x7f\x30\x00\x00"},
	} {
		nc := connect(t, address)
		write(t, nc, c.bytes)
		expect(t, nc, c.answer)
		expectEnd(t, nc)
		_ = what
	}
	if n := s.Stats.RefusedSlow.Load(); n != 0 {
		t.Errorf("%d counted as slow", n)
	}
}

// Words in the clear to a port that speaks TLS are answered in words.
func TestClearRequestToTLS(t *testing.T) {
	cert, _ := certificate(t)
	address := startServer(t, &Server{Handler: echo, TLS: tlsOf(cert)})
	nc := connect(t, address)
	if r, body := request(t, nc, "GET /ws HTTP/1.1\r\nHost: x\r\n\r\n"); r.StatusCode != http.StatusBadRequest || !strings.Contains(body, "speaks TLS") {
		t.Error(r.Status, body)
	}
	nc = connect(t, address)
	write(t, nc, "\x7f\xf1\x00\x00\x00")
	expectEnd(t, nc)
}

// Whoever is slow in his handshake is counted, on either transport.
func TestSlowHandshakesAreCounted(t *testing.T) {
	s := &Server{Handler: echo, Config: Config{HandshakeTimeout: 100 * time.Millisecond}}
	address := startServer(t, s)
	for _, start := range []string{"", "\x7f", "GET /ws HTTP/1.1\r\nHost:"} {
		nc := connect(t, address)
		write(t, nc, start)
		expectEnd(t, nc)
	}
	eventually(t, func() bool { return s.Stats.RefusedSlow.Load() == 3 && s.Stats.Refused.Load() == 3 })
}

func eventually(t testing.TB, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not happen")
		}
	}
}

// Far more connections than there may be are refused without holding up the ones that are there, in
// words while that is cheap, and all is as before when they are gone.
func TestConnectionFlood(t *testing.T) {
	s := &Server{Handler: echo, Config: Config{MaxConnections: 2}}
	address := startServer(t, s)
	c := dial(t, &Dialer{}, "tcp://"+address, wamp.JSON)
	other := dial(t, &Dialer{}, "ws://"+address, wamp.JSON)
	var flood []net.Conn
	for range 3 * turnAwayAtOnce {
		flood = append(flood, connect(t, address))
	}
	calls(t, c, 100, func(int) string { return "x" })
	calls(t, other, 100, func(int) string { return "x" })
	for _, nc := range flood {
		expectEnd(t, nc) // most of them at once, the others when they said nothing for a second
	}
	if n := s.Stats.RefusedFull.Load(); n != 3*turnAwayAtOnce {
		t.Errorf("%d refused", n)
	}
	if n := s.Stats.Open.Load(); n != 2 {
		t.Errorf("%d open", n)
	}
	other.Close()
	within(t, other.Done())
	eventually(t, func() bool {
		c, err := Dial(context.Background(), "ws://"+address, wamp.JSON)
		if err != nil {
			return false
		}
		c.Abort()
		<-c.Done()
		return true
	})
}

// The limit per address answers in words, under TLS too, and a place becomes free again.
func TestMaxPerAddress(t *testing.T) {
	cert, pool := certificate(t)
	for _, secure := range []bool{false, true} {
		s := &Server{Handler: echo, Config: Config{MaxPerAddress: 2}}
		raw, web, d := "tcp", "ws", &Dialer{}
		if secure {
			raw, web, s.TLS, d.TLS = "tcps", "wss", tlsOf(cert), tlsClient(pool)
		}
		address := startServer(t, s)
		first := dial(t, d, raw+"://"+address, wamp.JSON)
		dial(t, d, web+"://"+address, wamp.JSON)
		if _, err := d.Dial(t.Context(), raw+"://"+address, wamp.JSON); err == nil || !strings.Contains(err.Error(), "maximum connection count") {
			t.Error(err)
		}
		if _, err := d.Dial(t.Context(), web+"://"+address, wamp.JSON); err == nil || !strings.Contains(err.Error(), "503") {
			t.Error(err)
		}
		first.Close()
		within(t, first.Done())
		eventually(t, func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return len(s.addresses) == 1 && s.Stats.Open.Load() == 1
		})
		dial(t, d, raw+"://"+address, wamp.JSON)
		if s.Stats.RefusedAddress.Load() != 2 {
			t.Error("not counted")
		}
	}
}

// The bucket lets a burst pass, then the rate, and never more than both, whenever it is asked.
func TestPace(t *testing.T) {
	now := time.Unix(0, 0)
	p := &pace{rate: 100, burst: 20, tokens: 20, filled: now}
	passed := 0
	for range 100_000 {
		wait := p.take(func() time.Time { return now })
		if wait == 0 {
			passed++
			continue
		}
		if wait < minPause || wait > time.Second {
			t.Fatalf("wait %v", wait)
		}
		if now = now.Add(wait); now.After(time.Unix(10, 0)) {
			break
		}
	}
	if passed < 990 || passed > 1021 {
		t.Errorf("%d messages in ten seconds, want 20 and 1000", passed)
	}
	now = now.Add(1 << 40 * time.Millisecond)
	for range 20 {
		if p.take(func() time.Time { return now }) != 0 {
			t.Fatal("no burst after a long rest")
		}
	}
	if p.take(func() time.Time { return now }) == 0 {
		t.Error("more than a burst after a long rest")
	}
}

// Who sends more than he may is read more slowly, loses nothing, and disturbs nobody.
func TestMessageRate(t *testing.T) {
	s := &Server{Handler: echo, Config: Config{MessageRate: 200, MessageBurst: 10}}
	address := startServer(t, s)
	c := dial(t, &Dialer{}, "tcp://"+address, wamp.JSON)
	began := time.Now()
	calls(t, c, 50, func(int) string { return "x" })
	if took := time.Since(began); took < 150*time.Millisecond {
		t.Errorf("50 messages at 200 a second took %v", took)
	}
	if s.Stats.Pauses.Load() == 0 {
		t.Error("not counted")
	}
	// A connection that is held back ends at once when it is told to.
	slow := &Server{Handler: echo, Config: Config{MessageRate: 1}}
	address = startServer(t, slow)
	c = dial(t, &Dialer{}, "tcp://"+address, wamp.JSON)
	for range 100 {
		if err := c.SendEncoded([]byte(`[48,1,{},"a"]`)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, func() bool { return slow.Stats.Pauses.Load() > 0 })
}

// A writer that has nothing to do goes, and comes back for the next message; so it does for the end.
func TestWriterRests(t *testing.T) {
	address, conns := accepted(t, &Server{Config: Config{WriteTimeout: 20 * time.Millisecond}})
	nc := rawPeer(t, address)
	c := within(t, conns)
	for range 3 {
		eventually(t, func() bool { return !c.(*peer).writing() })
		if err := c.SendEncoded([]byte("[]")); err != nil {
			t.Fatal(err)
		}
		expect(t, nc, "\x00\x00\x00\x02[]")
	}
	eventually(t, func() bool { return !c.(*peer).writing() })
	c.Close()
	within(t, c.Done())
	expectEnd(t, nc)
}

// Sending and resting at the same time loses nothing.
func TestWriterRestsWhileOthersSend(t *testing.T) {
	address, conns := accepted(t, &Server{})
	nc := rawPeer(t, address)
	p := within(t, conns).(*peer)
	stop := make(chan struct{})
	go func() {
		defer close(stop)
		for range 20_000 {
			p.out.mu.Lock()
			p.out.rests = restAfter
			p.out.mu.Unlock()
			p.rest()
		}
	}()
	const n = 5000
	go func() {
		for range n {
			_ = p.SendEncoded([]byte("x"))
		}
	}()
	want := bytes.Repeat([]byte("\x00\x00\x00\x01x"), n)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(nc, got); err != nil || !bytes.Equal(got, want) {
		t.Fatal(err)
	}
	<-stop
}
