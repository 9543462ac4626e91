package load

import (
	"fmt"
	"time"

	"github.com/wamp-operator/wamp-operator/test/bench/internal/loop"
	"github.com/wamp-operator/wamp-operator/test/bench/internal/wire"
)

// callee answers every call with its own arguments.
func (g *generator) callee(codec wire.Codec) loop.Handler {
	return func(c *loop.Conn, b []byte) (int, error) {
		return each(codec, b, func(m *wire.Message) error {
			switch m.Kind {
			case wire.Invocation:
				c.Out = codec.Answer(c.Out, m)
				c.Flush()
			case wire.Ping:
				c.Out = codec.Pong(c.Out, m)
				c.Flush()
			}
			return nil
		})
	}
}

// caller keeps a number of calls in flight: each answer is followed by the next call.
type caller struct {
	g     *generator
	codec wire.Codec
	conn  *loop.Conn
	last  uint64 // id
	open  int    // calls without an answer
	// sent holds when each open call was made, at its id modulo the length; 0: not open.
	sent []int64
	// failed is the reason of the last answer that was not a result.
	failed string
}

func (c *caller) call(conn *loop.Conn, now int64) {
	c.last++
	if len(c.sent) == 0 {
		c.sent = make([]int64, 1024)
	}
	for c.sent[c.at(c.last)] != 0 { // a call waits that was made very long ago
		c.grow()
	}
	c.sent[c.at(c.last)] = now
	c.open++
	conn.Out = c.codec.Call(conn.Out, c.last)
	conn.Flush()
}

func (c *caller) at(id uint64) int { return int(id % uint64(len(c.sent))) }

func (c *caller) grow() {
	old, first := c.sent, c.last-uint64(len(c.sent))
	c.sent = make([]int64, 2*len(old))
	for id := first; id < c.last; id++ {
		c.sent[c.at(id)] = old[id%uint64(len(old))]
	}
}

// handle takes answers. They all have the time at which they were read.
func (c *caller) handle(conn *loop.Conn, b []byte) (int, error) {
	now := c.g.now()
	return each(c.codec, b, func(m *wire.Message) error {
		switch m.Kind {
		case wire.Ping:
			conn.Out = c.codec.Pong(conn.Out, m)
			conn.Flush()
			return nil
		case wire.Result, wire.Failure:
		default:
			return nil
		}
		sent := c.sent[c.at(m.ID)]
		if sent == 0 {
			return fmt.Errorf("call %d was answered twice", m.ID)
		}
		c.sent[c.at(m.ID)] = 0
		c.open--
		c.failed = m.Reason
		if c.g.measuring {
			if m.Kind == wire.Result {
				c.g.calls++
				c.g.latency.add(now - sent)
			} else {
				c.g.errors[m.Reason]++
			}
		}
		if c.g.sending && c.g.spec.Rate == 0 {
			c.call(conn, now)
		}
		return nil
	})
}

// probe makes one call after the other until one is answered with a result: then the servers
// know of the callees.
func (c *caller) probe() error {
	for end := time.Now().Add(propagation); time.Now().Before(end); {
		c.call(c.conn, c.g.now())
		if err := c.g.loop.FlushAll(); err != nil {
			return err
		}
		for c.open > 0 && time.Now().Before(end) {
			if err := c.g.loop.Step(time.Second); err != nil {
				return err
			}
		}
		if c.open == 0 && c.failed == "" {
			return nil
		}
		if err := c.g.runFor(10 * time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w within %v, the last with %q", errRefused, propagation, c.failed)
}
