package transport

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/wamp-operator/wamp-operator/router/internal/backlog"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// published is a message of about n bytes.
func published(request wamp.ID, n int) *wamp.Message {
	return &wamp.Message{Type: wamp.Published, Request: request, ID: 1, Payload: wamp.MustPayload(wamp.JSON, []any{strings.Repeat("x", n)}, nil)}
}

// framed is how it looks on a RawSocket.
func framed(m *wamp.Message) []byte {
	b := wamp.Append(nil, wamp.JSON, m)
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
}

// What one message caused is written by the reader, without the writer; what several caused by
// the writer. Neither leaves before the flush.
func TestReaderWritesWhatOneMessageCaused(t *testing.T) {
	address, conns := accepted(t, &Server{})
	nc := rawPeer(t, address)
	p := within(t, conns).(*peer)
	for received := 1; received <= 2; received++ {
		var via backlog.Via
		for range received {
			via.Received()
		}
		var want []byte
		for i := range 3 {
			m := published(wamp.ID(i+1), 10)
			if err := p.SendVia(&via, m); err != nil {
				t.Fatal(err)
			}
			want = append(want, framed(m)...)
		}
		if p.writing() {
			t.Error("a writer is there before the flush")
		}
		via.Flush()
		if p.writing() != (received > 1) {
			t.Errorf("%d messages: writer %v", received, p.writing())
		}
		got := make([]byte, len(want))
		if _, err := io.ReadFull(nc, got); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("got %q, %v", got, err)
		}
	}
}

// What a flush finds no room for the writer writes, in order.
func TestFlushOfAPeerThatDoesNotRead(t *testing.T) {
	address, conns := accepted(t, &Server{Config: Config{HardLimit: 256 << 20}})
	nc := rawPeer(t, address)
	p := within(t, conns).(*peer)
	var via backlog.Via
	var want []byte
	for i := range 100 {
		m := published(wamp.ID(i+1), 200<<10)
		if err := p.SendVia(&via, m); err != nil {
			t.Fatal(err)
		}
		want = append(want, framed(m)...)
		if i%10 == 9 {
			via.Flush()
		}
	}
	got := make([]byte, len(want))
	if _, err := io.ReadFull(nc, got); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("what arrived is not what was sent, %v", err)
	}
	if queued := p.out.queued.Load(); queued != 0 {
		t.Errorf("%d bytes wait at the end", queued)
	}
}

// A connection that closes before the flush says its last words first.
func TestCloseBeforeFlush(t *testing.T) {
	address, conns := accepted(t, &Server{})
	nc := rawPeer(t, address)
	p := within(t, conns).(*peer)
	var via backlog.Via
	m := published(1, 10)
	if err := p.SendVia(&via, m); err != nil {
		t.Fatal(err)
	}
	p.Close()
	via.Flush()
	got := make([]byte, len(framed(m)))
	if _, err := io.ReadFull(nc, got); err != nil || !bytes.Equal(got, framed(m)) {
		t.Fatalf("got %q, %v", got, err)
	}
	expectEnd(t, nc)
	within(t, p.Done())
}

// Readers that flush, others that send, and the rests of the writer lose nothing together.
func TestManySendersAndFlushes(t *testing.T) {
	address, conns := accepted(t, &Server{})
	nc := rawPeer(t, address)
	p := within(t, conns).(*peer)
	const senders, each = 4, 3000
	var sending sync.WaitGroup
	for s := range senders {
		sending.Go(func() {
			var v backlog.Via
			via := &v
			if s == 0 {
				via = nil
			}
			for i := range each {
				if err := p.SendVia(via, &wamp.Message{Type: wamp.Published, Request: wamp.ID(s + 1), ID: wamp.ID(i + 1)}); err != nil {
					t.Error(err)
					return
				}
				if via != nil && i%(s+1) == 0 {
					via.Flush()
				}
				if i%100 == 0 {
					p.rest()
				}
			}
			v.Flush()
		})
	}
	var last [senders + 1]wamp.ID
	var m wamp.Message
	for range senders * each {
		var head [4]byte
		if _, err := io.ReadFull(nc, head[:]); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, binary.BigEndian.Uint32(head[:]))
		if _, err := io.ReadFull(nc, b); err != nil {
			t.Fatal(err)
		}
		if err := wamp.Decode(wamp.JSON, b, &m); err != nil {
			t.Fatal(err)
		}
		if m.ID != last[m.Request]+1 {
			t.Fatalf("sender %d: message %d after %d", m.Request, m.ID, last[m.Request])
		}
		last[m.Request] = m.ID
	}
	sending.Wait()
}
