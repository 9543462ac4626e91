package wire

import (
	"encoding/binary"
	"errors"
)

// framing is RawSocket (WAMP advanced profile, "RawSocket Transport") or, with ws, the client's
// side of WebSocket (RFC 6455). A WebSocket client masks with one key all its life: that costs
// what masking costs, and the server cannot tell.
type framing struct {
	ws     bool
	opcode byte
	mask   [4]byte
}

func newWebSocket(n int) framing {
	f := framing{ws: true, opcode: 1}
	binary.LittleEndian.PutUint32(f.mask[:], 0x9e3779b9*uint32(n+1))
	return f
}

// begin appends the header of a frame with n bytes, which must follow.
func (f *framing) begin(dst []byte, n int) []byte {
	if !f.ws {
		return append(dst, 0, byte(n>>16), byte(n>>8), byte(n))
	}
	return f.header(dst, f.opcode, n)
}

func (f *framing) header(dst []byte, opcode byte, n int) []byte {
	dst = append(dst, 0x80|opcode)
	switch {
	case n > 0xffff:
		dst = binary.BigEndian.AppendUint64(append(dst, 0x80|127), uint64(n))
	case n > 125:
		dst = binary.BigEndian.AppendUint16(append(dst, 0x80|126), uint16(n))
	default:
		dst = append(dst, 0x80|byte(n))
	}
	return append(dst, f.mask[:]...)
}

// end completes a frame whose last n bytes are its content.
func (f *framing) end(dst []byte, n int) []byte {
	if f.ws {
		xor(dst[len(dst)-n:], f.mask)
	}
	return dst
}

func xor(b []byte, mask [4]byte) {
	four := binary.LittleEndian.Uint32(mask[:])
	eight := uint64(four)<<32 | uint64(four)
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^eight)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= mask[i&3]
	}
}

var (
	errClosed   = errors.New("the server closed the connection")
	errUnwanted = errors.New("the server sent a frame that no client of this benchmark asked for")
)

// parse finds the frame at the start of b; used is zero when not all of it is there.
func (f *framing) parse(b []byte) (kind Kind, body []byte, used int, err error) {
	if f.ws {
		return f.parseWebSocket(b)
	}
	if len(b) < 4 {
		return Other, nil, 0, nil
	}
	n := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
	if len(b) < 4+n {
		return Other, nil, 0, nil
	}
	switch b[0] {
	case 0:
	case 1:
		kind = Ping
	case 2:
		kind = Done
	default:
		err = errUnwanted
	}
	return kind, b[4 : 4+n], 4 + n, err
}

func (f *framing) parseWebSocket(b []byte) (kind Kind, body []byte, used int, err error) {
	if len(b) < 2 {
		return Other, nil, 0, nil
	}
	n, head := int(b[1]), 2
	switch n {
	case 126:
		if head = 4; len(b) < head {
			return Other, nil, 0, nil
		}
		n = int(binary.BigEndian.Uint16(b[2:]))
	case 127:
		if head = 10; len(b) < head {
			return Other, nil, 0, nil
		}
		n = int(binary.BigEndian.Uint64(b[2:]))
	}
	if len(b) < head+n {
		return Other, nil, 0, nil
	}
	switch b[0] {
	case 0x81, 0x82:
	case 0x88:
		err = errClosed
	case 0x89:
		kind = Ping
	case 0x8a:
		kind = Done
	default:
		err = errUnwanted
	}
	return kind, b[head : head+n], head + n, err
}

// pong answers a ping.
func (f *framing) pong(dst, body []byte) []byte {
	if f.ws {
		return f.end(append(f.header(dst, 0xa, len(body)), body...), len(body))
	}
	n := len(body)
	return append(append(dst, 2, byte(n>>16), byte(n>>8), byte(n)), body...)
}
