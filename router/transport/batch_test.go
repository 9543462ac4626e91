package transport

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// calls sends numbered calls and checks that their results come back in order.
func calls(t *testing.T, c Conn, n int, text func(i int) string) {
	t.Helper()
	f := c.Format()
	for i := range n {
		p := wamp.MustPayload(f, []any{text(i)}, nil)
		if err := c.Send(&wamp.Message{Type: wamp.Call, Request: wamp.ID(i + 1), URI: "a.b", Payload: p}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		b, err := c.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		var m wamp.Message
		if err := wamp.Decode(f, b, &m); err != nil {
			t.Fatal(err)
		}
		args, _, err := m.Payload.Decode()
		if err != nil || m.Request != wamp.ID(i+1) || args[0] != text(i) {
			t.Fatalf("message %d: request %d, %v", i, m.Request, err)
		}
	}
}

// Batches of any size and of messages of any size keep every message, in order.
func TestBatchedEcho(t *testing.T) {
	for _, f := range wamp.Formats {
		t.Run(f.String(), func(t *testing.T) {
			address := startServer(t, &Server{Handler: echo})
			c := dial(t, &Dialer{Batched: true}, "ws://"+address, f)
			if got := c.Info().Subprotocol; got != "wamp.2."+f.String()+".batched" {
				t.Error(got)
			}
			calls(t, c, 500, func(i int) string { return strings.Repeat("x", i*i%3000) })
			sizes := []int{0, 50, 60, 70, 120, 126, 127, 30_000, 33_000, 65_400, 65_536, 70_000, 1 << 20, 3}
			calls(t, c, len(sizes), func(i int) string { return strings.Repeat("y", sizes[i]) })
		})
	}
}

// Messages that wait at the same time leave in one WebSocket message.
func TestBatchesAreFilled(t *testing.T) {
	address, conns := accepted(t, &Server{})
	nc := upgraded(t, address, "wamp.2.json.batched")
	p := within(t, conns).(*peer)
	p.out.mu.Lock() // nothing is written until all wait
	for i := range 3 {
		start := p.addToBatch(10)
		p.out.buf.Last = append(p.out.buf.Last, "[67,"+string(rune('1'+i))+"]"...)
		p.out.buf.Last = p.packing.batch.close(p.out.buf.Last, start, separator)
	}
	p.wakeAndUnlock(nil, p.out.buf.Len())
	expect(t, nc, "\x81\x15[67,1]\x1e[67,2]\x1e[67,3]\x1e")
}

// What is no batch closes the connection, and both octets that clients put behind JSON are understood
// and answered in kind.
func TestBatchRules(t *testing.T) {
	length := func(n uint32, b string) string { return string(binary.BigEndian.AppendUint32(nil, n)) + b }
	for what, c := range map[string]struct {
		subprotocol string
		batch       string
		want        []string
		code        CloseCode
	}{
		"lines":             {"wamp.2.json.batched", "[1]\x1e[2]\x1e", []string{"[1]", "[2]"}, 0},
		"lines of autobahn": {"wamp.2.json.batched", "[1]\x18[2]\x18", []string{"[1]", "[2]"}, 0},
		"no end":            {"wamp.2.json.batched", "[1]\x1e[2]", []string{"[1]"}, CloseInvalidData},
		"empty lines":       {"wamp.2.json.batched", "", nil, CloseInvalidData},
		"lengths":           {"wamp.2.cbor.batched", length(1, "a") + length(0, "") + length(2, "bc"), []string{"a", "", "bc"}, 0},
		"too long":          {"wamp.2.msgpack.batched", length(1, "a") + length(9, "b"), []string{"a"}, CloseInvalidData},
		"half a length":     {"wamp.2.msgpack.batched", length(1, "a") + "\x00\x00", []string{"a"}, CloseInvalidData},
		"absurd length":     {"wamp.2.msgpack.batched", length(1<<32-1, ""), nil, CloseInvalidData},
		"empty lengths":     {"wamp.2.cbor.batched", "", nil, CloseInvalidData},
	} {
		t.Run(what, func(t *testing.T) {
			address, messages, failed := reads(t, &Server{})
			nc := upgraded(t, address, c.subprotocol)
			first := byte(0x82)
			if strings.Contains(c.subprotocol, "json") {
				first = 0x81
			}
			write(t, nc, masked(first, c.batch))
			for _, want := range c.want {
				if got := within(t, messages); got != want {
					t.Errorf("read %q, want %q", got, want)
				}
			}
			if c.code == 0 {
				return
			}
			if pe, ok := within(t, failed).(*ProtocolError); !ok || pe.Code != c.code {
				t.Error(pe)
			}
		})
	}
}

func TestBatchAnswersWithTheSeparatorOfTheClient(t *testing.T) {
	address := startServer(t, &Server{Handler: echo})
	for _, sep := range []string{"\x1e", "\x18"} {
		nc := upgraded(t, address, "wamp.2.json.batched")
		write(t, nc, masked(0x81, `[48,1,{},"a"]`+sep))
		expect(t, nc, "\x81\x0a[50,1,{}]"+sep)
	}
}
