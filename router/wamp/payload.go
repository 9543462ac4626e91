package wamp

import "fmt"

// NewPayload encodes arguments. Nil args and kwargs stay absent. See [NewDict] for the Go
// values that are allowed.
func NewPayload(f Format, args []any, kwargs map[string]any) (Payload, error) {
	p := Payload{Format: f}
	var err error
	if args != nil {
		if p.Args, err = encodeValue(f, args); err != nil {
			return Payload{}, fmt.Errorf("encoding arguments: %w", err)
		}
	}
	if kwargs != nil {
		if p.Kwargs, err = encodeValue(f, kwargs); err != nil {
			return Payload{}, fmt.Errorf("encoding keyword arguments: %w", err)
		}
	}
	return p, nil
}

// MustPayload is [NewPayload] for values known to be good. It panics on an error.
func MustPayload(f Format, args []any, kwargs map[string]any) Payload {
	p, err := NewPayload(f, args, kwargs)
	if err != nil {
		panic(err)
	}
	return p
}

// Empty says whether there are no arguments at all, not even an empty list.
func (p Payload) Empty() bool { return p.Args == nil && p.Kwargs == nil }

// Size is the number of bytes of the encoded arguments.
func (p Payload) Size() int { return len(p.Args) + len(p.Kwargs) }

// Clone copies the bytes, so that the payload outlives the frame it aliases.
func (p Payload) Clone() Payload {
	if p.Empty() {
		return p
	}
	b := make([]byte, 0, p.Size())
	b = append(append(b, p.Args...), p.Kwargs...)
	n := len(p.Args)
	if p.Args != nil {
		p.Args = b[:n:n]
	}
	if p.Kwargs != nil {
		p.Kwargs = b[n:]
	}
	return p
}

// In returns the payload in f: itself when it is in f already, else transcoded. Integers stay
// integers, and binary data follows the WAMP text ("Binary conversion of JSON strings"): in
// JSON it is a string of U+0000 and base64, elsewhere it is the native type. An integer
// beyond 64 bits becomes a double. The error wraps [ErrUnrepresentable].
func (p Payload) In(f Format) (Payload, error) {
	if p.Format == f || p.Empty() {
		p.Format = f
		return p, nil
	}
	q := Payload{Format: f}
	var err error
	if p.Args != nil {
		if q.Args, err = transcode(f, p.Format, p.Args); err != nil {
			return Payload{}, fmt.Errorf("arguments: %w", err)
		}
	}
	if p.Kwargs != nil {
		if q.Kwargs, err = transcode(f, p.Format, p.Kwargs); err != nil {
			return Payload{}, fmt.Errorf("keyword arguments: %w", err)
		}
	}
	return q, nil
}

// rawIn is In for Append: what cannot be said in f is absent.
func (p Payload) rawIn(f Format) (args, kwargs []byte) {
	if p.Format != f && !p.Empty() {
		p, _ = p.In(f)
	}
	return p.Args, p.Kwargs
}

// Decode returns the arguments as Go values: nil, bool, int64, uint64 (beyond int64),
// float64, string, []byte, []any and map[string]any. Absent parts are nil.
func (p Payload) Decode() (args []any, kwargs map[string]any, err error) {
	if p.Args != nil {
		v, err := decodeValue(p.Format, p.Args)
		if err != nil {
			return nil, nil, fmt.Errorf("decoding arguments: %w", err)
		}
		var ok bool
		if args, ok = v.([]any); !ok {
			return nil, nil, fmt.Errorf("decoding arguments: %s", whyNotList)
		}
	}
	if p.Kwargs != nil {
		v, err := decodeValue(p.Format, p.Kwargs)
		if err != nil {
			return nil, nil, fmt.Errorf("decoding keyword arguments: %w", err)
		}
		var ok bool
		if kwargs, ok = v.(map[string]any); !ok {
			return nil, nil, fmt.Errorf("decoding keyword arguments: %s", whyNotDict)
		}
	}
	return args, kwargs, nil
}
