package client

import (
	"errors"
	"fmt"
	"io"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// RawSocket (WAMP advanced profile, "RawSocket Transport").
const (
	magic       = 0x7f
	maxSize     = 0xf0 // 16 MiB
	messagePack = 0x02

	headerSize   = 4
	messageFrame = 0
	pingFrame    = 1
	pongFrame    = 2
)

// appendFrame appends a message with its header.
func appendFrame(dst []byte, m *wamp.Message) []byte {
	start := len(dst)
	dst = wamp.Append(append(dst, messageFrame, 0, 0, 0), wamp.MessagePack, m)
	putSize(dst[start:])
	return dst
}

// appendPong answers a ping.
func appendPong(dst, content []byte) []byte {
	start := len(dst)
	dst = append(append(dst, pongFrame, 0, 0, 0), content...)
	putSize(dst[start:])
	return dst
}

func putSize(frame []byte) {
	n := len(frame) - headerSize
	frame[1], frame[2], frame[3] = byte(n>>16), byte(n>>8), byte(n)
}

// input takes frames from a connection, as many as come at once with one read.
type input struct {
	r          io.Reader
	b          []byte
	start, end int
	// fresh is set by each read of the connection.
	fresh bool
}

func newInput(r io.Reader) *input { return &input{r: r, b: make([]byte, 1<<16)} }

// need reads until n bytes are there.
func (in *input) need(n int) error {
	if in.start == in.end {
		in.start, in.end = 0, 0
	}
	if in.start+n > len(in.b) {
		b := in.b
		if n > len(b) {
			b = make([]byte, 2*n)
		}
		in.end = copy(b, in.b[in.start:in.end])
		in.b, in.start = b, 0
	}
	for in.end-in.start < n {
		got, err := in.r.Read(in.b[in.end:])
		in.end += got
		in.fresh = true
		if err != nil && in.end-in.start < n {
			return err
		}
	}
	return nil
}

func (in *input) take(n int) []byte {
	b := in.b[in.start : in.start+n]
	in.start += n
	return b
}

// next is the next frame. Its content is good until the next call.
func (in *input) next() (kind byte, content []byte, err error) {
	if err := in.need(headerSize); err != nil {
		return 0, nil, err
	}
	header := in.b[in.start:]
	n := int(header[1])<<16 | int(header[2])<<8 | int(header[3])
	if err := in.need(headerSize + n); err != nil {
		return 0, nil, err
	}
	frame := in.take(headerSize + n)
	return frame[0], frame[headerSize:], nil
}

func (in *input) handshake() error {
	if err := in.need(headerSize); err != nil {
		return err
	}
	if answer := in.take(headerSize); answer[0] != magic || answer[1]&0x0f != messagePack {
		return fmt.Errorf("the router answered the RawSocket handshake with %x", answer)
	}
	return nil
}

var errFrame = errors.New("the router sent a frame of no kind that RawSocket knows")
