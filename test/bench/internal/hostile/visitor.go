package hostile

import (
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"time"
)

// visitor is one connection of a client that misbehaves.
type visitor struct {
	net.Conn
	crowd  *crowd
	random *rand.Rand
}

// errLeft is the end of a visit that the client itself ended.
var errLeft = errors.New("the client left")

// send writes, when the process may.
func (v *visitor) send(b ...string) error {
	v.crowd.allowed.take(v.crowd.over)
	n, err := io.WriteString(v.Conn, strings.Join(b, ""))
	v.crowd.written.Add(uint64(n))
	return err
}

// hear reads and forgets what comes, until the router ends the connection.
func (v *visitor) hear() error {
	buffer := make([]byte, 64<<10)
	for {
		v.crowd.allowed.take(v.crowd.over)
		if _, err := v.Read(buffer); err != nil {
			return err
		}
	}
}

// say sends bytes at once, and waits for the router to end the connection.
func (v *visitor) say(b ...string) error {
	if err := v.send(b...); err != nil {
		return err
	}
	return v.hear()
}

func (v *visitor) noise(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(v.random.Uint32())
	}
	return string(b)
}

// flood sends what next makes, and reads what comes, for as long as the connection lasts.
func (v *visitor) flood(next func() string) error {
	ended := make(chan error, 1)
	go func() { ended <- v.hear(); _ = v.Close() }()
	for {
		if err := v.send(next()); err != nil {
			_ = v.Close()
			return <-ended
		}
	}
}

// join opens a session of RawSocket with MessagePack.
func (v *visitor) join() error {
	if err := v.send("\x7f\xf2\x00\x00", v.hello()); err != nil {
		return err
	}
	var answer [4]byte
	if _, err := io.ReadFull(v, answer[:]); err != nil {
		return err
	}
	_, err := v.message()
	return err
}

// message reads one message of RawSocket.
func (v *visitor) message() ([]byte, error) {
	_ = v.SetReadDeadline(time.Now().Add(patience))
	defer func() { _ = v.SetReadDeadline(time.Time{}) }()
	var header [4]byte
	if _, err := io.ReadFull(v, header[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint32(header[:])&0xffffff)
	_, err := io.ReadFull(v, b)
	return b, err
}

func (v *visitor) hello() string {
	return frame("\x93\x01", text(v.crowd.spec.Realm), "\x81\xa5roles\x84\xa6caller\x80\xa6callee\x80\xa9publisher\x80\xaasubscriber\x80")
}

// frame is a message of RawSocket.
func frame(b ...string) string {
	body := strings.Join(b, "")
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(body)))) + body
}

// text is a short string in MessagePack.
func text(s string) string { return "\xd9" + string([]byte{byte(len(s))}) + s }

// number is an integer in MessagePack.
func number(n uint64) string { return string(binary.BigEndian.AppendUint64([]byte{0xcf}, n)) }

// upgrade is a request for a WebSocket with JSON.
const upgrade = "GET /ws HTTP/1.1\r\nHost: router\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Key: c2l4dGVlbiBsZXR0ZXJzLg==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: wamp.2.json\r\n\r\n"

// masked is a frame of WebSocket from a client whose mask is zero.
func masked(opcode byte, payload string) string {
	header := []byte{opcode}
	switch n := len(payload); {
	case n > 0xffff:
		header = binary.BigEndian.AppendUint64(append(header, 0xff), uint64(n))
	case n > 125:
		header = binary.BigEndian.AppendUint16(append(header, 0xfe), uint16(n))
	default:
		header = append(header, 0x80|byte(n))
	}
	return string(header) + "\x00\x00\x00\x00" + payload
}
