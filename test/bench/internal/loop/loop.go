// Package loop serves many connections with one thread: wait, read from whoever has something,
// then write to everybody for whom there is something, one system call each. That is the least
// that a client can cost, and it batches as good clients do.
package loop

import (
	"errors"
	"fmt"
	"syscall"
	"time"
)

const chunk = 256 << 10 // bytes of a read at most

// Handler takes what arrived and returns how much of it was whole messages. b is valid only
// during the call.
type Handler func(c *Conn, b []byte) (used int, err error)

// Conn is a connection in a loop. Out is what waits to be written; who appends to it calls
// Flush.
type Conn struct {
	Out []byte
	// Closed, when set, is called when the connection is lost.
	Closed func()

	loop    *Loop
	fd      int
	handle  Handler
	rest    []byte // the beginning of a message
	dirty   bool
	blocked bool // the socket took no more
	armed   bool // the loop waits until it does
}

// Loop is the one thread's set of connections.
type Loop struct {
	epoll  int
	conns  map[int32]*Conn
	dirty  []*Conn
	events [512]syscall.EpollEvent
	shared []byte

	accept   func(fd int)
	listener int32
}

// New makes an empty loop.
func New() (*Loop, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("making an epoll set: %w", err)
	}
	return &Loop{epoll: fd, conns: map[int32]*Conn{}, shared: make([]byte, chunk), listener: -1}, nil
}

// Add takes a socket into the loop, with what was read from it already.
func (l *Loop) Add(fd int, early []byte, handle Handler) (*Conn, error) {
	if err := syscall.SetNonblock(fd, true); err != nil {
		return nil, err
	}
	c := &Conn{loop: l, fd: fd, handle: handle, rest: early}
	l.conns[int32(fd)] = c
	return c, l.watch(fd, syscall.EPOLL_CTL_ADD, syscall.EPOLLIN)
}

// Listen takes a listening socket into the loop, and has accept called with who connects.
func (l *Loop) Listen(fd int, accept func(fd int)) error {
	l.listener, l.accept = int32(fd), accept
	return l.watch(fd, syscall.EPOLL_CTL_ADD, syscall.EPOLLIN)
}

func (l *Loop) watch(fd, op int, events uint32) error {
	return syscall.EpollCtl(l.epoll, op, fd, &syscall.EpollEvent{Events: events, Fd: int32(fd)})
}

// Step waits for something to happen, for a time at most, and deals with it. An error is that of
// one connection, which is closed.
func (l *Loop) Step(wait time.Duration) error {
	n, err := syscall.EpollWait(l.epoll, l.events[:], int(max(wait, 0)/time.Millisecond))
	if err != nil && !errors.Is(err, syscall.EINTR) {
		return fmt.Errorf("waiting for sockets: %w", err)
	}
	for i := range max(n, 0) {
		e := &l.events[i]
		if e.Fd == l.listener {
			if fd, _, err := syscall.Accept4(int(e.Fd), syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC); err == nil {
				l.accept(fd)
			}
			continue
		}
		c := l.conns[e.Fd]
		if c == nil {
			continue
		}
		if e.Events&syscall.EPOLLOUT != 0 {
			c.blocked = false
			c.Flush()
		}
		if e.Events&^syscall.EPOLLOUT != 0 {
			if err := c.read(); err != nil {
				l.drop(c)
				return err
			}
		}
	}
	return l.FlushAll()
}

// read reads once. What is not a whole message yet is kept.
func (c *Conn) read() error {
	if len(c.rest) == 0 {
		n, err := c.receive(c.loop.shared)
		if n == 0 || err != nil {
			return err
		}
		used, err := c.handle(c, c.loop.shared[:n])
		c.rest = append(c.rest[:0], c.loop.shared[used:n]...)
		return err
	}
	have := len(c.rest)
	if cap(c.rest)-have < chunk {
		c.rest = append(make([]byte, 0, 2*have+chunk), c.rest...)
	}
	n, err := c.receive(c.rest[have:cap(c.rest)])
	if n == 0 || err != nil {
		return err
	}
	c.rest = c.rest[:have+n]
	used, err := c.handle(c, c.rest)
	c.rest = c.rest[:copy(c.rest, c.rest[used:])]
	return err
}

func (c *Conn) receive(b []byte) (int, error) {
	n, err := syscall.Read(c.fd, b)
	switch {
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("reading: %w", err)
	case n == 0:
		return 0, errors.New("the other side closed a connection")
	}
	return n, nil
}

// Flush has Out written at the end of this step.
func (c *Conn) Flush() {
	if !c.dirty {
		c.dirty = true
		c.loop.dirty = append(c.loop.dirty, c)
	}
}

// FlushAll writes what waits everywhere, as far as sockets take it.
func (l *Loop) FlushAll() (err error) {
	for _, c := range l.dirty {
		c.dirty = false
		if e := c.write(); e != nil {
			l.drop(c)
			err = e
		}
	}
	l.dirty = l.dirty[:0]
	return err
}

func (l *Loop) drop(c *Conn) {
	delete(l.conns, int32(c.fd))
	_ = syscall.Close(c.fd)
	c.blocked = true
	if c.Closed != nil {
		c.Closed()
	}
}

func (c *Conn) write() error {
	if c.blocked || len(c.Out) == 0 {
		return nil
	}
	n, err := syscall.Write(c.fd, c.Out)
	if err != nil && !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR) {
		return fmt.Errorf("writing: %w", err)
	}
	c.Out = c.Out[:copy(c.Out, c.Out[max(n, 0):])]
	events := uint32(syscall.EPOLLIN)
	if c.blocked = len(c.Out) > 0; c.blocked {
		events |= syscall.EPOLLOUT
	}
	if c.blocked == c.armed {
		return nil
	}
	c.armed = c.blocked
	return c.loop.watch(c.fd, syscall.EPOLL_CTL_MOD, events)
}
