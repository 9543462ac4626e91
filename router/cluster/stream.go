package cluster

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"time"
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
	// writeWait is how long a write may make no progress.
	writeWait = 10 * time.Second
)

var errStreamClosed = errors.New("link is closed")

// stream is one connection between two replicas: frames with a length before them. Senders
// append to a buffer; one goroutine writes whatever has gathered with one system call.
type stream struct {
	conn net.Conn
	in   *bufio.Reader
	max  uint32

	mu     sync.Mutex
	buf    []byte
	spare  []byte
	closed bool
	wake   chan struct{}
	room   chan struct{} // closed when there is room again; nil when nobody waits
}

func newStream(conn net.Conn, limit uint32) *stream {
	return &stream{conn: conn, in: bufio.NewReaderSize(conn, 64<<10), max: limit, wake: make(chan struct{}, 1)}
}

// append adds one frame, encoded in place by encode, and wakes the writer; it never blocks.
func (s *stream) append(encode func(dst []byte) ([]byte, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errStreamClosed
	}
	start := len(s.buf)
	buf, err := encode(append(s.buf, 0, 0, 0, 0))
	if err != nil {
		s.buf = buf[:start]
		return err
	}
	binary.BigEndian.PutUint32(buf[start:], uint32(len(buf)-start-4))
	s.buf = buf
	if len(buf) > streamHard {
		s.closeLocked()
		return fmt.Errorf("%d MiB wait to be sent: the other replica has stopped reading", len(buf)>>20)
	}
	if start == 0 {
		s.wakeLocked()
	}
	return nil
}

func (s *stream) wakeLocked() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// write is the writer; it returns when the stream is closed or broken.
func (s *stream) write() error {
	for range s.wake {
		runtime.Gosched() // let others that are about to send do so first
		s.mu.Lock()
		out := s.buf
		s.buf = s.spare[:0]
		closed := s.closed
		s.mu.Unlock()
		if closed {
			return errStreamClosed
		}
		if err := s.flush(out); err != nil {
			return err
		}
		s.mu.Lock()
		s.spare = nil
		if cap(out) <= 1<<20 {
			s.spare = out
		}
		if len(s.buf) > 0 {
			s.wakeLocked()
		}
		if s.room != nil && len(s.buf) < streamSoft {
			close(s.room)
			s.room = nil
		}
		s.mu.Unlock()
	}
	return errStreamClosed
}

func (s *stream) flush(out []byte) error {
	for len(out) > 0 {
		part := out[:min(len(out), 256<<10)]
		if err := s.conn.SetWriteDeadline(time.Now().Add(writeWait)); err != nil {
			return err
		}
		n, err := s.conn.Write(part)
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
	return len(s.buf) >= streamSoft
}

// waitRoom blocks while the stream is full.
func (s *stream) waitRoom(ctx context.Context) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return errStreamClosed
	}
	if len(s.buf) < streamSoft {
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
	s.wakeLocked()
	if s.room != nil {
		close(s.room)
		s.room = nil
	}
}

// read gives the next frame; buf is used again when it is large enough.
func (s *stream) read(buf []byte) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(s.in, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > s.max {
		return nil, fmt.Errorf("frame of %d bytes, at most %d are allowed", n, s.max)
	}
	if uint32(cap(buf)) < n {
		// Grow with what arrives, not with what is announced.
		return readGrowing(s.in, int(n))
	}
	buf = buf[:n]
	_, err := io.ReadFull(s.in, buf)
	return buf, err
}

func readGrowing(in io.Reader, n int) ([]byte, error) {
	buf := make([]byte, 0, min(n, 64<<10))
	for len(buf) < n {
		step := min(n-len(buf), max(len(buf), 64<<10))
		at := len(buf)
		buf = append(buf, make([]byte, step)...)
		if _, err := io.ReadFull(in, buf[at:]); err != nil {
			return nil, err
		}
	}
	return buf, nil
}
