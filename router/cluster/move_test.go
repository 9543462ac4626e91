package cluster

import (
	"encoding/binary"
	"net"
	"sync"
	"testing"
	"time"
)

// A link that moves to other connections while both sides send loses no frame and keeps their order.
func TestMoveKeepsOrder(t *testing.T) {
	const count = 20000
	a, b := tcpStreams(t)
	var ended, received sync.WaitGroup
	for _, s := range []*stream{a, b} {
		ended.Go(func() { _ = s.write() })
		received.Go(func() {
			for next := uint64(0); next < count; {
				f, err := s.in.next()
				if err == nil && len(f) == 0 {
					if err = s.moveReader(); err == nil {
						continue
					}
				}
				if err != nil {
					t.Errorf("after frame %d: %v", next, err)
					return
				}
				if got := binary.BigEndian.Uint64(f); got != next {
					t.Errorf("frame %d came when %d was next", got, next)
					return
				}
				next++
			}
		})
		ended.Go(func() {
			for i := range uint64(count) {
				if i%1000 == 0 {
					time.Sleep(time.Millisecond)
				}
				if err := s.append(nil, 8, func(dst []byte) ([]byte, error) { return binary.BigEndian.AppendUint64(dst, i), nil }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	time.Sleep(5 * time.Millisecond)
	before, other := a.conn, b.conn
	x, y := tcpStreams(t)
	if err := b.moveTo(y); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Millisecond) // the marker of one side may be there before the other knows of the move
	if err := a.moveTo(x); err != nil {
		t.Fatal(err)
	}
	received.Wait()
	for _, conn := range []net.Conn{before, other} {
		if _, err := conn.Write([]byte{0}); err == nil {
			t.Error("an old connection is still open")
		}
	}
	a.close()
	b.close()
	ended.Wait()
	if err := a.moveTo(x); err == nil {
		t.Error("a closed stream moved")
	}
}

func tcpStreams(t *testing.T) (a, b *stream) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	dialed, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return newStream(dialed, maxFrame), newStream(accepted, maxFrame)
}
