package transport

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// accepted runs a server whose connections are handed to the test, and held open until it ends.
func accepted(t testing.TB, s *Server) (address string, conns chan Conn) {
	conns = make(chan Conn, 100)
	release := make(chan struct{})
	s.Handler = func(c Conn) {
		conns <- c
		select {
		case <-release:
		case <-c.Done():
		}
	}
	address = startServer(t, s)
	t.Cleanup(func() { close(release) })
	return address, conns
}

// rawPeer opens a RawSocket by hand.
func rawPeer(t testing.TB, address string) net.Conn {
	t.Helper()
	nc := connect(t, address)
	write(t, nc, "\x7f\xf1\x00\x00")
	expect(t, nc, "\x7f\xf1\x00\x00")
	return nc
}

func large(n int) *wamp.Message {
	return &wamp.Message{Type: wamp.Result, Request: 1, Payload: wamp.Payload{
		Format: wamp.JSON, Args: []byte(`["` + strings.Repeat("x", n) + `"]`),
	}}
}

// Above the soft limit senders wait, and go on when the peer reads again; nothing is lost.
func TestBackPressure(t *testing.T) {
	address, conns := accepted(t, &Server{Config: Config{SoftLimit: 100_000, HardLimit: 64 << 20}})
	nc := rawPeer(t, address)
	c := within(t, conns)
	sent := 0
	for ; !c.Full(); sent++ {
		if err := c.Send(large(50_000)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	for c.WaitRoom(ctx) == nil { // what the kernel takes makes room for a while
		if err := c.Send(large(50_000)); err != nil {
			t.Fatal(err)
		}
		sent++
	}
	room := make(chan error, 1)
	go func() { room <- c.WaitRoom(context.Background()) }()
	b := make([]byte, sent*(50_000+len(`[50,1,{},[""]]`)+rawHeader))
	read := make(chan error, 1)
	go func() {
		for n := 0; n < len(b); {
			m, err := nc.Read(b[n:])
			if err != nil {
				read <- err
				return
			}
			n += m
		}
		read <- nil
	}()
	if err := within(t, room); err != nil {
		t.Error(err)
	}
	if err := within(t, read); err != nil {
		t.Error(err)
	}
}

// WaitRoom ends when the connection does.
func TestWaitRoomEndsWithConnection(t *testing.T) {
	address, conns := accepted(t, &Server{Config: Config{SoftLimit: 1000}})
	rawPeer(t, address)
	c := within(t, conns)
	if err := c.Send(large(8 << 20)); err != nil {
		t.Fatal(err)
	}
	room := make(chan error, 1)
	go func() { room <- c.WaitRoom(context.Background()) }()
	c.Abort()
	if err := within(t, room); err != ErrClosed {
		t.Error(err)
	}
	within(t, c.Done())
	if err := c.Send(large(1)); err != ErrClosed {
		t.Error(err)
	}
}

// A peer that takes nothing costs at most the hard limit, and its connection.
func TestOverflow(t *testing.T) {
	s := &Server{Config: Config{SoftLimit: 1000, HardLimit: 20 << 20}}
	address, conns := accepted(t, s)
	rawPeer(t, address)
	c := within(t, conns)
	var err error
	for n := 0; err == nil && n < 100; n++ {
		err = c.Send(large(1 << 20))
	}
	if err != ErrOverflow {
		t.Fatal(err)
	}
	within(t, c.Done())
	if _, err := c.ReadMessage(); !errors.Is(err, ErrOverflow) {
		t.Error(err)
	}
	if s.Stats.Overflows.Load() != 1 {
		t.Error("not counted")
	}
}

// A peer that stops reading is dropped after WriteTimeout.
func TestStalledPeer(t *testing.T) {
	s := &Server{Config: Config{WriteTimeout: 50 * time.Millisecond}}
	address, conns := accepted(t, s)
	rawPeer(t, address)
	c := within(t, conns)
	if err := c.Send(large(16<<20 - 100)); err != nil {
		t.Fatal(err)
	}
	within(t, c.Done())
	if _, err := c.ReadMessage(); !errors.Is(err, ErrStalled) {
		t.Error(err)
	}
	if s.Stats.Stalls.Load() != 1 {
		t.Error("not counted")
	}
}

// Close gives up on a peer that does not take what is queued.
func TestCloseTimeout(t *testing.T) {
	address, conns := accepted(t, &Server{Config: Config{CloseTimeout: 50 * time.Millisecond}})
	rawPeer(t, address)
	c := within(t, conns)
	if err := c.Send(large(16<<20 - 100)); err != nil {
		t.Fatal(err)
	}
	c.Close()
	within(t, c.Done())
	if _, err := c.ReadMessage(); err != ErrClosed {
		t.Error(err)
	}
}

// Messages that the peer said it does not take are refused one by one.
func TestTooLargeForPeer(t *testing.T) {
	address, conns := accepted(t, &Server{})
	nc := connect(t, address)
	write(t, nc, "\x7f\x11\x00\x00") // takes 1024 bytes
	expect(t, nc, "\x7f\xf1\x00\x00")
	c := within(t, conns)
	if err := c.Send(large(1024)); err != ErrTooLarge {
		t.Error(err)
	}
	if err := c.SendEncoded(make([]byte, 1025)); err != ErrTooLarge {
		t.Error(err)
	}
	if err := c.SendEncoded([]byte(`[67,1]`)); err != nil {
		t.Error(err)
	}
	expect(t, nc, "\x00\x00\x00\x06[67,1]")
}

// What the peer's serialization cannot say is an error of that message alone; what it can is
// transcoded.
func TestSendTranscodes(t *testing.T) {
	address, conns := accepted(t, &Server{})
	nc := rawPeer(t, address)
	c := within(t, conns)
	m := &wamp.Message{Type: wamp.Result, Request: 1, Payload: wamp.Payload{Format: wamp.MessagePack, Args: []byte{0x91, 0xd4, 0x07, 0x00}}}
	if err := c.Send(m); !errors.Is(err, wamp.ErrUnrepresentable) {
		t.Error(err)
	}
	m.Payload.Args = []byte{0x91, 0xc4, 0x01, 0xff}
	m.Dict = wamp.MustDict(wamp.CBOR, map[string]any{"progress": true})
	if err := c.Send(m); err != nil {
		t.Error(err)
	}
	want := `[50,1,{"progress":true},["\u0000/w=="]]`
	expect(t, nc, "\x00\x00\x00"+string(rune(len(want)))+want)
}

// A silent peer is pinged and dropped; one that answers stays.
func TestKeepAlive(t *testing.T) {
	s := &Server{Config: Config{KeepAlive: 40 * time.Millisecond}}
	address, messages, failed := reads(t, s)
	silent := rawPeer(t, address)
	expect(t, silent, "\x01\x00\x00\x00\x01\x00\x00\x00")
	expectEnd(t, silent)
	if err := within(t, failed); err != ErrSilent {
		t.Error(err)
	}
	answers := rawPeer(t, address)
	for range 5 {
		expect(t, answers, "\x01\x00\x00\x00")
		write(t, answers, "\x02\x00\x00\x00")
	}
	write(t, answers, "\x00\x00\x00\x02[]")
	within(t, messages)
	if s.Stats.Silences.Load() != 1 {
		t.Error("not counted")
	}
}

// A reader that is held up, by a full callee say, does not make the peer look silent.
func TestKeepAliveWhileNotReading(t *testing.T) {
	address, conns := accepted(t, &Server{Config: Config{KeepAlive: 5 * time.Millisecond}})
	nc := rawPeer(t, address)
	c := within(t, conns)
	select {
	case <-c.Done():
		t.Error("dropped")
	case <-time.After(100 * time.Millisecond):
	}
	if err := c.Send(large(1)); err != nil {
		t.Error(err)
	}
	expect(t, nc, "\x00\x00\x00\x0f[50,1,{},[\"x\"]]")
}

// Pings flooding in do not fill memory with pongs.
func TestPingFlood(t *testing.T) {
	s := &Server{Config: Config{SoftLimit: 10_000, HardLimit: 10 << 20}}
	address, messages, _ := reads(t, s)
	nc := rawPeer(t, address)
	ping := "\x01\x00\x10\x00" + strings.Repeat("x", 4096)
	for range 5000 {
		write(t, nc, ping)
	}
	write(t, nc, "\x00\x00\x00\x02[]")
	if got := within(t, messages); got != "[]" {
		t.Errorf("read %q", got)
	}
	if s.Stats.Overflows.Load() != 0 {
		t.Error("overflow")
	}
}
