package transport

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// script is a connection from which prepared bytes are read, at most so many at a time.
type script struct {
	net.Conn // nil: nothing else is called
	input    *bytes.Reader
	chunk    int
}

func (s *script) Read(b []byte) (int, error)       { return s.input.Read(b[:min(len(b), s.chunk)]) }
func (s *script) Write(b []byte) (int, error)      { return len(b), nil }
func (s *script) Close() error                     { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

// replay returns all messages that are read from input, and how reading ends.
func replay(t testing.TB, fr framing, kind Kind, limit int, input []byte, chunk int) (messages []string, err error) {
	cfg := Config{MaxMessage: limit}.withDefaults()
	nc := &script{input: bytes.NewReader(input), chunk: chunk}
	p := newPeer(line{nc: nc, kind: kind, format: wamp.JSON, framing: fr}, cfg, new(Stats), newWatcher(time.Second))
	defer func() { p.Close(); <-p.done }()
	for {
		b, err := p.ReadMessage()
		if err != nil {
			var pe *ProtocolError
			if !errors.As(err, &pe) && !errors.As(err, new(*CloseError)) && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("unexpected error %v", err)
			}
			return messages, err
		}
		if len(b) > limit {
			t.Fatalf("a message of %d bytes passes a limit of %d", len(b), limit)
		}
		messages = append(messages, string(b))
	}
}

// FuzzFrames: however the bytes arrive, the same messages come out, within the limit, and the
// end is one of the stated errors.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x02[]\x01\x00\x00\x01x\x02\x00\x00\x00"), false)
	f.Add([]byte("\x00\x00\x00\x02["), false)
	f.Add([]byte("\x00\xff\xff\xff["), false)
	f.Add([]byte(masked(0x81, "[1]")+masked(0x01, "[")+masked(0x89, "p")+masked(0x80, "]")+masked(0x88, "\x03\xe8bye")), true)
	f.Add([]byte(masked(0x81, strings.Repeat("x", 300))), true)
	f.Add([]byte("\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00"), true)
	f.Fuzz(func(t *testing.T, input []byte, websocket bool) {
		const limit = 2048
		fr, kind := func() framing { return newRawFraming(rawLengthCode(limit), 15) }, RawSocket
		if websocket {
			fr, kind = func() framing { return newWSFraming(wamp.JSON, limit, false, false) }, WebSocket
		}
		whole, err := replay(t, fr(), kind, limit, input, len(input)+1)
		for _, chunk := range []int{1, 7, 600} {
			parts, partsErr := replay(t, fr(), kind, limit, input, chunk)
			if strings.Join(parts, "|") != strings.Join(whole, "|") || partsErr.Error() != err.Error() {
				t.Fatalf("read %d bytes at a time: %q, %v; at once: %q, %v", chunk, parts, partsErr, whole, err)
			}
		}
	})
}

// FuzzFirstBytes: whatever a stranger sends to the port, the server answers or closes and goes
// on.
func FuzzFirstBytes(f *testing.F) {
	for _, s := range []string{"", "\x7f\xf1\x00\x00", "\x7f\x00\x00\x00", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", upgradeRequest + "\r\n", upgradeRequest + "Sec-WebSocket-Protocol: wamp.2.json\r\n\r\n"} {
		f.Add([]byte(s), []byte("\x00\x00\x00\x02[]"))
	}
	s := &Server{Handler: echo, Config: Config{HandshakeTimeout: 100 * time.Millisecond}}
	address := startServer(f, s)
	f.Fuzz(func(t *testing.T, first, then []byte) {
		nc := connect(t, address)
		_, _ = nc.Write(first)
		_, _ = nc.Write(then)
		_ = nc.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, nc)
		_ = nc.Close()
	})
}
