package transport

import (
	"math/bits"
)

// rawFraming is the RawSocket framing: one octet of type, three of length (WAMP advanced
// profile, "RawSocket Transport").
type rawFraming struct {
	max     int // bytes that this side announced
	peerMax int // bytes that the peer announced
}

const (
	rawMagic      = 0x7f
	rawHeader     = 4
	rawMaxPayload = 1 << 24

	rawRegular = 0
	rawPing    = 1
	rawPong    = 2
	rawExtra   = 8 // a bit of the first octet: the 25th of the length, for 16 MiB exactly
)

func (r *rawFraming) parse(b []byte, f *frame) (ok bool, err error) {
	if len(b) < rawHeader {
		return false, nil
	}
	*f = frame{fin: true, header: rawHeader, length: int(b[1])<<16 | int(b[2])<<8 | int(b[3])}
	kind := b[0]
	if kind&^7 == rawExtra && f.length == 0 {
		kind, f.length = kind&7, rawMaxPayload
	}
	switch kind {
	case rawRegular:
		f.kind = frameData
	case rawPing:
		f.kind = framePing
	case rawPong:
		f.kind = framePong
	default:
		return false, protocolError(CloseProtocolError, "unknown RawSocket frame type 0x%02x", b[0])
	}
	if f.length > r.max {
		return false, tooBig(uint64(f.length), uint64(r.max))
	}
	return true, nil
}

func (*rawFraming) headerSize(int) int { return rawHeader }

func (*rawFraming) seal(b []byte, kind frameKind, payload int) {
	b[0] = rawRegular
	switch kind {
	case framePing:
		b[0] = rawPing
	case framePong:
		b[0] = rawPong
	}
	if payload == rawMaxPayload {
		b[0] |= rawExtra
	}
	b[1], b[2], b[3] = byte(payload>>16), byte(payload>>8), byte(payload)
}

func (r *rawFraming) maxPayload() int { return r.peerMax }

// rawLengthCode is the code of the largest length, 2^(9+code) bytes, that is not above n.
func rawLengthCode(n int) byte {
	return byte(min(max(bits.Len(uint(n))-10, 0), 15))
}

// rawLength is the largest payload that a length code allows.
func rawLength(code byte) int { return 1 << (9 + code) }
