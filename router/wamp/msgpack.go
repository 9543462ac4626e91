package wamp

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
	"unsafe"

	"github.com/tinylib/msgp/msgp"
)

// msgpackSyntax reads and writes MessagePack (github.com/msgpack/msgpack, spec.md). The
// state of enter and step is the number of elements that are left.
type msgpackSyntax struct{}

// mpWidth[c] is the size in bytes of the scalar that starts with c, 0 when c starts
// something of variable size.
var mpWidth = func() (w [256]uint8) {
	for c := range w {
		if c < 0x80 || c >= 0xe0 || c == 0xc0 || c == 0xc2 || c == 0xc3 {
			w[c] = 1
		}
	}
	w[0xca], w[0xcb] = 5, 9
	w[0xcc], w[0xcd], w[0xce], w[0xcf] = 2, 3, 5, 9
	w[0xd0], w[0xd1], w[0xd2], w[0xd3] = 2, 3, 5, 9
	w[0xd4], w[0xd5], w[0xd6], w[0xd7], w[0xd8] = 3, 4, 6, 10, 18 // fixext
	return w
}()

// mpLength reads a big-endian length of width bytes at i.
func mpLength(b []byte, i, width int) (n, next int, why string) {
	if len(b)-i < width {
		return 0, len(b), whyShort
	}
	switch width {
	case 1:
		n = int(b[i])
	case 2:
		n = int(binary.BigEndian.Uint16(b[i:]))
	default:
		n = int(binary.BigEndian.Uint32(b[i:]))
	}
	return n, i + width, ""
}

func (msgpackSyntax) enter(b []byte, i int, k kind) (next, state int, why string) {
	if i >= len(b) {
		return i, 0, whyShort
	}
	c, per := b[i], 1
	if k == kindMap {
		per = 2
		switch {
		case c&0xf0 == 0x80:
			return i + 1, int(c & 0x0f), ""
		case c != 0xde && c != 0xdf:
			return i, 0, whyNotDict
		}
	} else {
		switch {
		case c&0xf0 == 0x90:
			return i + 1, int(c & 0x0f), ""
		case c != 0xdc && c != 0xdd:
			return i, 0, whyNotList
		}
	}
	width := 2
	if c == 0xdd || c == 0xdf {
		width = 4
	}
	n, next, why := mpLength(b, i+1, width)
	if why == "" && n*per > len(b)-next {
		return next, 0, whyShort
	}
	return next, n, why
}

func (msgpackSyntax) step(_ []byte, i, state int) (next, newState int, more bool, why string) {
	return i, state - 1, state > 0, ""
}

func (msgpackSyntax) toValue(_ []byte, i int) (int, string) { return i, "" }

func (msgpackSyntax) end(_ []byte, i int) int { return i }

func (msgpackSyntax) kindAt(b []byte, i int) kind {
	if i >= len(b) {
		return kindNone
	}
	switch c := b[i]; {
	case c < 0x80 || c >= 0xe0:
		return kindNumber
	case c < 0x90 || c == 0xde || c == 0xdf:
		return kindMap
	case c < 0xa0 || c == 0xdc || c == 0xdd:
		return kindArray
	case c < 0xc0 || c >= 0xd9 && c <= 0xdb:
		return kindString
	case c == 0xc0:
		return kindNull
	case c == 0xc1:
		return kindNone
	case c <= 0xc3:
		return kindBool
	case c <= 0xc6:
		return kindBinary
	case c >= 0xca && c <= 0xd3:
		return kindNumber
	}
	return kindOther
}

// uint also takes signed and floating point encodings of whole numbers: clients in languages
// without integers write large ids as doubles.
func (msgpackSyntax) uint(b []byte, i int) (v uint64, next int, why string) {
	if i >= len(b) {
		return 0, i, whyShort
	}
	c := b[i]
	if c < 0x80 {
		return uint64(c), i + 1, ""
	}
	if c < 0xca || c > 0xd3 {
		return 0, i, whyNotInt
	}
	next = i + int(mpWidth[c])
	if next > len(b) {
		return 0, i, whyShort
	}
	p := b[i+1:]
	var signed int64
	switch c {
	case 0xca:
		return wholeNumber(float64(math.Float32frombits(binary.BigEndian.Uint32(p))), i, next)
	case 0xcb:
		return wholeNumber(math.Float64frombits(binary.BigEndian.Uint64(p)), i, next)
	case 0xcc:
		return uint64(p[0]), next, ""
	case 0xcd:
		return uint64(binary.BigEndian.Uint16(p)), next, ""
	case 0xce:
		return uint64(binary.BigEndian.Uint32(p)), next, ""
	case 0xcf:
		return binary.BigEndian.Uint64(p), next, ""
	case 0xd0:
		signed = int64(int8(p[0]))
	case 0xd1:
		signed = int64(int16(binary.BigEndian.Uint16(p)))
	case 0xd2:
		signed = int64(int32(binary.BigEndian.Uint32(p)))
	default:
		signed = int64(binary.BigEndian.Uint64(p))
	}
	if signed < 0 {
		return 0, i, whyNotInt
	}
	return uint64(signed), next, ""
}

// wholeNumber returns f as an integer when it is one that a double holds exactly.
func wholeNumber(f float64, at, next int) (uint64, int, string) {
	if f >= 0 && f <= float64(MaxID) && f == math.Trunc(f) {
		return uint64(f), next, ""
	}
	return 0, at, whyNotInt
}

func (msgpackSyntax) str(b []byte, i int) (s string, next int, why string) {
	start, next, why := mpString(b, i)
	if why != "" {
		return "", next, why
	}
	return alias(b[start:next]), next, ""
}

// mpString finds the bytes of a string and checks that they are UTF-8.
func mpString(b []byte, i int) (start, next int, why string) {
	if i >= len(b) {
		return i, i, whyShort
	}
	var n int
	switch c := b[i]; {
	case c&0xe0 == 0xa0:
		n, start = int(c&0x1f), i+1
	case c == 0xd9:
		n, start, why = mpLength(b, i+1, 1)
	case c == 0xda:
		n, start, why = mpLength(b, i+1, 2)
	case c == 0xdb:
		n, start, why = mpLength(b, i+1, 4)
	default:
		return i, i, whyNotStr
	}
	if why != "" || n > len(b)-start {
		return i, i, whyShort
	}
	if !utf8.Valid(b[start : start+n]) {
		return start, start, whyUTF8
	}
	return start, start + n, ""
}

func (msgpackSyntax) skip(b []byte, i, depth int) (int, string) { return mpSkip(b, i, depth) }

func mpSkip(b []byte, i, depth int) (int, string) {
	if i >= len(b) {
		return i, whyShort
	}
	c := b[i]
	if w := int(mpWidth[c]); w != 0 {
		if w > len(b)-i {
			return i, whyShort
		}
		return i + w, ""
	}
	var n, next int
	var why string
	switch {
	case c < 0x90:
		return mpSkipMany(b, i+1, 2*int(c&0x0f), depth)
	case c < 0xa0:
		return mpSkipMany(b, i+1, int(c&0x0f), depth)
	case c < 0xc0, c >= 0xd9 && c <= 0xdb:
		_, next, why = mpString(b, i)
		return next, why
	case c >= 0xc4 && c <= 0xc6: // bin
		n, next, why = mpLength(b, i+1, 1<<(c-0xc4))
	case c >= 0xc7 && c <= 0xc9: // ext: a type byte follows the length
		n, next, why = mpLength(b, i+1, 1<<(c-0xc7))
		n++
	case c == 0xdc, c == 0xdd:
		if n, next, why = mpLength(b, i+1, 2<<(c-0xdc)); why == "" {
			return mpSkipMany(b, next, n, depth)
		}
	case c == 0xde, c == 0xdf:
		if n, next, why = mpLength(b, i+1, 2<<(c-0xde)); why == "" {
			return mpSkipMany(b, next, 2*n, depth)
		}
	default:
		return i, whyInvalid
	}
	if why != "" || n > len(b)-next {
		return i, whyShort
	}
	return next + n, ""
}

func mpSkipMany(b []byte, i, n, depth int) (int, string) {
	if depth <= 0 {
		return i, whyDeep
	}
	if n > len(b)-i {
		return i, whyShort
	}
	var why string
	for ; n > 0 && why == ""; n-- {
		i, why = mpSkip(b, i, depth-1)
	}
	return i, why
}

func (msgpackSyntax) appendArray(dst []byte, n int) []byte {
	return msgp.AppendArrayHeader(dst, uint32(n))
}

func (msgpackSyntax) appendMap(dst []byte, n int) []byte {
	return msgp.AppendMapHeader(dst, uint32(n))
}

func (msgpackSyntax) appendUint(dst []byte, v uint64) []byte { return msgp.AppendUint64(dst, v) }

func (msgpackSyntax) appendString(dst []byte, s string) []byte { return msgp.AppendString(dst, s) }

func (msgpackSyntax) appendBool(dst []byte, v bool) []byte { return msgp.AppendBool(dst, v) }

// alias returns the bytes as a string without a copy. The string lives as long as the frame
// it came from is left alone.
func alias(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b))
}
