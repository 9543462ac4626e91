package wamptest

import (
	"bytes"
	"context"
	"io"
	"sync"

	"github.com/wamp-operator/wamp-operator/router/internal/backlog"
	"github.com/wamp-operator/wamp-operator/router/transport"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Conn is a connection in memory, as a session sees it: what the test feeds is read, what the
// session sends is kept.
type Conn struct {
	format wamp.Format
	frames chan []byte
	via    backlog.Via
	info   transport.Info

	mu     sync.Mutex
	sent   []*Message
	closed bool
	code   transport.CloseCode
	room   chan struct{} // not nil while full; closed when there is room
}

// NewConn makes a connection for one session, by RawSocket as it looks.
func NewConn(f wamp.Format) *Conn {
	return NewConnOf(f, transport.Info{Protocol: transport.RawSocket, Subprotocol: "wamp.2." + f.String()})
}

// NewConnOf makes a connection for one session that came in as info says.
func NewConnOf(f wamp.Format, info transport.Info) *Conn {
	return &Conn{format: f, frames: make(chan []byte, 1024), info: info}
}

// Feed lets the session read frames; Hangup ends them.
func (c *Conn) Feed(frames ...[]byte) {
	for _, f := range frames {
		c.frames <- f
	}
}

// FeedMessage lets the session read a message.
func (c *Conn) FeedMessage(m *wamp.Message) { c.Feed(wamp.Append(nil, c.format, m)) }

// Hangup is the peer's end of the connection.
func (c *Conn) Hangup() { close(c.frames) }

// Sent gives what the session sent since the last call.
func (c *Conn) Sent() []*Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	sent := c.sent
	c.sent = nil
	return sent
}

// SetFull makes the connection full, or not.
func (c *Conn) SetFull(full bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case full && c.room == nil:
		c.room = make(chan struct{})
	case !full && c.room != nil:
		close(c.room)
		c.room = nil
	}
}

// Format implements session.Conn.
func (c *Conn) Format() wamp.Format { return c.format }

// Info implements session.Conn.
func (c *Conn) Info() *transport.Info { return &c.info }

// ReadMessage implements session.Conn.
func (c *Conn) ReadMessage() ([]byte, error) {
	frame, ok := <-c.frames
	if !ok {
		return nil, io.EOF
	}
	return frame, nil
}

// Via implements session.Conn.
func (c *Conn) Via() *backlog.Via { return &c.via }

// SendVia implements session.Conn: it does not wait for a flush.
func (c *Conn) SendVia(_ *backlog.Via, m *wamp.Message) error { return c.Send(m) }

// Send implements session.Conn.
func (c *Conn) Send(m *wamp.Message) error {
	payload, err := m.Payload.In(c.format)
	if err != nil {
		return err
	}
	own := *m
	own.Payload = payload
	kept := &Message{}
	if err := wamp.Decode(c.format, wamp.Append(nil, c.format, &own), &kept.Message); err != nil {
		return err
	}
	return c.keep(kept)
}

// SendEncoded implements session.Conn.
func (c *Conn) SendEncoded(message []byte) error {
	kept := &Message{}
	if err := wamp.Decode(c.format, bytes.Clone(message), &kept.Message); err != nil {
		return err
	}
	return c.keep(kept)
}

// keep takes note of a message that was sent.
func (c *Conn) keep(m *Message) (err error) {
	if m.Args, m.Kwargs, err = m.Payload.Decode(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return transport.ErrClosed
	}
	c.sent = append(c.sent, m)
	return nil
}

// Full implements session.Conn.
func (c *Conn) Full() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.room != nil
}

// WaitRoom implements session.Conn.
func (c *Conn) WaitRoom(ctx context.Context) error {
	c.mu.Lock()
	room := c.room
	c.mu.Unlock()
	if room == nil {
		return nil
	}
	select {
	case <-room:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close implements session.Conn.
func (c *Conn) Close() { c.CloseWith(transport.CloseNormal, "") }

// CloseWith implements session.Conn.
func (c *Conn) CloseWith(code transport.CloseCode, _ string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed, c.code = true, code
	}
}

// CloseCode is what the connection was closed with first.
func (c *Conn) CloseCode() transport.CloseCode {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.code
}

// Closed tells whether the session closed the connection.
func (c *Conn) Closed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}
