// Package socket reads from and writes to network connections with less than net.Conn needs: where
// the connection is a plain socket, a read or write that need not wait is one system call, of
// which the scheduler is not told. The scheduler takes the processor away from a thread that is
// in a system call for a while, and gives it back; a call on a socket that does not block takes
// microseconds, and being told of it costs as much.
package socket

import (
	"io"
	"net"
	"os"
	"syscall"
)

// Socket is a connection. Read belongs to one goroutine at a time, and so does what writes; close
// it and set its deadlines through the connection.
type Socket struct {
	conn  net.Conn
	raw   syscall.RawConn // nil: conn is asked
	read  transfer
	write transfer
}

// transfer is one system call. It is kept, with the function that makes it, so that a call
// allocates nothing.
type transfer struct {
	buf  []byte
	n    int
	err  syscall.Errno
	call func(fd uintptr) (done bool)
}

// New takes a connection. Only sockets of the kernel, TCP or Unix, are read directly; all others,
// TLS among them, are asked.
func New(conn net.Conn) *Socket {
	s := &Socket{conn: conn}
	switch c := conn.(type) {
	case *net.TCPConn:
		s.raw, _ = direct(c)
	case *net.UnixConn:
		s.raw, _ = direct(c)
	}
	if s.raw != nil {
		s.read.call, s.write.call = s.read.receive, s.write.send
	}
	return s
}

// Direct says whether TryWrite can write anything.
func (s *Socket) Direct() bool { return s.raw != nil }

// Read is as that of net.Conn.
func (s *Socket) Read(b []byte) (int, error) {
	if s.raw == nil || len(b) == 0 {
		return s.conn.Read(b)
	}
	t := &s.read
	t.buf = b
	err := s.raw.Read(t.call)
	t.buf = nil
	switch {
	case err != nil: // closed, or the deadline is over
		return 0, err
	case t.err != 0:
		return 0, os.NewSyscallError("read", t.err)
	case t.n == 0:
		return 0, io.EOF
	}
	return t.n, nil
}

// Write is as that of net.Conn.
func (s *Socket) Write(b []byte) (int, error) {
	n := s.TryWrite(b)
	if n == len(b) {
		return n, nil
	}
	more, err := s.conn.Write(b[n:]) // which waits, and has the error
	return n + more, err
}

// TryWrite writes what can be written without waiting and says how much that was. Errors show
// when the rest is written.
func (s *Socket) TryWrite(b []byte) int {
	if s.raw == nil || len(b) == 0 {
		return 0
	}
	t := &s.write
	t.buf = b
	err := s.raw.Write(t.call)
	t.buf = nil
	if err != nil || t.err != 0 {
		return 0
	}
	return t.n
}

// receive is a read; when there is nothing to read the runtime waits and calls it again.
func (t *transfer) receive(fd uintptr) bool {
	t.n, t.err = again(read, fd, t.buf)
	return t.err != syscall.EAGAIN
}

// send is a write. It never waits.
func (t *transfer) send(fd uintptr) bool {
	t.n, t.err = again(write, fd, t.buf)
	return true
}

// again makes a system call that a signal interrupted once more.
func again(call func(uintptr, []byte) (int, syscall.Errno), fd uintptr, b []byte) (int, syscall.Errno) {
	for {
		if n, err := call(fd, b); err != syscall.EINTR {
			return n, err
		}
	}
}
