package cluster

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wamp-operator/wamp-operator/router/internal/backlog"
	"github.com/wamp-operator/wamp-operator/router/internal/socket"
)

const (
	// maxFrame bounds a frame for a call: the largest WAMP message and its head.
	maxFrame = 17 << 20
	// maxControl bounds a control message; a list of a million registrations fits.
	maxControl = 256 << 20
	// streamSoft is how many bytes may wait before senders that can wait are asked to.
	streamSoft = 4 << 20
	// streamHard is how many bytes may wait before the link is given up: the other side
	// has stopped reading.
	streamHard = 512 << 20
	// writeChunk is how many bytes are written at a time, and writeWait how long that may
	// take.
	writeChunk = 256 << 10
	writeWait  = 10 * time.Second
)

var (
	errStreamClosed  = errors.New("link is closed")
	errStreamStalled = errors.New("the other replica took nothing for " + writeWait.String())
)

// stream is one connection between two replicas: frames with a length before them. Senders
// append to a buffer; one goroutine writes whatever has gathered with one system call.
type stream struct {
	conn net.Conn
	sock *socket.Socket
	in   incoming
	// writes goes up when a write begins and when it ends: it is odd during a write.
	writes atomic.Uint64

	mu       sync.Mutex
	buf      backlog.Buffer
	closed   bool
	asleep   bool // the writer waits for wake
	promised bool // a reader that had something sent sees to it that it is written
	wake     chan struct{}
	room     chan struct{} // closed when there is room again; nil when nobody waits

	protocol int // version, as agreed in the handshake
	move     move
}

func newStream(conn net.Conn, limit uint32) *stream {
	sock := socket.New(conn)
	return &stream{conn: conn, sock: sock, in: incoming{conn: sock, max: limit}, wake: make(chan struct{}, 1), move: newMove()}
}

// append adds one frame of about size bytes, encoded in place by encode, and sees to it that it is
// written, by via where there is one; it never blocks.
func (s *stream) append(via *backlog.Via, size int, encode func(dst []byte) ([]byte, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errStreamClosed
	}
	to := s.appendTo()
	to.Room(4 + size)
	start := len(to.Last)
	buf, err := encode(append(to.Last, 0, 0, 0, 0))
	if err != nil {
		return err
	}
	binary.BigEndian.PutUint32(buf[start:], uint32(len(buf)-start-4))
	to.Last = buf
	if waiting := s.waiting(); waiting > streamHard {
		s.closeLocked()
		return fmt.Errorf("%d MiB wait to be sent: the other replica has stopped reading", waiting>>20)
	}
	switch {
	case !s.asleep:
	case via == nil:
		s.wakeLocked()
	case !s.promised:
		s.promised = true
		via.Promise(s)
	}
	return nil
}

// Flush implements backlog.Flusher.
func (s *stream) Flush(now bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.promised = false
	if !s.asleep || s.buf.Len() == 0 {
		return
	}
	if now && s.sock.Direct() && !s.closed {
		s.asleep = false // nobody else writes meanwhile
		var few [2]backlog.Piece
		pieces := s.buf.Take(few[:0])
		s.mu.Unlock()
		rest := s.writeSome(pieces)
		s.mu.Lock()
		s.asleep = true
		s.buf.PutBack(rest)
		s.release()
	}
	if s.buf.Len() > 0 || s.closed {
		s.wakeLocked()
	}
}

// writeSome writes what can be written without waiting, and gives back what is left.
func (s *stream) writeSome(pieces []backlog.Piece) []backlog.Piece {
	for i := range pieces {
		b := pieces[i].Bytes()
		if n := s.sock.TryWrite(b); n < len(b) {
			pieces[i].Written(n)
			return pieces[i:]
		}
		pieces[i].Return()
	}
	return nil
}

func (s *stream) wakeLocked() {
	if s.asleep {
		s.asleep = false
		s.wake <- struct{}{}
	}
}

// write is the writer; it returns when the stream is closed or broken.
func (s *stream) write() error {
	var pieces []backlog.Piece
	for {
		s.mu.Lock()
		for s.buf.Len() == 0 && !s.closed {
			s.asleep = true
			s.mu.Unlock()
			<-s.wake
			runtime.Gosched() // let others that are about to send do so first
			s.mu.Lock()
		}
		if s.closed {
			s.mu.Unlock()
			return errStreamClosed
		}
		pieces = s.buf.Take(pieces[:0])
		s.mu.Unlock()
		for i, p := range pieces {
			if err := s.flush(p.Bytes()); err != nil {
				return err
			}
			p.Return()
			pieces[i] = backlog.Piece{}
		}
		s.mu.Lock()
		s.moveWriter()
		s.release()
		s.mu.Unlock()
	}
}

// release lets those in waitRoom go when there is room; called with mu held.
func (s *stream) release() {
	if s.room != nil && s.waiting() < streamSoft {
		close(s.room)
		s.room = nil
	}
}

func (s *stream) flush(out []byte) error {
	for len(out) > 0 {
		s.writes.Add(1)
		n, err := s.sock.Write(out[:min(len(out), writeChunk)])
		s.writes.Add(1)
		if err != nil {
			return err
		}
		out = out[n:]
	}
	return nil
}

func (s *stream) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting() >= streamSoft
}

// waitRoom blocks while the stream is full.
func (s *stream) waitRoom(ctx context.Context) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return errStreamClosed
	}
	if s.waiting() < streamSoft {
		s.mu.Unlock()
		return nil
	}
	if s.room == nil {
		s.room = make(chan struct{})
	}
	room := s.room
	s.mu.Unlock()
	select {
	case <-room:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *stream) close() {
	s.mu.Lock()
	s.closeLocked()
	s.mu.Unlock()
}

func (s *stream) closeLocked() {
	if s.closed {
		return
	}
	s.closed = true
	_ = s.conn.Close()
	s.move.closeLocked()
	s.wakeLocked()
	if s.room != nil {
		close(s.room)
		s.room = nil
	}
}

// stall watches that writes of a stream end. It is asked regularly, by one goroutine.
type stall struct {
	writes uint64
	since  time.Time
}

// over says that the same write has been going on for writeWait.
func (w *stall) over(s *stream, now time.Time) bool {
	if n := s.writes.Load(); n != w.writes || n%2 == 0 {
		w.writes, w.since = n, now
		return false
	}
	return now.Sub(w.since) > writeWait
}
