package router_test

import (
	"crypto/rand"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/transport"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// What breaks the protocol ends that connection with an ABORT that says why, and disturbs
// nobody else.
func TestMessagesOutOfOrder(t *testing.T) {
	dev := start(t, 1)
	good := join(t, dev, 0)
	if _, err := good.Register(uri, nil, func(m *wamptest.Message) { good.Yield(m, "still here") }); err != nil {
		t.Fatal(err)
	}
	hello := wamptest.Hello("realm1", wamp.MessagePack)
	call := func(id wamp.ID) *wamp.Message { return &wamp.Message{Type: wamp.Call, Request: id, URI: uri} }
	for _, c := range []struct {
		name string
		send []*wamp.Message
		uri  string
		says string
	}{
		{"call before hello", []*wamp.Message{call(1)}, wamp.ErrProtocolViolation, "CALL before HELLO"},
		{"hello twice", []*wamp.Message{hello, hello}, wamp.ErrProtocolViolation, "HELLO in a session"},
		{"welcome from a client", []*wamp.Message{hello, {Type: wamp.Welcome, ID: 1}}, wamp.ErrProtocolViolation, "WELCOME is not a message"},
		{"ids begin at 1000", []*wamp.Message{hello, call(1000)}, wamp.ErrProtocolViolation, "request id 1000, and 1 has not been used"},
		{"id twice", []*wamp.Message{hello, call(1), call(1)}, wamp.ErrProtocolViolation, "request id 1 was used before"},
		{"id left out", []*wamp.Message{hello, call(1), call(3), call(67)}, wamp.ErrProtocolViolation, "request id 67, and 2 has not been used"},
		{"error for a call", []*wamp.Message{hello, {Type: wamp.Error, Of: wamp.Call, Request: 1, URI: "com.x"}}, wamp.ErrProtocolViolation, "a client can only fail an INVOCATION"},
		{"unknown realm", []*wamp.Message{wamptest.Hello("nowhere", wamp.MessagePack)}, wamp.ErrNoSuchRealm, `"nowhere" is not served`},
		{"no roles", []*wamp.Message{{Type: wamp.Hello, URI: "realm1"}}, wamp.ErrNoSuchRole, "HELLO.Details.roles"},
		{"other authentication", []*wamp.Message{{Type: wamp.Hello, URI: "realm1", Dict: wamp.MustDict(wamp.MessagePack, map[string]any{
			"roles": map[string]any{"caller": map[string]any{}}, "authmethods": []any{"ticket"}})}}, wamp.ErrNoMatchingAuthMethod, "ticket"},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := dial(t, dev.Routers[0], wamp.MessagePack)
			for _, m := range c.send {
				if err := conn.Send(m); err != nil {
					t.Fatal(err)
				}
			}
			expectAbort(t, conn, c.uri, c.says)
			if got := who(t, good); got != "still here" {
				t.Errorf("the good client got %v", got)
			}
		})
	}
}

// expectAbort reads until ABORT and then the end of the connection.
func expectAbort(t *testing.T, conn transport.Conn, uri, says string) {
	t.Helper()
	m := wamptest.Read(t, conn)
	for m.Type == wamp.Welcome || m.Type == wamp.Result {
		m = wamptest.Read(t, conn)
	}
	message, _ := wamptest.Details(m)["message"].(string)
	if m.Type != wamp.Abort || m.URI != uri || !strings.Contains(message, says) {
		t.Errorf("got %v %s %q, want ABORT %s %q", m.Type, m.URI, message, uri, says)
	}
	stuck := time.AfterFunc(wamptest.Timeout, conn.Abort)
	defer stuck.Stop()
	if _, err := conn.ReadMessage(); err == nil || !stuck.Stop() {
		t.Errorf("the connection goes on after ABORT: %v", err)
	}
}

func TestUndecodableMessages(t *testing.T) {
	dev := start(t, 1)
	for _, f := range wamp.Formats {
		for name, frame := range map[string][]byte{
			"garbage":       []byte("\xc1\xff garbage"),
			"empty":         {},
			"not a message": map[wamp.Format][]byte{wamp.JSON: []byte(`[7]`), wamp.MessagePack: {0x91, 7}, wamp.CBOR: {0x81, 7}}[f],
		} {
			conn := dial(t, dev.Routers[0], f)
			if err := conn.SendEncoded(frame); err != nil {
				t.Fatal(err)
			}
			t.Run(f.String()+" "+name, func(t *testing.T) {
				expectAbort(t, conn, wamp.ErrProtocolViolation, "not a WAMP message in "+f.String())
			})
		}
	}
}

func TestOversizedFrame(t *testing.T) {
	dev := start(t, 1, func(c *router.DevConfig) { c.Limits.MaxMessage = 64 << 10 })
	for name, address := range map[string]string{"rawsocket": rawsocket(dev.Routers[0]), "websocket": websocket(dev.Routers[0])} {
		t.Run(name, func(t *testing.T) {
			d := transport.Dialer{}
			conn, err := d.Dial(t.Context(), address, wamp.JSON)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Abort(); <-conn.Done() })
			_ = conn.Send(wamptest.Hello("realm1", wamp.JSON))
			if m := wamptest.Read(t, conn); m.Type != wamp.Welcome {
				t.Fatalf("got %v", m.Type)
			}
			err = conn.SendEncoded(make([]byte, 100<<10))
			if name == "rawsocket" {
				if err == nil { // the client knows from the handshake what the router takes
					t.Error("the router did not say what it takes")
				}
				return
			}
			expectAbort(t, conn, wamp.ErrProtocolViolation, "")
		})
	}
	t.Run("rawsocket that lies", func(t *testing.T) {
		nc, err := net.Dial("tcp", dev.Routers[0].Address())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		// The handshake for JSON, then the header of a frame of 16 MiB - 1 bytes.
		_, _ = nc.Write([]byte{0x7f, 0xf1, 0, 0, 0, 0xff, 0xff, 0xff})
		_ = nc.SetReadDeadline(time.Now().Add(wamptest.Timeout))
		got, err := io.ReadAll(nc)
		if err != nil || !strings.Contains(string(got), wamp.ErrProtocolViolation) {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func TestGarbageStreams(t *testing.T) {
	dev := start(t, 1)
	good := join(t, dev, 0)
	if _, err := good.Register(uri, nil, func(m *wamptest.Message) { good.Yield(m, "still here") }); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		nc, err := net.Dial("tcp", dev.Routers[0].Address())
		if err != nil {
			t.Fatal(err)
		}
		garbage := make([]byte, 4096)
		_, _ = rand.Read(garbage)
		switch i % 3 {
		case 1: // beyond the handshake
			copy(garbage, []byte{0x7f, 0xf2, 0, 0})
		case 2:
			copy(garbage, "GET /ws HTTP/1.1\r\nHost: x\r\n")
		}
		_, _ = nc.Write(garbage)
		_ = nc.(*net.TCPConn).CloseWrite()
		_ = nc.SetReadDeadline(time.Now().Add(wamptest.Timeout))
		if _, err := io.Copy(io.Discard, nc); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("the router keeps a connection of garbage: %v", err)
		}
		nc.Close()
		if got := who(t, good); got != "still here" {
			t.Errorf("the good client got %v", got)
		}
	}
}

func TestHandshakeTimeout(t *testing.T) {
	dev := start(t, 1, func(c *router.DevConfig) { c.HandshakeTimeout = 50 * time.Millisecond })
	expectAbort(t, dial(t, dev.Routers[0], wamp.CBOR), wamp.ErrTimeout, "no HELLO within 50ms")
}

func TestGoodbye(t *testing.T) {
	dev := start(t, 1)
	c := join(t, dev, 0)
	_ = c.Send(&wamp.Message{Type: wamp.Goodbye, URI: wamp.CloseNormal})
	if end := c.End(); end == nil || end.Type != wamp.Goodbye || end.URI != wamp.CloseGoodbyeAndOut {
		t.Errorf("the answer to GOODBYE: %+v", end)
	}
	eventually(t, "the session gone", func() bool { return dev.Routers[0].State().Sessions == 0 })
}

func TestWelcomeAnnouncesWhatIsThere(t *testing.T) {
	dev := start(t, 1)
	for _, f := range wamp.Formats {
		for _, address := range []string{rawsocket(dev.Routers[0]), websocket(dev.Routers[0])} {
			c := wamptest.Join(t, address, "realm1", f)
			roles, _ := c.Welcome["roles"].(map[string]any)
			dealer, _ := roles["dealer"].(map[string]any)
			features, _ := dealer["features"].(map[string]any)
			if features["shared_registration"] != true || features["sharded_registration"] != nil {
				t.Errorf("%s over %s: %v", f, address, c.Welcome)
			}
			if c.Welcome["authrole"] != "anonymous" || c.Welcome["authmethod"] != "anonymous" || c.Welcome["authid"] == "" {
				t.Errorf("%s over %s: %v", f, address, c.Welcome)
			}
		}
	}
}
