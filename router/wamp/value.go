package wamp

// Value is one encoded value of a dictionary. The zero Value is no value: its getters return
// false.
type Value struct {
	Format Format
	Raw    []byte // one well-formed value in Format
}

func (v Value) kind() kind {
	if len(v.Raw) == 0 || v.Format.syntax() == nil {
		return kindNone
	}
	return v.Format.syntax().kindAt(v.Raw, 0)
}

// Kind names what the value is, for messages to people: "a string", "a list"…
func (v Value) Kind() string { return kindNames[v.kind()] }

// IsNull says whether the value is null (nil, undefined). In MessagePack some JavaScript libraries
// write undefined as an extension of type 0 whose only octet is 0.
func (v Value) IsNull() bool {
	return v.kind() == kindNull || v.Format == MessagePack && string(v.Raw) == "\xd4\x00\x00"
}

// Bool returns a boolean.
func (v Value) Bool() (b, ok bool) {
	if v.kind() != kindBool {
		return false, false
	}
	c := v.Raw[0]
	switch v.Format {
	case JSON:
		b = c == 't'
	case MessagePack:
		b = c == 0xc3
	default:
		b = c == 0xf5
	}
	return b, true
}

// Uint returns an integer that is not negative.
func (v Value) Uint() (u uint64, ok bool) {
	if v.kind() != kindNumber {
		return 0, false
	}
	u, _, why := v.Format.syntax().uint(v.Raw, 0)
	return u, why == ""
}

// Int returns an integer that fits.
func (v Value) Int() (i int64, ok bool) {
	if v.kind() != kindNumber {
		return 0, false
	}
	a, err := v.Any()
	if err != nil {
		return 0, false
	}
	i, ok = a.(int64)
	return i, ok
}

// Str returns a string. It aliases Raw, unless the string is escaped or in chunks.
func (v Value) Str() (s string, ok bool) {
	if v.kind() != kindString {
		return "", false
	}
	s, _, why := v.Format.syntax().str(v.Raw, 0)
	return s, why == ""
}

// Dict returns a dictionary whose keys are strings.
func (v Value) Dict() (d Dict, ok bool) {
	if v.kind() != kindMap {
		return Dict{}, false
	}
	if _, why := skipMap(v.Format.syntax(), v.Raw, 0, MaxDepth); why != "" {
		return Dict{}, false
	}
	return Dict(v), true
}

// List walks the elements of a list; ok is false when the value is something else.
func (v Value) List() (elements []Value, ok bool) {
	if v.kind() != kindArray {
		return nil, false
	}
	s := v.Format.syntax()
	i, state, why := s.enter(v.Raw, 0, kindArray)
	for why == "" {
		var more bool
		if i, state, more, why = s.step(v.Raw, i, state); !more || why != "" {
			break
		}
		start := i
		if i, why = s.skip(v.Raw, i, MaxDepth); why == "" {
			elements = append(elements, Value{Format: v.Format, Raw: v.Raw[start:i:i]})
		}
	}
	return elements, why == ""
}

// Any returns the value as a Go value (see [Payload.Decode]).
func (v Value) Any() (any, error) { return decodeValue(v.Format, v.Raw) }
