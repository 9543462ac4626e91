package wamp

// DictWriter writes a dictionary entry by entry, without a map. It is for the details that
// the router adds to a message that it forwards. The zero value is not ready: use
// [StartDict]. Keys must not repeat.
type DictWriter struct {
	format Format
	syntax syntax
	start  int
	n      int
	b      []byte
}

// StartDict begins a dictionary in f at the end of buf, which may be nil; with enough room in
// buf nothing is allocated.
func StartDict(f Format, buf []byte) DictWriter {
	s := f.syntax()
	return DictWriter{format: f, syntax: s, start: len(buf), b: s.appendMap(buf, 0)}
}

func (w *DictWriter) key(k string) {
	if w.format == JSON {
		if w.n > 0 {
			w.b = append(w.b, ',')
		}
		w.b = append(w.syntax.appendString(w.b, k), ':')
	} else {
		w.b = w.syntax.appendString(w.b, k)
	}
	w.n++
}

// Bool adds a boolean.
func (w *DictWriter) Bool(key string, v bool) {
	w.key(key)
	w.b = w.syntax.appendBool(w.b, v)
}

// Uint adds an integer.
func (w *DictWriter) Uint(key string, v uint64) {
	w.key(key)
	w.b = w.syntax.appendUint(w.b, v)
}

// Str adds a string.
func (w *DictWriter) Str(key, v string) {
	w.key(key)
	w.b = w.syntax.appendString(w.b, v)
}

// Value adds a value that is already encoded, transcoding it when needed. The entry is left
// out when v is no value or cannot be said in this serialization.
func (w *DictWriter) Value(key string, v Value) {
	raw := v.Raw
	if v.Format != w.format && raw != nil {
		raw, _ = transcode(w.format, v.Format, raw)
	}
	if raw == nil {
		return
	}
	w.key(key)
	w.b = append(w.b, raw...)
}

// Dict ends the dictionary. It aliases the buffer given to StartDict, which can be used again
// when the Dict is no longer needed.
func (w *DictWriter) Dict() Dict {
	switch {
	case w.format == JSON:
		w.b = append(w.b, '}')
	case w.n < 16: // one byte holds the length in both binary formats
		w.b[w.start] |= byte(w.n)
	default:
		var header [5]byte
		h := w.syntax.appendMap(header[:0], w.n)
		w.b = append(w.b, header[1:len(h)]...)
		copy(w.b[w.start+len(h):], w.b[w.start+1:])
		copy(w.b[w.start:], h)
	}
	return Dict{Format: w.format, Raw: w.b[w.start:]}
}
