package transport

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

const upgradeRequest = "GET /ws HTTP/1.1\r\nHost: router\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"

// request sends an HTTP request and returns the answer.
func request(t testing.TB, nc net.Conn, text string) (*http.Response, string) {
	t.Helper()
	write(t, nc, text)
	r, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.StatusCode == http.StatusSwitchingProtocols {
		return r, ""
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, string(body)
}

// upgraded opens a WebSocket by hand.
func upgraded(t testing.TB, address, subprotocol string) net.Conn {
	t.Helper()
	nc := connect(t, address)
	r, _ := request(t, nc, upgradeRequest+"Sec-WebSocket-Protocol: "+subprotocol+"\r\n\r\n")
	if r.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("status %s", r.Status)
	}
	return nc
}

// masked is a frame as a client sends it.
func masked(first byte, payload string) string {
	w := wsFraming{client: true}
	b := append(make([]byte, w.headerSize(len(payload))), payload...)
	w.seal(b, frameData, len(payload))
	b[0] = first
	return string(b)
}

// The port answers HTTP in words, and upgrades where it is asked properly.
func TestHTTP(t *testing.T) {
	address := startServer(t, &Server{Handler: echo})
	for _, c := range []struct {
		what, request string
		status        int
		words         string
	}{
		{"browser", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 426, "wamp.2.json"},
		{"browser at ws", "GET /ws HTTP/1.1\r\nHost: x\r\n\r\n", 426, "RawSocket"},
		{"elsewhere", "GET /favicon.ico HTTP/1.1\r\nHost: x\r\n\r\n", 404, "/ws"},
		{"post", "POST /ws HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 405, "WAMP"},
		{"no subprotocol", upgradeRequest + "\r\n", 400, "names no subprotocol. Ask for one of wamp.2.json"},
		{"unknown subprotocol", upgradeRequest + "Sec-WebSocket-Protocol: mqtt, wamp.2.ubjson\r\n\r\n", 400, `"mqtt, wamp.2.ubjson" are not known`},
		{"old version", strings.Replace(upgradeRequest, "13", "8", 1) + "Sec-WebSocket-Protocol: wamp.2.json\r\n\r\n", 426, ""},
		{"no key", strings.Replace(upgradeRequest, "dGhlIHNhbXBsZSBub25jZQ==", "", 1) + "Sec-WebSocket-Protocol: wamp.2.json\r\n\r\n", 400, ""},
		{"upgrade", upgradeRequest + "Sec-WebSocket-Protocol: wamp.2.cbor\r\n\r\n", 101, ""},
		{"upgrade elsewhere", strings.Replace(upgradeRequest, "/ws", "/any/path?x=1", 1) + "Sec-WebSocket-Protocol: wamp.2.json\r\n\r\n", 101, ""},
		{"choice", upgradeRequest + "Sec-WebSocket-Protocol: x, wamp.2.msgpack,wamp.2.json\r\n\r\n", 101, ""},
		{"no HTTP version", "GET /ws\r\n\r\n", 400, ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			nc := connect(t, address)
			r, body := request(t, nc, c.request)
			if r.StatusCode != c.status || !strings.Contains(body, c.words) {
				t.Errorf("%s: %s", r.Status, body)
			}
			if c.what == "choice" && r.Header.Get("Sec-WebSocket-Protocol") != "wamp.2.msgpack" {
				t.Errorf("chose %v", r.Header)
			}
			if c.status != 101 {
				expectEnd(t, nc)
			}
		})
	}
}

// A session can see where its WebSocket came from.
func TestRequestHeaders(t *testing.T) {
	headers := make(chan http.Header, 1)
	address := startServer(t, &Server{Handler: func(c Conn) { headers <- c.Info().Header }})
	nc := connect(t, address)
	request(t, nc, upgradeRequest+"Sec-WebSocket-Protocol: wamp.2.json\r\nOrigin: https://router:8443\r\nCookie: a=b\r\nX-Large: unused\r\n\r\n")
	h := within(t, headers)
	if h.Get("Origin") != "https://router:8443" || h.Get("Cookie") != "a=b" || h.Get("X-Large") != "" {
		t.Errorf("headers %v", h)
	}
}

// A message may come in fragments, with control frames between them, and byte by byte.
func TestWebSocketFragments(t *testing.T) {
	address, messages, _ := reads(t, &Server{})
	nc := upgraded(t, address, "wamp.2.json")
	stream := masked(0x81, "[0]") +
		masked(0x01, "[1") + masked(0x89, "ping") + masked(0x00, ",2") + masked(0x8a, "") + masked(0x80, "]") +
		masked(0x01, "") + masked(0x80, "[3]") + masked(0x81, "[4]")
	for i := range len(stream) {
		write(t, nc, stream[i:i+1])
	}
	for _, want := range []string{"[0]", "[1,2]", "[3]", "[4]"} {
		if got := within(t, messages); got != want {
			t.Errorf("read %q, want %q", got, want)
		}
	}
	expect(t, nc, "\x8a\x04ping")
}

// What RFC 6455 forbids closes the connection with the code that it names.
func TestWebSocketFaults(t *testing.T) {
	unmasked := masked(0x81, "")
	for what, c := range map[string]struct {
		frames string
		code   CloseCode
	}{
		"unmasked":                 {"\x81\x02[]", CloseProtocolError},
		"reserved bit":             {masked(0xc1, "[]"), CloseProtocolError},
		"unknown opcode":           {masked(0x83, "[]"), CloseProtocolError},
		"binary on JSON":           {masked(0x82, "[]"), CloseUnsupported},
		"continuation of nothing":  {masked(0x80, "[]"), CloseProtocolError},
		"message inside another":   {masked(0x01, "[") + masked(0x81, "[]"), CloseProtocolError},
		"fragmented ping":          {masked(0x09, "x"), CloseProtocolError},
		"long ping":                {masked(0x89, strings.Repeat("x", 126)), CloseProtocolError},
		"oversize":                 {"\x81\xff\x00\x00\x00\x00\x00\x00\x04\x01", CloseTooBig},
		"absurd length":            {"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff", CloseTooBig},
		"oversize in fragments":    {masked(0x01, strings.Repeat("x", 1000)) + masked(0x80, strings.Repeat("x", 25)), CloseTooBig},
		"half a close code":        {masked(0x88, "x"), CloseProtocolError},
		"bad close code":           {masked(0x88, "\x03\xed"), CloseProtocolError},
		"close":                    {masked(0x88, "\x03\xe8bye"), CloseNormal},
		"close with own code":      {masked(0x88, "\x0b\xb8"), 3000},
		"close without code":       {masked(0x88, ""), CloseNormal},
		"frame after an empty one": {unmasked + "\x81\x02[]", CloseProtocolError},
	} {
		t.Run(what, func(t *testing.T) {
			address, _, failed := reads(t, &Server{Config: Config{MaxMessage: 1024}})
			nc := upgraded(t, address, "wamp.2.json")
			write(t, nc, c.frames)
			err := within(t, failed)
			var pe *ProtocolError
			var ce *CloseError
			if !errors.As(err, &pe) && !errors.As(err, &ce) || err.Error() == "" {
				t.Errorf("the error is %v", err)
			}
			b, _ := io.ReadAll(nc)
			if len(b) < 4 || b[0] != 0x88 || CloseCode(binary.BigEndian.Uint16(b[2:])) != c.code || int(b[1]) != len(b)-2 {
				t.Errorf("closed with % x %q, want %d", b, b, c.code)
			}
		})
	}
}

// After a fault the session can still say why before it closes.
func TestSendAfterReadError(t *testing.T) {
	address := startServer(t, &Server{Handler: func(c Conn) {
		if _, err := c.ReadMessage(); err == nil {
			t.Error("no error")
		}
		if err := c.Send(&wamp.Message{Type: wamp.Abort, URI: wamp.ErrProtocolViolation}); err != nil {
			t.Error(err)
		}
	}})
	nc := upgraded(t, address, "wamp.2.json")
	// Much unread input behind the fault: its reset must not overtake the ABORT.
	write(t, nc, "\x81\x02[]"+strings.Repeat("x", 100_000))
	expect(t, nc, "\x81\x26"+`[3,{},"wamp.error.protocol_violation"]`)
	expect(t, nc, "\x88")
}

// A close frame's reason is cut at a character, never longer than a control frame.
func TestClosePayload(t *testing.T) {
	if b := closePayload(CloseNormal, strings.Repeat("é", 200)); len(b) > 125 || len(b) < 120 || b[len(b)-1] != "é"[1] {
		t.Errorf("%d bytes, %q", len(b), b)
	}
	if b := closePayload(CloseNoStatus, "x"); b != nil {
		t.Errorf("%q", b)
	}
}
