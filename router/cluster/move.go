package cluster

import (
	"errors"
	"net"
	"time"

	"github.com/wamp-operator/wamp-operator/router/internal/backlog"
)

// moveWait bounds how long the reader of a stream waits for the connection that the other side
// already writes to.
const moveWait = 3 * time.Second

var errMove = errors.New("the other replica moved the link to a connection that is not there")

// move takes a stream from the connection it is on to another one, while it is in use: nothing gets
// lost, and the order stays. Each side writes an empty frame as the last on the old connection,
// and what follows on the new one; whoever reads the empty frame goes on reading there.
// All but arrived is guarded by the stream's mu. A stream moves once at most.
type move struct {
	begun bool
	next  *stream        // until the writer is there
	later backlog.Buffer // what is to be written to it
	old   net.Conn       // what the writer left and the reader still reads
	read  bool           // the reader has left the old connection
	// arrived gives the reader the new connection; closed with the stream.
	arrived chan *stream
}

func newMove() move { return move{arrived: make(chan *stream, 1)} }

// moveTo begins a move. The handshake on the new connection is over, and both sides have agreed.
func (s *stream) moveTo(next *stream) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.move.begun {
		_ = next.conn.Close()
		return errStreamClosed
	}
	s.move.begun, s.move.next = true, next
	s.buf.Room(4)
	s.buf.Last = append(s.buf.Last, 0, 0, 0, 0)
	s.move.arrived <- next
	s.wakeLocked()
	return nil
}

// appendTo is where the next frame goes; called with mu held.
func (s *stream) appendTo() *backlog.Buffer {
	if s.move.next != nil {
		return &s.move.later
	}
	return &s.buf
}

// waiting is how many bytes wait to be written; called with mu held.
func (s *stream) waiting() int { return s.buf.Len() + s.move.later.Len() }

// moveWriter goes on to the new connection when all that belongs on the old one is written; called
// by the writer, with mu held.
func (s *stream) moveWriter() {
	if s.move.next == nil || s.buf.Len() > 0 || s.closed {
		return
	}
	s.move.old, s.conn, s.sock = s.conn, s.move.next.conn, s.move.next.sock
	s.buf, s.move.later = s.move.later, backlog.Buffer{}
	s.move.next = nil
	s.leaveOld()
}

// moveReader goes on to the new connection; called by the reader after the last frame of the old.
func (s *stream) moveReader() error {
	timeout := time.NewTimer(moveWait)
	defer timeout.Stop()
	select {
	case next := <-s.move.arrived:
		if next == nil {
			return errStreamClosed
		}
		if s.in.r != s.in.w {
			return errMove
		}
		s.in.conn, s.in.buf, s.in.r, s.in.w = next.in.conn, next.in.buf, next.in.r, next.in.w
	case <-timeout.C:
		return errMove
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.move.read = true
	s.leaveOld()
	return nil
}

// leaveOld closes the old connection when neither side of it is used any more.
func (s *stream) leaveOld() {
	if s.move.read && s.move.old != nil {
		_ = s.move.old.Close()
		s.move.old = nil
	}
}

func (m *move) closeLocked() {
	close(m.arrived)
	if m.next != nil {
		_ = m.next.conn.Close()
	}
	if m.old != nil {
		_ = m.old.Close()
	}
}
