package wire

import (
	"bytes"
	"errors"
	"strconv"
)

type jsonText struct{}

var errJSON = errors.New("not a WAMP message in JSON")

func (jsonText) parse(b []byte) (m Message, err error) {
	defer func() {
		if recover() != nil { // the message ends before it should
			err = errJSON
		}
	}()
	if b[0] != '[' {
		return m, errJSON
	}
	code, at := digits(b, 1)
	if m.Kind, err = kindOf(code); err != nil {
		return m, err
	}
	switch m.Kind {
	case Failure: // ERROR, CALL, id, details, uri
		_, at = digits(b, at)
		m.ID, at = digits(b, at)
		at = skipObject(b, at)
		at += bytes.IndexByte(b[at:], '"') + 1
		m.Reason = string(b[at : at+bytes.IndexByte(b[at:], '"')])
	case Invocation: // id, registration, details
		m.ID, at = digits(b, at)
		_, at = digits(b, at)
		m.Rest = b[skipObject(b, at):]
	case Result:
		m.ID, _ = digits(b, at)
	}
	return m, nil
}

// digits reads the number after the next comma, if any, and tells where it ends.
func digits(b []byte, at int) (n uint64, end int) {
	for b[at] == ',' || b[at] == ' ' {
		at++
	}
	for ; b[at] >= '0' && b[at] <= '9'; at++ {
		n = 10*n + uint64(b[at]-'0')
	}
	return n, at
}

// skipObject tells where the dictionary after the next comma ends.
func skipObject(b []byte, at int) int {
	depth, quoted := 0, false
	for ; ; at++ {
		switch c := b[at]; {
		case c == '\\' && quoted:
			at++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth == 0 {
				return at + 1
			}
		}
	}
}

func (jsonText) hello(realm string) []byte {
	return []byte(`[1,"` + realm + `",{"roles":{"caller":{},"callee":{}}}]`)
}

func (jsonText) register(uri, policy string) []byte {
	return []byte(`[64,1,{"invoke":"` + policy + `"},"` + uri + `"]`)
}

func (jsonText) call(uri, s string) (before, after, ending []byte) {
	return []byte(`[48,`), []byte(`,{},"` + uri + `",["` + s + `"]]`), []byte(s + `"]]`)
}

func (jsonText) id(dst []byte, id uint64) []byte { return strconv.AppendUint(dst, id, 10) }

func (jsonText) yield(dst []byte, m *Message) []byte {
	return append(strconv.AppendUint(append(dst, `[70,`...), m.ID, 10), `,{}`...)
}
