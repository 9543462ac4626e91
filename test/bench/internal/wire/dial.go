package wire

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"
)

// Conn is a client's connection while it is being set up, one step after the other.
type Conn struct {
	Codec
	nc    *net.TCPConn
	early []byte // arrived and not yet parsed
}

const patience = 10 * time.Second

// Dial connects, and joins.
func Dial(address string, p Protocol, c Codec) (*Conn, error) {
	nc, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, err
	}
	conn := &Conn{Codec: c, nc: nc.(*net.TCPConn)}
	_ = nc.SetDeadline(time.Now().Add(patience))
	if err = conn.greet(address, p); err == nil {
		err = conn.Ask(c.Join(nil))
	}
	if err != nil {
		_ = nc.Close()
		return nil, fmt.Errorf("joining at %s over %s: %w", address, p, err)
	}
	return conn, nil
}

// greet is the handshake of the transport.
func (c *Conn) greet(address string, p Protocol) error {
	switch p {
	case Raw:
		var answer [4]byte
		if _, err := c.nc.Write([]byte{0x7f, 0xf2, 0, 0}); err != nil {
			return err
		}
		if _, err := io.ReadFull(c.nc, answer[:]); err != nil {
			return err
		}
		if answer[0] != 0x7f || answer[1]&0x0f != 2 {
			return fmt.Errorf("RawSocket handshake answered with %x", answer)
		}
	case Web:
		_, err := c.nc.Write([]byte("GET /ws HTTP/1.1\r\nHost: " + address + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
			"Sec-WebSocket-Key: c2l4dGVlbiBsZXR0ZXJzLg==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: wamp.2.json\r\n\r\n"))
		if err != nil {
			return err
		}
		var answer []byte
		for !strings.HasSuffix(string(answer), "\r\n\r\n") && len(answer) < 4096 {
			var one [1]byte
			if _, err := io.ReadFull(c.nc, one[:]); err != nil {
				return err
			}
			answer = append(answer, one[0])
		}
		if !strings.HasPrefix(string(answer), "HTTP/1.1 101 ") {
			return fmt.Errorf("WebSocket handshake answered with %q", answer)
		}
	}
	return nil
}

// Ask sends a request and waits until it is done.
func (c *Conn) Ask(request []byte) error {
	m, err := c.Exchange(request)
	if err == nil && m.Kind != Done {
		return fmt.Errorf("the server answered %s", m.Reason)
	}
	return err
}

// Exchange sends a request and waits for its answer.
func (c *Conn) Exchange(request []byte) (m Message, err error) {
	_ = c.nc.SetDeadline(time.Now().Add(patience))
	if _, err := c.nc.Write(request); err != nil {
		return m, err
	}
	for {
		m, used, err := c.Parse(c.early)
		if err != nil {
			return m, err
		}
		c.early = c.early[used:]
		switch {
		case m.Kind == Done, m.Kind == Result, m.Kind == Failure:
			return m, nil
		case used > 0:
			continue
		}
		var more [4096]byte
		n, err := c.nc.Read(more[:])
		if err != nil {
			return m, err
		}
		c.early = append(c.early, more[:n]...)
	}
}

// Detach gives the connection up to an event loop: a socket that does not block, and what it
// has delivered already.
func (c *Conn) Detach() (fd int, early []byte, err error) {
	defer func() { err = errors.Join(err, c.nc.Close()) }()
	raw, err := c.nc.SyscallConn()
	if err != nil {
		return 0, nil, err
	}
	fail := raw.Control(func(original uintptr) { fd, err = syscall.Dup(int(original)) })
	return fd, c.early, errors.Join(fail, err)
}
