package wamp

// Append writes m in f at the end of dst and returns the longer slice. Raw parts that are in
// f are spliced in as they are; the others are transcoded.
//
// A part that f cannot express (see [ErrUnrepresentable]) is left out: whoever forwards a
// message between peers of different serializations calls [Payload.In] first, which returns
// the error, and hands Append what it returned. Append writes what it is given: ids and URIs
// are not checked again. A type without a layout appends nothing.
func Append(dst []byte, f Format, m *Message) []byte {
	l, s := layoutOf(uint64(m.Type)), f.syntax()
	if l == nil || s == nil {
		return dst
	}
	args, kwargs := m.Payload.rawIn(f)
	if !l.payload {
		args, kwargs = nil, nil
	}
	n := 1 + len(l.fields)
	dict := l.dict && m.Dict.Raw != nil
	switch {
	case kwargs != nil:
		n += 2
	case args != nil || dict:
		n++
	}
	comma := f == JSON
	dst = s.appendUint(s.appendArray(dst, n), uint64(m.Type))
	for _, fd := range l.fields {
		if comma {
			dst = append(dst, ',')
		}
		switch fd {
		case fieldOf:
			dst = s.appendUint(dst, uint64(m.Of))
		case fieldRequest, fieldOptionalRequest:
			dst = s.appendUint(dst, uint64(m.Request))
		case fieldID:
			dst = s.appendUint(dst, uint64(m.ID))
		case fieldPublication:
			dst = s.appendUint(dst, uint64(m.Publication))
		case fieldText:
			dst = s.appendString(dst, m.Text)
		case fieldURI:
			dst = s.appendString(dst, m.URI)
		case fieldDict:
			dst = appendDict(dst, s, f, m.Dict)
		}
	}
	switch {
	case dict:
		dst = appendDict(appendComma(dst, comma), s, f, m.Dict)
	case args != nil:
		dst = append(appendComma(dst, comma), args...)
	case kwargs != nil:
		dst = appendEmpty(appendComma(dst, comma), s, f, kindArray)
	}
	if kwargs != nil {
		dst = append(appendComma(dst, comma), kwargs...)
	}
	if comma {
		dst = append(dst, ']')
	}
	return dst
}

// SizeHint is about how many bytes Append will write: never less by more than the transcoded
// size of foreign parts differs, and rarely more than 40 too many.
func SizeHint(m *Message) int {
	return 48 + len(m.Text) + len(m.URI) + len(m.Dict.Raw) + len(m.Payload.Args) + len(m.Payload.Kwargs)
}

func appendComma(dst []byte, comma bool) []byte {
	if comma {
		return append(dst, ',')
	}
	return dst
}

func appendDict(dst []byte, s syntax, f Format, d Dict) []byte {
	if d.Raw != nil && d.Format != f {
		d, _ = d.In(f)
	}
	if d.Raw == nil {
		return appendEmpty(dst, s, f, kindMap)
	}
	return append(dst, d.Raw...)
}

func appendEmpty(dst []byte, s syntax, f Format, k kind) []byte {
	if k == kindMap {
		if dst = s.appendMap(dst, 0); f == JSON {
			dst = append(dst, '}')
		}
		return dst
	}
	if dst = s.appendArray(dst, 0); f == JSON {
		dst = append(dst, ']')
	}
	return dst
}
