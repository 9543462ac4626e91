package cluster

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/wamp-operator/wamp-operator/router/internal/backlog"
)

const (
	// incomingLeast is what one read may bring, until a frame comes that is larger;
	// incomingMost is what it grows to. Frames that fit are handed out where they lie.
	incomingLeast = 64 << 10
	incomingMost  = 256 << 10
)

// incoming is the reading side of a stream.
type incoming struct {
	conn  io.Reader
	max   uint32      // bytes of a frame
	heard func()      // called after each read that brought something; may be nil
	via   backlog.Via // of the goroutine that reads
	buf   []byte
	r, w  int    // what has arrived and was not handed out is buf[r:w]
	large []byte // for frames that do not fit in buf
}

// next gives the next frame. It is valid until the call after.
func (in *incoming) next() ([]byte, error) {
	if in.buf == nil {
		in.buf = make([]byte, incomingLeast)
	}
	for in.w-in.r < 4 {
		if err := in.fill(); err != nil {
			return nil, err
		}
	}
	size := binary.BigEndian.Uint32(in.buf[in.r:])
	if size > in.max {
		return nil, fmt.Errorf("frame of %d bytes, at most %d are allowed", size, in.max)
	}
	n := int(size)
	if 4+n > incomingMost {
		in.r += 4
		return in.gather(n)
	}
	if 4+n > len(in.buf) {
		b := make([]byte, incomingMost)
		in.r, in.w, in.buf = 0, copy(b, in.buf[in.r:in.w]), b
	}
	for in.w-in.r < 4+n {
		if err := in.fill(); err != nil {
			return nil, err
		}
	}
	frame := in.buf[in.r+4 : in.r+4+n : in.r+4+n]
	in.r += 4 + n
	return frame, nil
}

// more says that next will give a frame without reading.
func (in *incoming) more() bool {
	waiting := in.w - in.r
	return waiting >= 4 && uint64(waiting) >= 4+uint64(binary.BigEndian.Uint32(in.buf[in.r:]))
}

// fill reads once. What is left of the last read moves to the front when less than half of the
// buffer is free behind it.
func (in *incoming) fill() error {
	switch {
	case in.r == in.w:
		in.r, in.w = 0, 0
	case in.w > len(in.buf)/2:
		in.w = copy(in.buf, in.buf[in.r:in.w])
		in.r = 0
	}
	n, err := in.read(in.buf[in.w:])
	in.w += n
	return err
}

func (in *incoming) read(b []byte) (int, error) {
	in.via.Flush()
	n, err := in.conn.Read(b)
	if n == 0 {
		return 0, err
	}
	if in.heard != nil {
		in.heard()
	}
	return n, nil // an error comes again with the next read
}

// gather reads a frame that is longer than the buffer may be. Memory grows with what arrives, not
// with what is announced, and is kept for the next frame unless it is very large.
func (in *incoming) gather(n int) ([]byte, error) {
	b := in.large
	if in.large = nil; b == nil {
		b = make([]byte, 0, 2*incomingMost)
	}
	b = append(b[:0], in.buf[in.r:in.w]...)
	in.r, in.w = 0, 0
	for len(b) < n {
		if len(b) == cap(b) {
			b = append(make([]byte, 0, 2*len(b)), b...)
		}
		got, err := in.read(b[len(b):min(n, cap(b))])
		if err != nil {
			return nil, err
		}
		b = b[:len(b)+got]
	}
	if cap(b) <= 1<<20 {
		in.large = b
	}
	return b, nil
}
