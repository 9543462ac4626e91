package wamp

import (
	"bytes"
	"fmt"
	"iter"
)

// NewDict encodes m. Values are what [Payload.Decode] returns, and other Go values of those
// kinds: any integer, float, string, slice, or map with string keys, []byte as binary.
func NewDict(f Format, m map[string]any) (Dict, error) {
	if len(m) == 0 {
		return Dict{Format: f}, nil
	}
	raw, err := encodeValue(f, m)
	if err != nil {
		return Dict{}, fmt.Errorf("encoding dictionary: %w", err)
	}
	return Dict{Format: f, Raw: raw}, nil
}

// MustDict is [NewDict] for values known to be good. It panics on an error.
func MustDict(f Format, m map[string]any) Dict {
	d, err := NewDict(f, m)
	if err != nil {
		panic(err)
	}
	return d
}

// Empty says whether the dictionary has no entries. It is cheap.
func (d Dict) Empty() bool {
	if len(d.Raw) == 0 {
		return true
	}
	for range d.All() {
		return false
	}
	return true
}

// Clone copies the bytes, so that the dictionary outlives the frame it aliases.
func (d Dict) Clone() Dict {
	d.Raw = bytes.Clone(d.Raw)
	return d
}

// Decode returns all entries as Go values (see [Payload.Decode]); never a nil map without an
// error.
func (d Dict) Decode() (map[string]any, error) {
	if d.Raw == nil {
		return map[string]any{}, nil
	}
	v, err := decodeValue(d.Format, d.Raw)
	if err != nil {
		return nil, fmt.Errorf("decoding dictionary: %w", err)
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("decoding dictionary: %s", whyNotDict)
	}
	return m, nil
}

// In returns the dictionary in f: itself when it is in f already, else transcoded as by
// [Payload.In].
func (d Dict) In(f Format) (Dict, error) {
	if d.Raw == nil || d.Format == f {
		d.Format = f
		return d, nil
	}
	raw, err := transcode(f, d.Format, d.Raw)
	if err != nil {
		return Dict{}, err
	}
	return Dict{Format: f, Raw: raw}, nil
}

// All walks the entries in their encoded order without decoding the values. Keys and values
// alias Raw. It allocates nothing, unless a key is escaped. The walk ends at the first byte
// that is not well-formed; what Decode returned has none.
func (d Dict) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		s := d.Format.syntax()
		if s == nil || d.Raw == nil {
			return
		}
		i, state, why := s.enter(d.Raw, 0, kindMap)
		for why == "" {
			var more bool
			var key string
			if i, state, more, why = s.step(d.Raw, i, state); !more || why != "" {
				return
			}
			if key, i, why = s.str(d.Raw, i); why != "" {
				return
			}
			if i, why = s.toValue(d.Raw, i); why != "" {
				return
			}
			start := i
			if i, why = s.skip(d.Raw, i, MaxDepth); why != "" {
				return
			}
			if !yield(key, Value{Format: d.Format, Raw: d.Raw[start:i:i]}) {
				return
			}
		}
	}
}

// Get returns the value of a key, the last one when the key is repeated. It costs a walk
// over the dictionary; use [Dict.All] to look at several keys at once.
func (d Dict) Get(key string) (v Value, ok bool) {
	for k, e := range d.All() {
		if k == key {
			v, ok = e, true
		}
	}
	return v, ok
}

// Bool returns the boolean at key; ok is false when there is none or it is something else.
func (d Dict) Bool(key string) (v, ok bool) {
	e, _ := d.Get(key)
	return e.Bool()
}

// Uint returns the non-negative integer at key; ok is false when there is none or it is
// something else.
func (d Dict) Uint(key string) (v uint64, ok bool) {
	e, _ := d.Get(key)
	return e.Uint()
}

// Str returns the string at key, aliasing Raw; ok is false when there is none or it is
// something else.
func (d Dict) Str(key string) (v string, ok bool) {
	e, _ := d.Get(key)
	return e.Str()
}
