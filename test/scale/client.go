package scale

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
)

const realm = "scale"

// callee is a client over RawSocket and MessagePack that only registers procedures.
type callee struct {
	conn net.Conn
	in   *bufio.Reader
	out  *bufio.Writer
	last uint64 // request
}

func dial(address string) (*callee, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	c := &callee{conn: conn, in: bufio.NewReaderSize(conn, 64<<10), out: bufio.NewWriterSize(conn, 64<<10)}
	if err := c.join(); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("joining at %s: %w", address, err)
	}
	return c, nil
}

func (c *callee) join() error {
	if _, err := c.conn.Write([]byte{0x7f, 0xf2, 0, 0}); err != nil {
		return err
	}
	var answer [4]byte
	if _, err := io.ReadFull(c.in, answer[:]); err != nil {
		return err
	}
	if answer[0] != 0x7f || answer[1]&15 != 2 {
		return fmt.Errorf("the router refused MessagePack over RawSocket: % x", answer)
	}
	c.send(append(appendString([]byte{0x93, 1}, realm), 0x81, 0xa5, 'r', 'o', 'l', 'e', 's', 0x81, 0xa6, 'c', 'a', 'l', 'l', 'e', 'e', 0x80))
	if err := c.out.Flush(); err != nil {
		return err
	}
	m, err := c.read()
	if err != nil {
		return err
	}
	if m[1] != 2 {
		return fmt.Errorf("no WELCOME: %q", m)
	}
	return nil
}

// register sends a REGISTER of a shared procedure; it goes out with the next flush.
func (c *callee) register(uri string) {
	c.last++
	m := append(appendInt([]byte{0x94, 64}, c.last), 0x81, 0xa6, 'i', 'n', 'v', 'o', 'k', 'e')
	m = appendString(m, "roundrobin")
	c.send(appendString(m, uri))
}

func (c *callee) flush() error { return c.out.Flush() }

// registerAll registers procedures by their numbers and waits until all are registered.
func (c *callee) registerAll(first, count int) error {
	sent := make(chan error, 1)
	go func() {
		for k := range count {
			c.register(uri(first + k))
		}
		sent <- c.flush()
	}()
	for range count {
		if err := c.registered(); err != nil {
			return err
		}
	}
	return <-sent
}

// registered waits for one REGISTERED.
func (c *callee) registered() error {
	m, err := c.read()
	if err != nil {
		return err
	}
	if m[1] != 65 {
		return fmt.Errorf("no REGISTERED: %q", m)
	}
	return nil
}

func (c *callee) send(m []byte) {
	_, _ = c.out.Write(binary.BigEndian.AppendUint32(nil, uint32(len(m)))) // an error comes again in Flush
	_, _ = c.out.Write(m)
}

func (c *callee) read() ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return nil, err
	}
	m := make([]byte, binary.BigEndian.Uint32(head[:])&0xffffff)
	if _, err := io.ReadFull(c.in, m); err != nil {
		return nil, err
	}
	if len(m) < 2 {
		return nil, errors.New("the router sent a message that is too short")
	}
	return m, nil
}

func appendInt(b []byte, v uint64) []byte { return binary.BigEndian.AppendUint64(append(b, 0xcf), v) }

func appendString(b []byte, s string) []byte { return append(append(b, 0xd9, byte(len(s))), s...) }
