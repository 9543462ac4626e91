package transport

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// connect opens a plain TCP connection on which nothing waits longer than five seconds.
func connect(t testing.TB, address string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(5 * time.Second))
	return nc
}

func write(t testing.TB, nc net.Conn, b string) {
	t.Helper()
	if _, err := io.WriteString(nc, b); err != nil {
		t.Fatal(err)
	}
}

// expect reads exactly what is wanted.
func expect(t testing.TB, nc net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(nc, got); err != nil || string(got) != want {
		t.Fatalf("read %q, %v, want %q", got, err, want)
	}
}

// expectEnd wants the connection closed, in order or with a reset.
func expectEnd(t testing.TB, nc net.Conn) {
	t.Helper()
	b, err := io.ReadAll(nc)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		t.Fatalf("the connection stays open after %q", b)
	}
}

// reads runs a server that records what ReadMessage returns until it fails, and the error.
func reads(t testing.TB, s *Server) (address string, messages chan string, failed chan error) {
	messages, failed = make(chan string, 100), make(chan error, 1)
	s.Handler = func(c Conn) {
		for {
			b, err := c.ReadMessage()
			if err != nil {
				failed <- err
				return
			}
			messages <- string(b)
		}
	}
	return startServer(t, s), messages, failed
}

func within[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(5 * time.Second):
		t.Fatal("nothing happened for five seconds")
		panic("unreachable")
	}
}

// The RawSocket handshake of the WAMP text, octet by octet.
func TestRawHandshake(t *testing.T) {
	address := startServer(t, &Server{Handler: echo})
	for _, c := range []struct{ what, hello, answer string }{
		{"JSON", "\x7f\xf1\x00\x00", "\x7f\xf1\x00\x00"},
		{"MessagePack", "\x7f\xf2\x00\x00", "\x7f\xf2\x00\x00"},
		{"CBOR, small peer", "\x7f\x33\x00\x00", "\x7f\xf3\x00\x00"},
		{"unknown serializer", "\x7f\xf7\x00\x00", "\x7f\x10\x00\x00"},
		{"no serializer", "\x7f\xf0\x00\x00", "\x7f\x10\x00\x00"},
		{"too small a peer", "\x7f\x02\x00\x00", "\x7f\x20\x00\x00"},
		{"reserved octet", "\x7f\xf2\x00\x01", "\x7f\x30\x00\x00"},
	} {
		t.Run(c.what, func(t *testing.T) {
			nc := connect(t, address)
			write(t, nc, c.hello)
			expect(t, nc, c.answer)
			if c.answer[1]&0x0f == 0 {
				expectEnd(t, nc)
			}
		})
	}
}

func TestRawLengthCodes(t *testing.T) {
	for n, want := range map[int]byte{1: 0, 512: 0, 1023: 0, 1024: 1, 16 << 20: 15, 16<<20 - 1: 14, 1 << 30: 15} {
		if got := rawLengthCode(n); got != want {
			t.Errorf("the code of %d is %d, want %d", n, got, want)
		}
	}
	if rawLength(0) != 512 || rawLength(15) != 1<<24 {
		t.Error("lengths", rawLength(0), rawLength(15))
	}
}

// Pings are answered with their payload, between messages and without disturbing them.
func TestRawPing(t *testing.T) {
	address, messages, _ := reads(t, &Server{})
	nc := connect(t, address)
	write(t, nc, "\x7f\xf1\x00\x00")
	expect(t, nc, "\x7f\xf1\x00\x00")
	write(t, nc, "\x00\x00\x00\x02[]\x01\x00\x00\x03abc\x00\x00\x00\x03[1]\x02\x00\x00\x00\x01\x00\x00\x00")
	expect(t, nc, "\x02\x00\x00\x03abc\x02\x00\x00\x00")
	if a, b := within(t, messages), within(t, messages); a != "[]" || b != "[1]" {
		t.Errorf("messages %q, %q", a, b)
	}
}

// Frames above the announced length, of unknown types, or cut off close the connection and
// name the fault.
func TestRawFaults(t *testing.T) {
	for what, c := range map[string]struct {
		frame string
		code  CloseCode
	}{
		"oversize":     {"\x00\x00\x04\x01", CloseTooBig},
		"large ping":   {"\x01\xff\xff\xff", CloseTooBig},
		"unknown type": {"\x03\x00\x00\x00", CloseProtocolError},
		"reserved":     {"\x80\x00\x00\x00", CloseProtocolError},
		"cut off":      {"\x00\x00\x00\x09[1,", 0},
	} {
		t.Run(what, func(t *testing.T) {
			address, _, failed := reads(t, &Server{Config: Config{MaxMessage: 1024}})
			nc := connect(t, address)
			write(t, nc, "\x7f\xf1\x00\x00")
			expect(t, nc, "\x7f\x11\x00\x00")
			write(t, nc, c.frame)
			_ = nc.(*net.TCPConn).CloseWrite()
			err := within(t, failed)
			var pe *ProtocolError
			if c.code == 0 && !errors.Is(err, io.ErrUnexpectedEOF) || c.code != 0 && (!errors.As(err, &pe) || pe.Code != c.code) {
				t.Errorf("the error is %v", err)
			}
			expectEnd(t, nc)
		})
	}
}

// The client side refuses answers that make no sense, and says what the refusal was.
func TestRawClientHandshake(t *testing.T) {
	for answer, want := range map[string]string{
		"\x7f\x10\x00\x00": "serializer unsupported",
		"\x7f\x40\x00\x00": "maximum connection count",
		"\x7f\x90\x00\x00": "error 9",
		"\x7f\xf1\x00\x00": "makes no sense",
		"HTTP":             "does not speak RawSocket",
		"\x7f":             "EOF",
	} {
		client, server := net.Pipe()
		go func() {
			_, _ = io.ReadFull(server, make([]byte, 4))
			_, _ = io.WriteString(server, answer)
			_ = server.Close()
		}()
		_, err := rawConnect(client, Config{}.withDefaults(), wamp.MessagePack)
		if err == nil || !bytes.Contains([]byte(err.Error()), []byte(want)) {
			t.Errorf("%q: %v, want %q", answer, err, want)
		}
		_ = client.Close()
	}
}

// Every length that a client may announce is kept to the byte, in both directions: what is longer is
// not sent, and what comes longer than announced ends the connection.
func TestRawLengths(t *testing.T) {
	for code := byte(rawMinPeerLength); code <= 15; code++ {
		n := 1 << (9 + code)
		address, conns := accepted(t, &Server{Config: Config{MaxMessage: n}})
		nc := connect(t, address)
		write(t, nc, string([]byte{rawMagic, code<<4 | 1, 0, 0}))
		expect(t, nc, string([]byte{rawMagic, code<<4 | 1, 0, 0}))
		c := within(t, conns)
		message := bytes.Repeat([]byte("x"), n+1)
		if err := c.SendEncoded(message); err != ErrTooLarge {
			t.Errorf("code %d: %d bytes: %v", code, n+1, err)
		}
		if err := c.Send(large(n)); err != ErrTooLarge {
			t.Errorf("code %d: %v", code, err)
		}
		if err := c.SendEncoded(message[:n]); err != nil {
			t.Errorf("code %d: %d bytes: %v", code, n, err)
		}
		header := []byte{0, byte(n >> 16), byte(n >> 8), byte(n)}
		if n == 1<<24 {
			header[0] = rawExtra
		}
		expect(t, nc, string(header))
		if _, err := io.CopyN(io.Discard, nc, int64(n)); err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.WriteString(nc, string(header)+string(message[:n])) }()
		if b, err := c.ReadMessage(); err != nil || len(b) != n {
			t.Errorf("code %d: read %d bytes, %v", code, len(b), err)
		}
		if code == 15 {
			continue // no frame can be longer
		}
		above := n + 1
		write(t, nc, string([]byte{0, byte(above >> 16), byte(above >> 8), byte(above)}))
		var pe *ProtocolError
		if _, err := c.ReadMessage(); !errors.As(err, &pe) || pe.Code != CloseTooBig {
			t.Errorf("code %d: %v", code, err)
		}
	}
}

// The bit for 16 MiB exactly means nothing together with any other length.
func TestRawExtraBit(t *testing.T) {
	f := newRawFraming(15, 15)
	var h frame
	if ok, err := f.parse([]byte{0x08, 0, 0, 0}, &h); !ok || err != nil || h.length != 1<<24 || h.kind != frameData {
		t.Error(h, ok, err)
	}
	for _, b := range [][]byte{{0x08, 0, 0, 1}, {0x18, 0, 0, 0}, {0x0b, 0, 0, 0}} {
		if _, err := f.parse(b, &h); err == nil {
			t.Errorf("% x is taken", b)
		}
	}
	if _, err := newRawFraming(14, 15).parse([]byte{0x08, 0, 0, 0}, &h); err == nil {
		t.Error("16 MiB are taken where 8 were announced")
	}
}
