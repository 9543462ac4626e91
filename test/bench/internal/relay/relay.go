// Package relay is the least that a server can do for a call: one thread that hands what callers
// send to the callees in turn, over RawSocket in MessagePack. It checks nothing and serves the
// clients of this benchmark only. What it reaches is what the load generator can reach.
package relay

import (
	"encoding/binary"
	"net"
	"slices"
	"time"

	"github.com/wamp-operator/wamp-operator/test/bench/internal/loop"
	"github.com/wamp-operator/wamp-operator/test/bench/internal/wire"
)

// The messages, with their RawSocket headers, that are always the same.
var (
	greeting   = []byte{0x7f, 0xf2, 0, 0}
	welcome    = []byte{0, 0, 0, 4, 0x93, 2, 1, 0x80}
	registered = []byte{0, 0, 0, 4, 0x93, 65, 1, 1}
)

type origin struct {
	caller *loop.Conn
	id     uint64
}

type relay struct {
	loop    *loop.Loop
	kept    []any // what would be closed when nothing refers to it any more
	codec   wire.Codec
	callees []*loop.Conn
	last    uint64
	open    []origin // of invocations, at their number modulo the length
}

// Serve serves at address until something fails.
func Serve(address string) error {
	l, err := loop.New()
	if err != nil {
		return err
	}
	codec, err := wire.NewCodec(wire.Raw, 0, 0, "")
	if err != nil {
		return err
	}
	r := &relay{loop: l, codec: codec, open: make([]origin, 1<<16)}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	socket, err := listener.(*net.TCPListener).File()
	if err != nil {
		return err
	}
	r.kept = []any{listener, socket}
	if err := l.Listen(int(socket.Fd()), r.accept); err != nil {
		return err
	}
	for {
		_ = l.Step(time.Second) // clients come and go
	}
}

func (r *relay) accept(fd int) {
	greeted := false
	_, _ = r.loop.Add(fd, nil, func(c *loop.Conn, b []byte) (used int, err error) {
		if !greeted {
			if len(b) < len(greeting) {
				return 0, nil
			}
			greeted, used = true, len(greeting)
			answer(c, greeting)
		}
		for {
			m, n, err := r.codec.Parse(b[used:])
			if n == 0 || err != nil {
				return used, err
			}
			r.handle(c, &m)
			used += n
		}
	})
}

func answer(c *loop.Conn, b []byte) {
	c.Out = append(c.Out, b...)
	c.Flush()
}

func (r *relay) handle(c *loop.Conn, m *wire.Message) {
	switch m.Kind {
	case wire.Hello:
		answer(c, welcome)
	case wire.Register:
		r.callees = append(r.callees, c)
		c.Closed = func() { r.callees = slices.DeleteFunc(r.callees, func(o *loop.Conn) bool { return o == c }) }
		answer(c, registered)
	case wire.Call:
		if len(r.callees) == 0 {
			return
		}
		r.last++
		r.open[r.last%uint64(len(r.open))] = origin{c, m.ID}
		to := r.callees[r.last%uint64(len(r.callees))]
		// INVOCATION, number, registration 1, no details
		forward(to, 4, 68, r.last, []byte{1, 0x80}, m)
	case wire.Yield:
		o := r.open[m.ID%uint64(len(r.open))]
		forward(o.caller, 3, 50, o.id, []byte{0x80}, m) // RESULT, id, no details
	}
}

// forward sends a message of so many elements before the arguments, which m.Rest has.
func forward(to *loop.Conn, elements int, kind byte, id uint64, middle []byte, m *wire.Message) {
	start := len(to.Out)
	to.Out = append(to.Out, 0, 0, 0, 0, 0x90|byte(elements+m.Count), kind, 0xce)
	to.Out = binary.BigEndian.AppendUint32(to.Out, uint32(id))
	to.Out = append(append(to.Out, middle...), m.Rest...)
	binary.BigEndian.PutUint32(to.Out[start:], uint32(len(to.Out)-start-4))
	to.Flush()
}
