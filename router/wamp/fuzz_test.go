package wamp

import (
	"bytes"
	"errors"
	"testing"
)

func fuzzDecode(f *testing.F, format Format) {
	for i := range messages {
		f.Add(Append(nil, format, &messages[i].want))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		before := bytes.Clone(frame)
		var m, n Message
		if err := Decode(format, frame, &m); err != nil {
			var de *DecodeError
			if !errors.As(err, &de) || de.Offset < 0 || de.Offset > len(frame) || de.Error() == "" {
				t.Fatalf("%#v", err)
			}
			return
		}
		if !bytes.Equal(frame, before) {
			t.Fatal("the frame was changed")
		}
		again := Append(nil, format, &m)
		if err := Decode(format, again, &n); err != nil {
			t.Fatalf("%q is written as %q: %v", frame, again, err)
		}
		if n.Type != m.Type || n.Request != m.Request || n.ID != m.ID || n.URI != m.URI || n.Text != m.Text ||
			!bytes.Equal(n.Payload.Args, m.Payload.Args) && m.Payload.Args != nil || !bytes.Equal(n.Payload.Kwargs, m.Payload.Kwargs) {
			t.Fatalf("%+v became %+v", m, n)
		}
		for _, v := range m.Dict.All() {
			v.Kind()
			_, _ = v.Any()
		}
		fuzzTranscode(t, &m)
	})
}

// fuzzTranscode checks that what decodes can be written in every serialization, or is refused
// as unrepresentable.
func fuzzTranscode(t *testing.T, m *Message) {
	for _, to := range Formats {
		payload, err := m.Payload.In(to)
		if err != nil && !errors.Is(err, ErrUnrepresentable) {
			t.Fatal(err)
		}
		dict, err := m.Dict.In(to)
		if err != nil && !errors.Is(err, ErrUnrepresentable) {
			t.Fatal(err)
		}
		q, n := *m, Message{}
		q.Payload, q.Dict = payload, dict
		frame := Append(nil, to, &q)
		if err := Decode(to, frame, &n); err != nil {
			t.Fatalf("in %s: %q: %v", to, frame, err)
		}
	}
}

func FuzzDecodeJSON(f *testing.F)        { fuzzDecode(f, JSON) }
func FuzzDecodeMessagePack(f *testing.F) { fuzzDecode(f, MessagePack) }
func FuzzDecodeCBOR(f *testing.F)        { fuzzDecode(f, CBOR) }

// FuzzWellFormed looks for input on which our own checks and the libraries disagree.
func FuzzWellFormed(f *testing.F) {
	for i := range messages {
		f.Add(Append(nil, JSON, &messages[i].want), false)
		f.Add(Append(nil, CBOR, &messages[i].want), true)
	}
	f.Fuzz(func(t *testing.T, raw []byte, binary bool) {
		if binary {
			agree(t, CBOR, raw)
		} else {
			agree(t, JSON, raw)
		}
	})
}
