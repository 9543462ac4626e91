package transport

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// certificate makes a self-signed certificate for 127.0.0.1.
func certificate(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// Both transports work under TLS on the one port, and a certificate can change while serving.
func TestTLS(t *testing.T) {
	cert, pool := certificate(t)
	address := startServer(t, &Server{Handler: echo, TLS: &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &cert, nil },
	}})
	for _, scheme := range []string{"wss", "tcps", "rss"} {
		for _, f := range wamp.Formats {
			c := dial(t, &Dialer{TLS: &tls.Config{RootCAs: pool}}, scheme+"://"+address, f)
			if c.Info().TLS == nil {
				t.Error("no TLS state")
			}
			for _, n := range []int{1, 100_000} {
				if err := c.Send(&wamp.Message{Type: wamp.Call, Request: 1, URI: "a", Payload: wamp.MustPayload(f, []any{strings.Repeat("x", n)}, nil)}); err != nil {
					t.Fatal(err)
				}
				if b, err := c.ReadMessage(); err != nil || len(b) < n {
					t.Errorf("%s %s: %d bytes, %v", scheme, f, len(b), err)
				}
			}
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := Dial(ctx, "tcp://"+address, wamp.JSON); err == nil {
		t.Error("a connection in the clear is accepted")
	}
	if _, err := Dial(context.Background(), "wss://"+address, wamp.JSON); err == nil {
		t.Error("a certificate of nobody is accepted")
	}
}

// Whoever does not finish a handshake is dropped in time and does not hold up others.
func TestHalfHandshakes(t *testing.T) {
	s := &Server{Handler: echo, Config: Config{HandshakeTimeout: 200 * time.Millisecond}}
	address := startServer(t, s)
	var stuck []net.Conn
	for _, start := range []string{"", "\x7f", "\x7f\xf2", "G", "GET /ws HTTP/1.1\r\nHost:", upgradeRequest} {
		nc := connect(t, address)
		write(t, nc, start)
		stuck = append(stuck, nc)
	}
	c := dial(t, &Dialer{}, "tcp://"+address, wamp.JSON)
	if err := c.Send(&wamp.Message{Type: wamp.Call, Request: 1, URI: "a"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ReadMessage(); err != nil {
		t.Error(err)
	}
	for _, nc := range stuck {
		expectEnd(t, nc)
	}
	if s.Stats.Accepted.Load() != 1 {
		t.Errorf("%d accepted", s.Stats.Accepted.Load())
	}
}

// A message may come one byte at a time.
func TestSlowBytes(t *testing.T) {
	forEach(t, func(t *testing.T, scheme string, f wamp.Format) {
		frame := wamp.Append(nil, f, &wamp.Message{Type: wamp.Call, Request: 1, URI: "a"})
		address, messages, _ := reads(t, &Server{})
		var nc net.Conn
		var stream string
		if scheme == "ws" {
			nc, stream = upgraded(t, address, subprotocol(f, unbatched)), masked(wsFin|newWSFraming(f, 0, true, false).opcode, string(frame))
		} else {
			nc = connect(t, address)
			stream = string([]byte{rawMagic, 0xf0 | byte(f), 0, 0, 0, 0, 0, byte(len(frame))}) + string(frame)
		}
		for i := range len(stream) {
			write(t, nc, stream[i:i+1])
		}
		if got := within(t, messages); got != string(frame) {
			t.Errorf("read %q, want %q", got, frame)
		}
	})
}

// A header that promises sixteen megabytes costs nothing until they come.
func TestBufferGrowsWithWhatArrives(t *testing.T) {
	const total = 16 << 20
	var in inbound
	in.start([]byte("a few bytes"))
	for in.w < total {
		in.makeRoom(total)
		if len(in.buf) > max(readIdle, 2*in.w) || in.w == len(in.buf) {
			t.Fatalf("a buffer of %d for %d bytes", len(in.buf), in.w)
		}
		in.w += min(1000, len(in.buf)-in.w)
		in.adapt(0)
	}
	if string(in.buf[:11]) != "a few bytes" {
		t.Error("the first bytes changed")
	}
	in.r = in.w
	in.adapt(quiet)
	if in.makeRoom(0); len(in.buf) != readIdle {
		t.Errorf("a quiet connection holds %d bytes", len(in.buf))
	}
}

// One more than MaxConnections is refused in the words of its transport, and a place that
// becomes free is given away again.
func TestMaxConnections(t *testing.T) {
	s := &Server{Handler: echo, Config: Config{MaxConnections: 1}}
	address := startServer(t, s)
	first := dial(t, &Dialer{}, "tcp://"+address, wamp.JSON)
	nc := connect(t, address)
	write(t, nc, "\x7f\xf1\x00\x00")
	expect(t, nc, "\x7f\x40\x00\x00")
	expectEnd(t, nc)
	nc = connect(t, address)
	if r, body := request(t, nc, upgradeRequest+"Sec-WebSocket-Protocol: wamp.2.json\r\n\r\n"); r.StatusCode != http.StatusServiceUnavailable {
		t.Error(r.Status, body)
	}
	expectEnd(t, nc)
	first.Close()
	within(t, first.Done())
	for deadline := time.Now().Add(5 * time.Second); ; {
		if c, err := Dial(context.Background(), "tcp://"+address, wamp.JSON); err == nil {
			c.Abort()
			<-c.Done()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("no place becomes free")
		}
	}
}

// What was sent before Close arrives, then the connection ends on both sides.
func TestCloseFlushes(t *testing.T) {
	forEach(t, func(t *testing.T, scheme string, f wamp.Format) {
		address, conns := accepted(t, &Server{})
		c := dial(t, &Dialer{}, scheme+"://"+address, f)
		server := within(t, conns)
		p := wamp.MustPayload(f, []any{strings.Repeat("x", 100_000)}, nil)
		for i := range 20 {
			if err := server.Send(&wamp.Message{Type: wamp.Result, Request: wamp.ID(i + 1), Payload: p}); err != nil {
				t.Fatal(err)
			}
		}
		server.CloseWith(CloseGoingAway, "that was all")
		for i := range 20 {
			var m wamp.Message
			b, err := c.ReadMessage()
			if err != nil || wamp.Decode(f, b, &m) != nil || m.Request != wamp.ID(i+1) {
				t.Fatal(i, m.Request, err)
			}
		}
		_, err := c.ReadMessage()
		if ce, ok := err.(*CloseError); scheme == "ws" && (!ok || ce.Code != CloseGoingAway || ce.Reason != "that was all") || scheme == "tcp" && err != io.EOF {
			t.Errorf("ends with %v", err)
		}
		c.Close()
		within(t, server.Done())
		within(t, c.Done())
	})
}

// Shutdown closes what is open, at the latest when its context ends.
func TestShutdown(t *testing.T) {
	started, stuck := make(chan struct{}), make(chan struct{})
	s := &Server{Handler: func(c Conn) {
		close(started)
		_, _ = c.ReadMessage()
		<-stuck
	}}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	half := connect(t, ln.Addr().String())
	write(t, half, "GET")
	c := dial(t, &Dialer{}, "ws://"+ln.Addr().String(), wamp.JSON)
	within(t, started)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); err != context.DeadlineExceeded {
		t.Error(err)
	}
	if err := within(t, served); err != ErrServerClosed {
		t.Error(err)
	}
	if _, err := c.ReadMessage(); err == nil || !strings.Contains(err.Error(), "1001") {
		t.Error(err)
	}
	expectEnd(t, half)
	close(stuck)
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if err := s.Serve(ln); err != ErrServerClosed {
		t.Error(err)
	}
}

// A peer that vanishes without a word ends the session.
func TestPeerVanishes(t *testing.T) {
	address, _, failed := reads(t, &Server{})
	nc := rawPeer(t, address)
	_ = nc.(*net.TCPConn).SetLinger(0)
	_ = nc.Close()
	if err := within(t, failed); err == nil || err == ErrClosed {
		t.Error(err)
	}
	nc = rawPeer(t, address)
	_ = nc.Close()
	if err := within(t, failed); err != io.EOF {
		t.Error(err)
	}
}

func TestDialErrors(t *testing.T) {
	address := startServer(t, &Server{Handler: echo})
	for _, url := range []string{"ftp://" + address, "tcp://127.0.0.1:1", "://", "ws://127.0.0.1:1"} {
		if _, err := Dial(context.Background(), url, wamp.JSON); err == nil {
			t.Errorf("%s is dialed", url)
		}
	}
	if _, err := Dial(context.Background(), "tcp://"+address, wamp.Format(9)); err == nil {
		t.Error("format 9 is dialed")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Dial(ctx, "tcp://"+address, wamp.JSON); err == nil {
		t.Error("a canceled context dials")
	}
}
