package transport

import (
	"encoding/binary"
	"math"
	"math/rand/v2"

	"github.com/gobwas/ws"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// wsFraming is RFC 6455, section 5.
type wsFraming struct {
	client bool   // this side masks, and the peer must not
	opcode byte   // of data frames: text or binary
	max    uint64 // bytes of one frame
	// deflate: permessage-deflate was agreed on.
	deflate bool
}

const (
	wsContinuation = 0x0
	wsText         = 0x1
	wsBinary       = 0x2
	wsClose        = 0x8
	wsPing         = 0x9
	wsPong         = 0xa

	wsFin    = 0x80
	wsRSV    = 0x70
	wsRSV1   = 0x40
	wsMasked = 0x80

	wsMaxControl = 125 // bytes of payload of a control frame
)

// newWSFraming: JSON travels in text frames, the binary serializations in binary ones (WAMP
// basic profile, "WebSocket Transport").
func newWSFraming(f wamp.Format, max int, client, deflate bool) *wsFraming {
	w := &wsFraming{client: client, opcode: wsBinary, max: uint64(max), deflate: deflate}
	if f == wamp.JSON {
		w.opcode = wsText
	}
	return w
}

func (w *wsFraming) parse(b []byte, f *frame) (ok bool, err error) {
	if len(b) < 2 {
		return false, nil
	}
	*f = frame{}
	f.fin, f.masked = b[0]&wsFin != 0, b[1]&wsMasked != 0
	switch {
	case b[0]&wsRSV != 0 && !w.deflate:
		return false, protocolError(CloseProtocolError, "a WebSocket frame uses reserved bits, and no extension was agreed on")
	case b[0]&wsRSV != 0:
		// RFC 7692, section 6: the first frame of a message says that it is compressed.
		if opcode := b[0] & 0x0f; b[0]&wsRSV != wsRSV1 || opcode == wsContinuation || opcode >= wsClose {
			return false, protocolError(CloseProtocolError, "a WebSocket frame uses reserved bits that no extension gives a meaning")
		}
		f.deflated = true
	}
	if f.masked == w.client {
		if w.client {
			return false, protocolError(CloseProtocolError, "a WebSocket frame from the server is masked")
		}
		return false, protocolError(CloseProtocolError, "a WebSocket frame from the client is not masked")
	}
	if err := w.parseKind(b[0]&0x0f, f); err != nil {
		return false, err
	}
	length, size := uint64(b[1]&0x7f), 2
	switch {
	case f.kind >= framePing && (length > wsMaxControl || !f.fin):
		return false, protocolError(CloseProtocolError, "a WebSocket control frame is fragmented or longer than 125 bytes")
	case length == 126:
		if size = 4; len(b) < size {
			return false, nil
		}
		length = uint64(binary.BigEndian.Uint16(b[2:]))
	case length == 127:
		if size = 10; len(b) < size {
			return false, nil
		}
		length = binary.BigEndian.Uint64(b[2:])
	}
	if length > w.max {
		return false, tooBig(length, w.max)
	}
	f.length = int(length)
	if f.masked {
		if len(b) < size+4 {
			return false, nil
		}
		f.mask = [4]byte(b[size:])
		size += 4
	}
	f.header = size
	return true, nil
}

func (w *wsFraming) parseKind(opcode byte, f *frame) error {
	switch opcode {
	case wsContinuation:
		f.kind = frameContinued
	case wsText, wsBinary:
		if opcode != w.opcode {
			return protocolError(CloseUnsupported, "wrong WebSocket message type: text is for wamp.2.json, binary for the others")
		}
		f.kind = frameData
	case wsClose:
		f.kind = frameClose
	case wsPing:
		f.kind = framePing
	case wsPong:
		f.kind = framePong
	default:
		return protocolError(CloseProtocolError, "unknown WebSocket opcode %d", opcode)
	}
	return nil
}

func tooBig(length, limit uint64) error {
	return protocolError(CloseTooBig, "a message of %d bytes is above the limit of %d", length, limit)
}

func (w *wsFraming) headerSize(n int) int {
	size := 2
	switch {
	case n > math.MaxUint16:
		size = 10
	case n > wsMaxControl:
		size = 4
	}
	if w.client {
		size += 4
	}
	return size
}

var wsOpcodes = [...]byte{framePing: wsPing, framePong: wsPong, frameClose: wsClose}

func (w *wsFraming) seal(b []byte, kind frameKind, payload int) {
	opcode := w.opcode
	switch kind {
	case frameData:
	case frameDeflated:
		opcode |= wsRSV1
	default:
		opcode = wsOpcodes[kind]
	}
	b[0] = wsFin | opcode
	size := 2
	switch {
	case payload > math.MaxUint16:
		b[1] = 127
		binary.BigEndian.PutUint64(b[2:], uint64(payload))
		size = 10
	case payload > wsMaxControl:
		b[1] = 126
		binary.BigEndian.PutUint16(b[2:], uint16(payload))
		size = 4
	default:
		b[1] = byte(payload)
	}
	if w.client {
		b[1] |= wsMasked
		mask := [4]byte(b[size : size+4])
		binary.LittleEndian.PutUint32(mask[:], rand.Uint32())
		copy(b[size:], mask[:])
		ws.Cipher(b[size+4:size+4+payload], mask, 0)
	}
}

// A WebSocket peer does not say how much it takes.
func (w *wsFraming) maxPayload() int { return math.MaxInt }

// closePayload is the body of a close frame: the code, then as much of the reason as fits.
func closePayload(code CloseCode, reason string) []byte {
	if !code.sendable() {
		return nil
	}
	b := binary.BigEndian.AppendUint16(make([]byte, 0, wsMaxControl), uint16(code))
	for _, r := range reason {
		if len(b)+4 > wsMaxControl { // four bytes are the most that a rune takes
			break
		}
		b = append(b, string(r)...)
	}
	return b
}

// parseClose reads the body of a close frame.
func parseClose(b []byte) error {
	switch len(b) {
	case 0:
		return &CloseError{Code: CloseNoStatus}
	case 1:
		return protocolError(CloseProtocolError, "a WebSocket close frame has half a code")
	}
	code := CloseCode(binary.BigEndian.Uint16(b))
	if !code.sendable() {
		return protocolError(CloseProtocolError, "a WebSocket close frame has the code %d", code)
	}
	return &CloseError{Code: code, Reason: string(b[2:])}
}
