package wamp

import (
	"encoding/binary"
	"math"
	"unicode/utf8"

	"github.com/x448/float16"
)

// cborSyntax reads and writes CBOR (RFC 8949). The state of enter and step is the number of
// elements that are left, or cborOpen for a container of indefinite length.
type cborSyntax struct{}

const cborOpen = -1

// Major types (RFC 8949, section 3.1).
const (
	cborUint byte = iota
	cborNegative
	cborBytes
	cborText
	cborArray
	cborMap
	cborTag
	cborSimple
)

const cborBreak = 0xff

// cborHead reads the initial byte and its argument. open means indefinite length.
func cborHead(b []byte, i int) (major byte, arg uint64, next int, open bool, why string) {
	if i >= len(b) {
		return 0, 0, i, false, whyShort
	}
	c := b[i]
	major = c >> 5
	info := c & 0x1f
	switch {
	case info < 24:
		return major, uint64(info), i + 1, false, ""
	case info < 28:
		width := 1 << (info - 24)
		if len(b)-i-1 < width {
			return major, 0, i, false, whyShort
		}
		p := b[i+1:]
		switch width {
		case 1:
			arg = uint64(p[0])
		case 2:
			arg = uint64(binary.BigEndian.Uint16(p))
		case 4:
			arg = uint64(binary.BigEndian.Uint32(p))
		default:
			arg = binary.BigEndian.Uint64(p)
		}
		return major, arg, i + 1 + width, false, ""
	case info == 31 && major >= cborBytes && major <= cborMap:
		return major, 0, i + 1, true, ""
	}
	return major, 0, i, false, whyInvalid
}

func (cborSyntax) enter(b []byte, i int, k kind) (next, state int, why string) {
	want, per, whyNot := cborArray, uint64(1), whyNotList
	if k == kindMap {
		want, per, whyNot = cborMap, 2, whyNotDict
	}
	major, n, next, open, why := cborHead(b, i)
	switch {
	case why != "":
		return next, 0, why
	case major != want:
		return i, 0, whyNot
	case open:
		return next, cborOpen, ""
	case n > uint64(len(b)-next)/per:
		return next, 0, whyShort
	}
	return next, int(n), ""
}

func (cborSyntax) step(b []byte, i, state int) (next, newState int, more bool, why string) {
	if state != cborOpen {
		return i, state - 1, state > 0, ""
	}
	if i >= len(b) {
		return i, state, false, whyShort
	}
	if b[i] == cborBreak {
		return i + 1, 0, false, ""
	}
	return i, state, true, ""
}

func (cborSyntax) toValue(_ []byte, i int) (int, string) { return i, "" }

func (cborSyntax) end(_ []byte, i int) int { return i }

func (cborSyntax) kindAt(b []byte, i int) kind {
	if i >= len(b) {
		return kindNone
	}
	switch b[i] >> 5 {
	case cborUint, cborNegative:
		return kindNumber
	case cborBytes:
		return kindBinary
	case cborText:
		return kindString
	case cborArray:
		return kindArray
	case cborMap:
		return kindMap
	case cborTag:
		return kindOther
	}
	switch b[i] {
	case 0xf4, 0xf5:
		return kindBool
	case 0xf6, 0xf7:
		return kindNull
	case 0xf9, 0xfa, 0xfb:
		return kindNumber
	case cborBreak:
		return kindNone
	}
	return kindOther
}

// uint also takes floating point encodings of whole numbers: clients in languages without
// integers write large ids as doubles.
func (cborSyntax) uint(b []byte, i int) (v uint64, next int, why string) {
	major, arg, next, _, why := cborHead(b, i)
	switch {
	case why != "":
		return 0, i, why
	case major == cborUint:
		return arg, next, ""
	case major != cborSimple:
		return 0, i, whyNotInt
	}
	switch b[i] {
	case 0xf9:
		return wholeNumber(float64(float16.Frombits(uint16(arg)).Float32()), i, next)
	case 0xfa:
		return wholeNumber(float64(math.Float32frombits(uint32(arg))), i, next)
	case 0xfb:
		return wholeNumber(math.Float64frombits(arg), i, next)
	}
	return 0, i, whyNotInt
}

func (cborSyntax) str(b []byte, i int) (s string, next int, why string) {
	major, n, next, open, why := cborHead(b, i)
	switch {
	case why != "":
		return "", i, why
	case major != cborText:
		return "", i, whyNotStr
	case open:
		return cborChunks(b, next)
	case n > uint64(len(b)-next):
		return "", i, whyShort
	}
	end := next + int(n)
	if !utf8.Valid(b[next:end]) {
		return "", next, whyUTF8
	}
	return alias(b[next:end]), end, ""
}

// cborChunks joins a text string of indefinite length whose first chunk starts at i.
func cborChunks(b []byte, i int) (s string, next int, why string) {
	end, why := cborSkipChunks(b, i, cborText)
	if why != "" {
		return "", end, why
	}
	var joined []byte
	for b[i] != cborBreak {
		_, n, next, _, _ := cborHead(b, i)
		i = next + int(n)
		joined = append(joined, b[next:i]...)
	}
	return string(joined), end, ""
}

func (cborSyntax) skip(b []byte, i, depth int) (int, string) { return cborSkip(b, i, depth) }

func cborSkip(b []byte, i, depth int) (int, string) {
	major, n, next, open, why := cborHead(b, i)
	if why != "" {
		return next, why
	}
	switch major {
	case cborUint, cborNegative:
		return next, ""
	case cborBytes, cborText:
		if open {
			return cborSkipChunks(b, next, major)
		}
		if n > uint64(len(b)-next) {
			return i, whyShort
		}
		end := next + int(n)
		if major == cborText && !utf8.Valid(b[next:end]) {
			return next, whyUTF8
		}
		return end, ""
	case cborSimple:
		if b[i] == 0xf8 && n < 32 { // two bytes for what fits in one is malformed
			return i, whyInvalid
		}
		return next, ""
	}
	if depth <= 0 {
		return i, whyDeep
	}
	switch {
	case major == cborTag:
		return cborSkip(b, next, depth-1)
	case open:
		return cborSkipOpen(b, next, major, depth)
	case n > uint64(len(b)-next):
		return next, whyShort
	}
	if major == cborMap {
		n *= 2
	}
	for ; n > 0 && why == ""; n-- {
		next, why = cborSkip(b, next, depth-1)
	}
	return next, why
}

// cborSkipOpen steps over the elements of an array or map of indefinite length.
func cborSkipOpen(b []byte, i int, major byte, depth int) (int, string) {
	for n := 0; ; n++ {
		if i >= len(b) {
			return i, whyShort
		}
		if b[i] == cborBreak {
			if major == cborMap && n%2 == 1 {
				return i, whyInvalid
			}
			return i + 1, ""
		}
		var why string
		if i, why = cborSkip(b, i, depth-1); why != "" {
			return i, why
		}
	}
}

// cborSkipChunks steps over the chunks of a string of indefinite length: strings of the same
// major type and definite length (RFC 8949, section 3.2.3).
func cborSkipChunks(b []byte, i int, major byte) (int, string) {
	for {
		if i >= len(b) {
			return i, whyShort
		}
		if b[i] == cborBreak {
			return i + 1, ""
		}
		m, n, next, open, why := cborHead(b, i)
		switch {
		case why != "":
			return next, why
		case m != major || open:
			return i, whyInvalid
		case n > uint64(len(b)-next):
			return i, whyShort
		}
		i = next + int(n)
		if major == cborText && !utf8.Valid(b[next:i]) {
			return next, whyUTF8
		}
	}
}

func appendCBORHead(dst []byte, major byte, n uint64) []byte {
	major <<= 5
	switch {
	case n < 24:
		return append(dst, major|byte(n))
	case n <= math.MaxUint8:
		return append(dst, major|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, major|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, major|27), n)
}

func (cborSyntax) appendArray(dst []byte, n int) []byte {
	return appendCBORHead(dst, cborArray, uint64(n))
}

func (cborSyntax) appendMap(dst []byte, n int) []byte {
	return appendCBORHead(dst, cborMap, uint64(n))
}

func (cborSyntax) appendUint(dst []byte, v uint64) []byte {
	return appendCBORHead(dst, cborUint, v)
}

func (cborSyntax) appendString(dst []byte, s string) []byte {
	return append(appendCBORHead(dst, cborText, uint64(len(s))), s...)
}

func (cborSyntax) appendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 0xf5)
	}
	return append(dst, 0xf4)
}
