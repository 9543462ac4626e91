package wamp

import (
	"encoding/binary"
	"encoding/json"
	"math/bits"
	"strconv"
	"unicode/utf8"
)

// jsonSyntax reads and writes JSON (RFC 8259). The state of enter and step says which bracket
// closes the container and whether an element was read.
type jsonSyntax struct{}

const (
	jsonFirst  = 0
	jsonLater  = 1
	jsonInList = 2
)

// jsonSpace moves over white space.
func jsonSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

func (jsonSyntax) enter(b []byte, i int, k kind) (next, state int, why string) {
	i = jsonSpace(b, i)
	open, state, whyNot := byte('['), jsonInList, whyNotList
	if k == kindMap {
		open, state, whyNot = '{', 0, whyNotDict
	}
	switch {
	case i >= len(b):
		return i, 0, whyShort
	case b[i] != open:
		return i, 0, whyNot
	}
	return i + 1, state | jsonFirst, ""
}

func (jsonSyntax) step(b []byte, i, state int) (next, newState int, more bool, why string) {
	closing := byte('}')
	if state&jsonInList != 0 {
		closing = ']'
	}
	i = jsonSpace(b, i)
	switch {
	case i >= len(b):
		return i, state, false, whyShort
	case b[i] == closing:
		return i + 1, state, false, ""
	case state&jsonLater == 0:
		return i, state | jsonLater, true, ""
	case b[i] != ',':
		return i, state, false, "expected a comma or the end of the list or dictionary"
	}
	return jsonSpace(b, i+1), state, true, ""
}

func (jsonSyntax) toValue(b []byte, i int) (int, string) {
	i = jsonSpace(b, i)
	if i >= len(b) {
		return i, whyShort
	}
	if b[i] != ':' {
		return i, "expected a colon after a dictionary key"
	}
	return jsonSpace(b, i+1), ""
}

func (jsonSyntax) end(b []byte, i int) int { return jsonSpace(b, i) }

func (jsonSyntax) kindAt(b []byte, i int) kind {
	if i >= len(b) {
		return kindNone
	}
	switch c := b[i]; {
	case c == '"':
		return kindString
	case c == '-' || c >= '0' && c <= '9':
		return kindNumber
	case c == '{':
		return kindMap
	case c == '[':
		return kindArray
	case c == 't' || c == 'f':
		return kindBool
	case c == 'n':
		return kindNull
	}
	return kindNone
}

func (jsonSyntax) uint(b []byte, i int) (v uint64, next int, why string) {
	start := i
	for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		if i-start >= 19 {
			return 0, start, whyTooLarge
		}
		v = v*10 + uint64(b[i]-'0')
	}
	switch {
	case start >= len(b):
		return 0, i, whyShort
	case i == start || i-start > 1 && b[start] == '0':
		return 0, start, whyNotInt
	case i < len(b) && (b[i] == '.' || b[i] == 'e' || b[i] == 'E'):
		return 0, start, whyNotInt
	}
	return v, i, ""
}

func (jsonSyntax) str(b []byte, i int) (s string, next int, why string) {
	if i < len(b) && b[i] != '"' {
		return "", i, whyNotStr
	}
	next, escaped, why := jsonString(b, i)
	if why != "" {
		return "", next, why
	}
	if !escaped {
		return alias(b[i+1 : next-1]), next, ""
	}
	if s, why = jsonUnescape(b[i:next]); why != "" {
		return "", i, why
	}
	return s, next, ""
}

// jsonUnescape is apart from str so that only strings with escapes allocate.
func jsonUnescape(b []byte) (s, why string) {
	if json.Unmarshal(b, &s) != nil {
		return "", "a string is not valid"
	}
	return s, ""
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plainBytes is how many of eight bytes of a string, from the first, need no closer look: no
// quote, no backslash, no control character and nothing beyond ASCII. The top bit of a byte
// in marks is set for such a byte; a borrow can set it wrongly only above a true one.
func plainBytes(x uint64) int {
	quote := x ^ '"'*ones
	slash := x ^ '\\'*ones
	marks := ((x - ' '*ones) | (quote - ones) | (slash - ones) | x) & highs
	return bits.TrailingZeros64(marks) / 8
}

// jsonString steps over the string whose quote is at i.
func jsonString(b []byte, i int) (next int, escaped bool, why string) {
	if i >= len(b) {
		return i, false, whyShort
	}
	if b[i] != '"' {
		return i, false, whyNotStr
	}
	i++
	start, beyond := i, false
	for {
		for len(b)-i >= 8 {
			n := plainBytes(binary.LittleEndian.Uint64(b[i:]))
			if i += n; n < 8 {
				break
			}
		}
		if i >= len(b) {
			return i, false, whyShort
		}
		switch c := b[i]; {
		case c == '"':
			if beyond && !utf8.Valid(b[start:i]) {
				return start, false, whyUTF8
			}
			return i + 1, escaped, ""
		case c == '\\':
			escaped = true
			n := jsonEscape(b[i:])
			if n == 0 {
				return i, false, "a string has an escape that JSON does not know"
			}
			i += n
		case c < ' ':
			return i, false, "a string has a control character that is not escaped"
		default:
			beyond = beyond || c >= utf8.RuneSelf
			i++
		}
	}
}

// jsonEscape is the length of the escape that b starts with, 0 when it is none.
func jsonEscape(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(b) < 6 {
			return 0
		}
		for _, c := range b[2:6] {
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
				return 0
			}
		}
		return 6
	}
	return 0
}

func (s jsonSyntax) skip(b []byte, i, depth int) (int, string) {
	if i >= len(b) {
		return i, whyShort
	}
	switch b[i] {
	case '"':
		next, _, why := jsonString(b, i)
		return next, why
	case '[', '{':
		return s.skipContainer(b, i, depth)
	case 't':
		return jsonLiteral(b, i, "true")
	case 'f':
		return jsonLiteral(b, i, "false")
	case 'n':
		return jsonLiteral(b, i, "null")
	}
	return jsonNumber(b, i)
}

func (s jsonSyntax) skipContainer(b []byte, i, depth int) (int, string) {
	if depth <= 0 {
		return i, whyDeep
	}
	isMap := b[i] == '{'
	state := jsonInList
	if isMap {
		state = 0
	}
	i++
	for {
		var more bool
		var why string
		if i, state, more, why = s.step(b, i, state); !more || why != "" {
			return i, why
		}
		if isMap {
			if i < len(b) && b[i] != '"' {
				return i, whyKey
			}
			if i, _, why = jsonString(b, i); why != "" {
				return i, why
			}
			if i, why = s.toValue(b, i); why != "" {
				return i, why
			}
		}
		if i, why = s.skip(b, i, depth-1); why != "" {
			return i, why
		}
	}
}

func jsonLiteral(b []byte, i int, word string) (int, string) {
	if len(b)-i < len(word) {
		return i, whyShort
	}
	if string(b[i:i+len(word)]) != word {
		return i, whyInvalid
	}
	return i + len(word), ""
}

// jsonNumber steps over a number: -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?
func jsonNumber(b []byte, i int) (int, string) {
	start := i
	if b[i] == '-' {
		i++
	}
	whole := i
	i = jsonDigits(b, i)
	if i == whole || i-whole > 1 && b[whole] == '0' {
		return start, whyInvalid
	}
	if i < len(b) && b[i] == '.' {
		fraction := i + 1
		if i = jsonDigits(b, fraction); i == fraction {
			return start, whyInvalid
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		exponent := i
		if i = jsonDigits(b, exponent); i == exponent {
			return start, whyInvalid
		}
	}
	return i, ""
}

func jsonDigits(b []byte, i int) int {
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	return i
}

// The brackets that close are written by whoever writes the elements between them.
func (jsonSyntax) appendArray(dst []byte, _ int) []byte { return append(dst, '[') }

func (jsonSyntax) appendMap(dst []byte, _ int) []byte { return append(dst, '{') }

func (jsonSyntax) appendUint(dst []byte, v uint64) []byte { return strconv.AppendUint(dst, v, 10) }

func (jsonSyntax) appendBool(dst []byte, v bool) []byte { return strconv.AppendBool(dst, v) }

func (jsonSyntax) appendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return appendJSONEscaped(dst, s)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// appendJSONEscaped writes a string that may need escapes. Bytes that are no UTF-8 become
// U+FFFD: what the router writes is always valid.
func appendJSONEscaped(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, '\\', 'n')
		case r == '\r':
			dst = append(dst, '\\', 'r')
		case r == '\t':
			dst = append(dst, '\\', 't')
		case r < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}
