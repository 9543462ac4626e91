package wire

import (
	"encoding/binary"
	"errors"
)

type msgpack struct{}

var errMsgpack = errors.New("not a WAMP message in MessagePack")

// parse reads the messages that clients of this benchmark get, and those they send (for Relay).
func (msgpack) parse(b []byte) (m Message, err error) {
	defer func() {
		if recover() != nil { // the message ends before it should
			err = errMsgpack
		}
	}()
	elements := int(b[0] & 0x0f)
	if b[0]&0xf0 != 0x90 {
		return m, errMsgpack
	}
	code, at := number(b, 1)
	if m.Kind, err = kindOf(code); err != nil {
		return m, err
	}
	switch m.Kind {
	case Failure: // ERROR, CALL, id, details, uri
		_, at = number(b, at)
		m.ID, at = number(b, at)
		m.Reason, _ = text(b, skip(b, at))
	case Invocation: // id, registration, details
		m.ID, at = number(b, at)
		_, at = number(b, at)
		m.Count, m.Rest = elements-4, b[skip(b, at):]
	case Call: // id, options, uri
		m.ID, at = number(b, at)
		m.Count, m.Rest = elements-4, b[skip(b, skip(b, at)):]
	case Yield: // id, options
		m.ID, at = number(b, at)
		m.Count, m.Rest = elements-3, b[skip(b, at):]
	case Result, Register:
		m.ID, _ = number(b, at)
	}
	return m, nil
}

// number reads an unsigned integer at b[at:] and tells where it ends.
func number(b []byte, at int) (uint64, int) {
	switch c := b[at]; {
	case c < 0x80:
		return uint64(c), at + 1
	case c == 0xcc:
		return uint64(b[at+1]), at + 2
	case c == 0xcd:
		return uint64(binary.BigEndian.Uint16(b[at+1:])), at + 3
	case c == 0xce:
		return uint64(binary.BigEndian.Uint32(b[at+1:])), at + 5
	case c == 0xcf || c == 0xd3:
		return binary.BigEndian.Uint64(b[at+1:]), at + 9
	}
	panic(errMsgpack)
}

// text reads a string at b[at:] and tells where it ends.
func text(b []byte, at int) (string, int) {
	n := 0
	switch c := b[at]; {
	case c&0xe0 == 0xa0:
		n, at = int(c&0x1f), at+1
	case c == 0xd9:
		n, at = int(b[at+1]), at+2
	case c == 0xda:
		n, at = int(binary.BigEndian.Uint16(b[at+1:])), at+3
	default:
		panic(errMsgpack)
	}
	return string(b[at : at+n]), at + n
}

// skip tells where the value at b[at:] ends. Options and details hold small values only.
func skip(b []byte, at int) int {
	values := 1
	for ; values > 0; values-- {
		switch c := b[at]; {
		case c < 0x80, c >= 0xe0, c == 0xc0, c == 0xc2, c == 0xc3:
			at++
		case c&0xf0 == 0x80:
			values, at = values+2*int(c&0x0f), at+1
		case c&0xf0 == 0x90:
			values, at = values+int(c&0x0f), at+1
		case c&0xe0 == 0xa0:
			at += 1 + int(c&0x1f)
		case c == 0xd9:
			at += 2 + int(b[at+1])
		case c == 0xca:
			at += 5
		case c == 0xcb:
			at += 9
		default:
			_, at = number(b, at)
		}
	}
	return at
}

func appendText(dst []byte, s string) []byte {
	switch n := len(s); {
	case n < 32:
		dst = append(dst, 0xa0|byte(n))
	case n < 1<<8:
		dst = append(dst, 0xd9, byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, 0xda), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint32(append(dst, 0xdb), uint32(n))
	}
	return append(dst, s...)
}

func (msgpack) hello(realm string) []byte {
	b := appendText([]byte{0x93, wampHello}, realm)
	b = appendText(append(b, 0x81), "roles")
	b = append(b, 0x82)
	b = append(appendText(b, "caller"), 0x80)
	return append(appendText(b, "callee"), 0x80)
}

func (msgpack) register(uri, policy string) []byte {
	b := []byte{0x94, wampRegister, 1}
	b = appendText(append(b, 0x81), "invoke")
	return appendText(appendText(b, policy), uri)
}

func (msgpack) call(uri, s string) (before, after, ending []byte) {
	after = appendText([]byte{0x80}, uri)
	after = appendText(append(after, 0x91), s)
	return []byte{0x95, wampCall}, after, []byte(s)
}

func (msgpack) id(dst []byte, id uint64) []byte {
	switch {
	case id < 0x80:
		return append(dst, byte(id))
	case id < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, 0xcd), uint16(id))
	}
	return binary.BigEndian.AppendUint32(append(dst, 0xce), uint32(id))
}

func (p msgpack) yield(dst []byte, m *Message) []byte {
	dst = append(dst, 0x90|byte(3+m.Count), wampYield)
	return append(p.id(dst, m.ID), 0x80)
}
