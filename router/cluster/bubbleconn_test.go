package cluster

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// bubbleWindow is how many bytes of a connection are sent before the other side must have
// acknowledged some.
const bubbleWindow = 512 << 10

// bubbleFlow is one direction of a connection: bytes in order, each with the time it arrives. One
// goroutine reads and one writes. All fields belong to the lock of the network.
type bubbleFlow struct {
	net      *bubbleNet
	from, to *bubbleHost
	segments []bubbleSegment
	last     time.Time // when the last segment arrives
	unread   int       // bytes sent that were not read
	unacked  int       // bytes read whose acknowledgement does not get through
	broken   *bubbleReset

	readEnd, writeEnd        bool // closed at that end
	readDeadline, writeUntil time.Time
	readable, room           chan struct{} // wakes the reader, the writer
	back                     *bubbleFlow   // the other direction
}

// bubbleReset is word of a machine that it does not know the connection, or does not read it
// any more.
type bubbleReset struct {
	by, to *bubbleHost
	at     time.Time
}

type bubbleSegment struct {
	at    time.Time
	bytes []byte // none: the end of the stream
}

// newFlows makes a connection.
func (n *bubbleNet) newFlows(from, to *bubbleHost) (there, back *bubbleFlow) {
	flow := func(from, to *bubbleHost) *bubbleFlow {
		f := &bubbleFlow{net: n, from: from, to: to, readable: make(chan struct{}, 1), room: make(chan struct{}, 1)}
		n.flows[f] = struct{}{}
		return f
	}
	there, back = flow(from, to), flow(to, from)
	there.back, back.back = back, there
	return there, back
}

func bubbleWake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// hold delays all that is on its way until a time.
func (f *bubbleFlow) hold(until time.Time) {
	for i := range f.segments {
		if f.segments[i].at.Before(until) {
			f.segments[i].at = until
		}
	}
	if f.last.Before(until) && len(f.segments) > 0 {
		f.last = until
	}
	bubbleWake(f.readable)
}

// credit: acknowledgements get through again.
func (f *bubbleFlow) credit() {
	f.unacked = 0
	bubbleWake(f.room)
}

// reset breaks both directions for a host, which another tells so.
func (f *bubbleFlow) reset(by, to *bubbleHost) {
	for _, f := range []*bubbleFlow{f, f.back} {
		if f.broken == nil {
			f.broken = &bubbleReset{by, to, time.Now().Add(f.net.transit())}
		}
		bubbleWake(f.readable)
		bubbleWake(f.room)
	}
}

// failed tells one end whether it has been told that the connection is broken, or when it will be.
func (f *bubbleFlow) failed(end *bubbleHost) (bool, time.Time) {
	r := f.broken
	if r == nil || r.to != end || !f.net.passes(r.by, r.to) {
		return false, time.Time{}
	}
	return !r.at.After(time.Now()), r.at
}

func (f *bubbleFlow) push(b []byte) {
	at := time.Now().Add(f.net.transit())
	if at.Before(f.last) {
		at = f.last
	}
	f.last = at
	f.segments = append(f.segments, bubbleSegment{at, b})
	bubbleWake(f.readable)
}

// take gives what has arrived, or how long to wait for the next (0: until woken).
func (f *bubbleFlow) take(b []byte) (n int, wait time.Duration, err error) {
	now := time.Now()
	later := func(at time.Time) bool {
		if !at.After(now) {
			return false
		}
		if d := at.Sub(now); wait == 0 || d < wait {
			wait = d
		}
		return true
	}
	broken, at := f.failed(f.to)
	switch {
	case f.readEnd:
		return 0, 0, net.ErrClosed
	case !f.readDeadline.IsZero() && !later(f.readDeadline):
		return 0, 0, os.ErrDeadlineExceeded
	case broken:
		return 0, 0, syscall.ECONNRESET
	}
	later(at)
	if len(f.segments) == 0 || !f.net.passes(f.from, f.to) || later(f.segments[0].at) {
		return 0, wait, nil
	}
	s := &f.segments[0]
	if len(s.bytes) == 0 {
		return 0, 0, io.EOF
	}
	n = copy(b, s.bytes)
	if s.bytes = s.bytes[n:]; len(s.bytes) == 0 {
		f.segments = f.segments[1:]
	}
	f.unread -= n
	if !f.net.passes(f.to, f.from) {
		f.unacked += n
	}
	bubbleWake(f.room)
	return n, 0, nil
}

func (f *bubbleFlow) read(b []byte) (int, error) {
	for {
		f.net.mu.Lock()
		n, wait, err := f.take(b)
		f.net.mu.Unlock()
		if n > 0 || err != nil {
			return n, err
		}
		bubbleWait(f.readable, wait)
	}
}

func bubbleWait(woken chan struct{}, most time.Duration) {
	if most == 0 {
		<-woken
		return
	}
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-woken:
	case <-timer.C:
	}
}

func (f *bubbleFlow) write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		f.net.mu.Lock()
		n, wait, err := f.put(b[done:])
		f.net.mu.Unlock()
		done += n
		if err != nil {
			return done, err
		}
		if n == 0 {
			bubbleWait(f.room, wait)
		}
	}
	return done, nil
}

// put sends what there is room for, or says how long to wait for room (0: until woken).
func (f *bubbleFlow) put(b []byte) (n int, wait time.Duration, err error) {
	broken, at := f.failed(f.from)
	switch {
	case f.writeEnd:
		return 0, 0, net.ErrClosed
	case !f.writeUntil.IsZero() && !f.writeUntil.After(time.Now()):
		return 0, 0, os.ErrDeadlineExceeded
	case broken:
		return 0, 0, syscall.ECONNRESET
	}
	n = min(len(b), bubbleWindow-f.unread-f.unacked)
	if n <= 0 {
		for _, end := range []time.Time{f.writeUntil, at} {
			if d := time.Until(end); !end.IsZero() && (wait == 0 || d < wait) {
				wait = d
			}
		}
		return 0, wait, nil
	}
	f.push(append([]byte(nil), b[:n]...))
	f.unread += n
	// A machine answers for a connection that nobody has there, one that was started again does.
	if now := f.net.hosts[f.to.ip]; f.broken == nil && (now != f.to && f.net.passes(f.from, now) || f.readEnd && f.net.passes(f.from, f.to)) {
		f.reset(now, f.from)
	}
	return n, 0, nil
}

// bubbleConn is one end of a connection.
type bubbleConn struct {
	net           *bubbleNet
	in, out       *bubbleFlow
	local, remote net.Addr
	once          sync.Once
}

func (c *bubbleConn) Read(b []byte) (int, error)  { return c.in.read(b) }
func (c *bubbleConn) Write(b []byte) (int, error) { return c.out.write(b) }
func (c *bubbleConn) LocalAddr() net.Addr         { return c.local }
func (c *bubbleConn) RemoteAddr() net.Addr        { return c.remote }

// Close sends the end of the stream behind what was written.
func (c *bubbleConn) Close() error {
	err := net.ErrClosed
	c.once.Do(func() {
		c.net.mu.Lock()
		defer c.net.mu.Unlock()
		err = nil
		c.in.readEnd, c.out.writeEnd = true, true
		bubbleWake(c.in.readable)
		bubbleWake(c.out.room)
		if len(c.in.segments) > 0 && c.net.passes(c.out.from, c.out.to) {
			c.out.reset(c.out.from, c.out.to) // closed with bytes unread
		} else {
			c.out.push(nil)
		}
		c.in.segments = nil
		if c.out.readEnd {
			delete(c.net.flows, c.in)
			delete(c.net.flows, c.out)
		}
	})
	return err
}

func (c *bubbleConn) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

func (c *bubbleConn) SetReadDeadline(t time.Time) error {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	c.in.readDeadline = t
	bubbleWake(c.in.readable)
	return nil
}

func (c *bubbleConn) SetWriteDeadline(t time.Time) error {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	c.out.writeUntil = t
	bubbleWake(c.out.room)
	return nil
}

// bubbleListener takes connections at one port of a host.
type bubbleListener struct {
	host  *bubbleHost
	port  int
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (h *bubbleHost) listenAt(port int) (*bubbleListener, error) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	if port == 0 {
		h.nextPort++
		port = h.nextPort
	}
	if h.ports[port] != nil {
		return nil, fmt.Errorf("listen %s:%d: %w", h.ip, port, syscall.EADDRINUSE)
	}
	l := &bubbleListener{host: h, port: port, conns: make(chan net.Conn, 128), done: make(chan struct{})}
	h.ports[port] = l
	return l, nil
}

func (l *bubbleListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *bubbleListener) Close() error {
	l.once.Do(func() {
		l.host.net.mu.Lock()
		delete(l.host.ports, l.port)
		l.host.net.mu.Unlock()
		close(l.done)
		for {
			select {
			case c := <-l.conns:
				_ = c.Close()
			default:
				return
			}
		}
	})
	return nil
}

func (l *bubbleListener) Addr() net.Addr { return l.host.address(l.port) }

// connect opens a connection. When nothing answers it tries again after 1 s, then after 2 s, and so
// on, as TCP does, until the context is over.
func (h *bubbleHost) connect(ctx context.Context, address string) (net.Conn, error) {
	again := time.Second
	for {
		conn, wait, err := h.tryConnect(address)
		if wait < 0 {
			wait = again
			again *= 2
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			if conn != nil {
				_ = conn.Close()
			}
			return nil, fmt.Errorf("dial %s: %w", address, ctx.Err())
		}
		if conn != nil {
			return conn, nil
		}
		if err != nil {
			return nil, fmt.Errorf("dial %s: %w", address, err)
		}
	}
}

// tryConnect gives a connection or an error, which is there after a while; a negative one: nothing
// comes back.
func (h *bubbleHost) tryConnect(address string) (conn net.Conn, after time.Duration, err error) {
	n := h.net
	n.mu.Lock()
	defer n.mu.Unlock()
	to, port := n.at(address)
	if to == nil || !n.passes(h, to) || !n.passes(to, h) {
		return nil, -1, nil
	}
	after = n.transit() + n.transit()
	l := to.ports[port]
	if l == nil || to.gone || len(l.conns) == cap(l.conns) {
		return nil, after, syscall.ECONNREFUSED
	}
	h.nextPort++
	there, back := n.newFlows(h, to)
	here, far := h.address(h.nextPort), l.Addr()
	there.last = time.Now().Add(after)
	l.conns <- &bubbleConn{net: n, in: there, out: back, local: far, remote: here}
	return &bubbleConn{net: n, in: back, out: there, local: here, remote: far}, after, nil
}
