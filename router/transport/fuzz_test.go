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
func replay(t testing.TB, l line, limit int, input []byte, chunk int) (messages []string, err error) {
	cfg := Config{MaxMessage: limit}.withDefaults()
	l.nc, l.format = &script{input: bytes.NewReader(input), chunk: chunk}, wamp.JSON
	p := newPeer(l, cfg, new(Stats), newWatcher(time.Second))
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
// end is one of the stated errors: of RawSocket, long-poll's pipe, and WebSocket as it is, with
// compression, and with batches of either kind.
func FuzzFrames(f *testing.F) {
	const limit = 2048
	webSocket := func(k batching, d *deflater) line {
		return line{kind: WebSocket, framing: newWSFraming(wamp.JSON, limit, false, d != nil), packing: newPacking(k, d)}
	}
	z := &Compression{Level: 1, MinSize: 1}
	ways := []func() line{
		func() line { return line{kind: RawSocket, framing: newRawFraming(rawLengthCode(limit), 15)} },
		func() line { return webSocket(unbatched, nil) },
		func() line { return webSocket(unbatched, &deflater{cfg: z}) },
		func() line { return webSocket(unbatched, &deflater{cfg: z, keepIn: true}) },
		func() line { return webSocket(batchLines, nil) },
		func() line { return webSocket(batchLengths, nil) },
		func() line { return webSocket(batchLengths, &deflater{cfg: z, keepIn: true}) },
		func() line { return line{kind: LongPoll, framing: &pollFraming{max: limit}} },
	}
	f.Add([]byte("\x00\x00\x00\x02[]\x01\x00\x00\x01x\x02\x00\x00\x00"), uint8(0))
	f.Add([]byte("\x00\x00\x00\x02["), uint8(0))
	f.Add([]byte("\x00\xff\xff\xff["), uint8(0))
	f.Add([]byte("\x08\x00\x00\x00["), uint8(0))
	f.Add([]byte(masked(0x81, "[1]")+masked(0x01, "[")+masked(0x89, "p")+masked(0x80, "]")+masked(0x88, "\x03\xe8bye")), uint8(1))
	f.Add([]byte(masked(0x81, strings.Repeat("x", 300))), uint8(1))
	f.Add([]byte("\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00"), uint8(1))
	f.Add([]byte(masked(0xc1, deflated(f, "[1]"))+masked(0x41, deflated(f, "[1]")[:2])+masked(0x80, deflated(f, "[1]")[2:])), uint8(3))
	f.Add([]byte(masked(0x81, "[1]\x1e[2]\x18")), uint8(4))
	f.Add([]byte(masked(0x81, "\x00\x00\x00\x01a\x00\x00\x00\x00")), uint8(5))
	f.Add([]byte(masked(0xc1, deflated(f, "\x00\x00\x00\x01a"))), uint8(6))
	f.Fuzz(func(t *testing.T, input []byte, way uint8) {
		line := ways[int(way)%len(ways)]
		whole, err := replay(t, line(), limit, input, len(input)+1)
		for _, chunk := range []int{1, 7, 600} {
			parts, partsErr := replay(t, line(), limit, input, chunk)
			if strings.Join(parts, "|") != strings.Join(whole, "|") || partsErr.Error() != err.Error() {
				t.Fatalf("read %d bytes at a time: %q, %v; at once: %q, %v", chunk, parts, partsErr, whole, err)
			}
		}
	})
}

// FuzzSplit: a batch that is taken is put together again the same.
func FuzzSplit(f *testing.F) {
	f.Add([]byte("[1]\x1e[2]\x1e"), false)
	f.Add([]byte("\x00\x00\x00\x01a\x00\x00\x00\x00"), true)
	f.Add([]byte("\xff\xff\xff\xffa"), true)
	f.Fuzz(func(t *testing.T, batch []byte, binary bool) {
		k := batchLines
		if binary {
			k = batchLengths
		}
		var again []byte
		for rest := batch; len(rest) > 0; {
			message, left, sep, err := k.split(rest)
			if err != nil {
				return
			}
			start := len(again)
			again = k.close(append(k.open(again), message...), start, sep)
			rest = left
		}
		if !bytes.Equal(again, batch) {
			t.Fatalf("%q becomes %q", batch, again)
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
