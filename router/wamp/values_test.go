package wamp

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"pgregory.net/rapid"
)

// A value is the same after every way through the serializations: integers stay integers and
// exact, doubles stay doubles, text stays text and binary data binary.
func TestValuesKeepTheirMeaning(t *testing.T) {
	values := []any{
		nil, true, false, "", "text", "ünïcödé 😀", "quote \" slash \\ \u2028 <&>", "tab\tnull\u0001",
		int64(0), int64(-1), int64(127), int64(128), int64(-32769), int64(1 << 53), int64(1<<53 + 1),
		int64(math.MaxInt64), int64(math.MinInt64), uint64(math.MaxUint64), uint64(1 << 63),
		0.0, 1.0, -1.5, 1e300, 5e-324, 0.1, math.MaxFloat64, math.Copysign(0, -1), 1e21, 123456789.0,
		[]byte{}, []byte{0, 1, 0xff}, []byte("text"),
		[]any{}, map[string]any{}, []any{[]any{nil}, map[string]any{"": []byte{0}, "a.b": []any{1.0}}},
	}
	for _, from := range Formats {
		for _, to := range Formats {
			p, err := NewPayload(from, values, map[string]any{"k": values})
			if err != nil {
				t.Fatal(err)
			}
			q, err := p.In(to)
			if err != nil {
				t.Fatalf("%s to %s: %v", from, to, err)
			}
			args, kwargs, err := q.Decode()
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range args {
				if !reflect.DeepEqual(v, values[i]) || fmt.Sprintf("%#v", v) != fmt.Sprintf("%#v", values[i]) {
					t.Errorf("%s to %s: %#v became %#v", from, to, values[i], v)
				}
			}
			if !reflect.DeepEqual(kwargs["k"], any(args)) {
				t.Errorf("%s to %s: keywords differ from arguments", from, to)
			}
		}
	}
}

// The forms on the wire that only one serialization has, and what they become.
func TestForeignValues(t *testing.T) {
	for _, c := range []struct {
		format Format
		args   string // hexadecimal for the binary serializations
		want   any
	}{
		{JSON, `["\u0000AP8="]`, []byte{0, 0xff}},
		{JSON, `["\u0000"]`, []byte{}},
		{JSON, `["\u0000not base64"]`, "\x00not base64"},
		{JSON, `[123456789012345678901234567890]`, 123456789012345678901234567890.0},
		{JSON, `[1e2]`, 100.0},
		{JSON, `["\ud800"]`, "\ufffd"},
		{MessagePack, "91ca3fc00000", 1.5},
		{MessagePack, "91ceffffffff", int64(math.MaxUint32)},
		{CBOR, "81f93e00", 1.5},
		{CBOR, "81f7", nil},
		{CBOR, "81c243010000", int64(65536)},
		{CBOR, "81c249010000000000000000", 18446744073709551616.0},
		{CBOR, "81d9d9f701", int64(1)},
		{CBOR, "819f01ff", []any{int64(1)}},
		{CBOR, "815f41004101ff", []byte{0, 1}},
	} {
		raw := []byte(c.args)
		if c.format != JSON {
			raw, _ = hex.DecodeString(c.args)
		}
		args, _, err := Payload{Format: c.format, Args: raw}.Decode()
		if err != nil || !reflect.DeepEqual(args[0], c.want) {
			t.Errorf("%s %s: %#v, %v, want %#v", c.format, c.args, args, err, c.want)
		}
	}
}

// What another serialization cannot say is an error from In, and still passes untouched
// between peers of one serialization.
func TestUnrepresentable(t *testing.T) {
	for _, c := range []struct {
		from Format
		args string
		to   Format
	}{
		{MessagePack, "91cb7ff0000000000000", JSON}, // infinity
		{CBOR, "81f97e00", JSON},                    // NaN
		{MessagePack, "918101c0", JSON},             // integer key
		{MessagePack, "918101c0", CBOR},
		{CBOR, "81a101f6", MessagePack},
		{MessagePack, "91d40700", CBOR}, // extension
		{CBOR, "81f0", JSON},            // simple value
		{JSON, hex.EncodeToString([]byte(`[1e999]`)), CBOR},
	} {
		raw, _ := hex.DecodeString(c.args)
		p := Payload{Format: c.from, Args: raw}
		if _, err := p.In(c.to); !errors.Is(err, ErrUnrepresentable) {
			t.Errorf("%s %s in %s: %v", c.from, c.args, c.to, err)
		}
		m := Message{Type: Result, Request: 1, Payload: p}
		var n Message
		if err := Decode(c.from, Append(nil, c.from, &m), &n); err != nil || !bytes.Equal(n.Payload.Args, raw) {
			t.Errorf("%s %s does not pass: %v", c.from, c.args, err)
		}
		if err := Decode(c.to, Append(nil, c.to, &m), &n); err != nil || n.Payload.Args != nil {
			t.Errorf("%s %s is appended in %s as %x, %v", c.from, c.args, c.to, n.Payload.Args, err)
		}
	}
}

func TestGoValues(t *testing.T) {
	type name string
	five := 5
	in := map[string]any{
		"id": ID(7), "int": 3, "u8": uint8(9), "f32": float32(0.5), "name": name("n"), "ptr": &five,
		"nilptr": (*int)(nil), "strings": []string{"a", "b"}, "map": map[string]int{"x": 1}, "raw": json.RawMessage("xy"),
	}
	want := map[string]any{
		"id": int64(7), "int": int64(3), "u8": int64(9), "f32": 0.5, "name": "n", "ptr": int64(5),
		"nilptr": nil, "strings": []any{"a", "b"}, "map": map[string]any{"x": int64(1)}, "raw": []byte("xy"),
	}
	for _, f := range Formats {
		d, err := NewDict(f, in)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := d.Decode(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %#v, %v", f, got, err)
		}
		for _, bad := range []any{make(chan int), func() {}, map[int]int{1: 1}, struct{}{}} {
			if _, err := NewDict(f, map[string]any{"x": bad}); err == nil {
				t.Errorf("%s: %T is allowed", f, bad)
			}
		}
	}
	loop := []any{nil}
	loop[0] = loop
	if _, err := NewPayload(JSON, loop, nil); err == nil {
		t.Error("a list that holds itself is allowed")
	}
}

// anyValue draws trees of the common kinds.
func anyValue() *rapid.Generator[any] {
	leaf := rapid.OneOf(
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.Int64().AsAny(),
		rapid.Uint64Range(1<<63, math.MaxUint64).AsAny(),
		rapid.Float64().AsAny(), rapid.StringMatching(`[^\x00]*`).AsAny(),
		rapid.SliceOf(rapid.Byte()).AsAny(),
	)
	var tree func(depth int) *rapid.Generator[any]
	tree = func(depth int) *rapid.Generator[any] {
		if depth == 0 {
			return leaf
		}
		sub := tree(depth - 1)
		return rapid.OneOf(leaf, rapid.SliceOfN(sub, 0, 20).AsAny(),
			rapid.MapOfN(rapid.String(), sub, 0, 20).AsAny())
	}
	return tree(3)
}

// Whatever tree goes into a message comes out of it in any other serialization.
func TestRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		args := []any{anyValue().Draw(t, "value")}
		f, via := rapid.SampledFrom(Formats[:]).Draw(t, "f"), rapid.SampledFrom(Formats[:]).Draw(t, "via")
		p, err := NewPayload(f, args, nil)
		if err != nil {
			t.Fatal(err)
		}
		m := Message{Type: Call, Request: 1, URI: rapid.String().Draw(t, "uri"), Payload: p}
		var n Message
		if err := Decode(via, Append(nil, via, &m), &n); err != nil {
			t.Fatal(err)
		}
		got, _, err := n.Payload.Decode()
		if err != nil || !reflect.DeepEqual(got, args) || n.URI != m.URI {
			t.Fatalf("%#v became %#v, %v", args, got, err)
		}
	})
}

// Our own stepping over values agrees with the libraries about what is well-formed.
func TestSkipAgreesWithLibraries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.SampledFrom([]Format{JSON, CBOR}).Draw(t, "f")
		p, err := NewPayload(f, []any{anyValue().Draw(t, "value")}, nil)
		if err != nil {
			t.Fatal(err)
		}
		raw := p.Args
		for range rapid.IntRange(0, 3).Draw(t, "faults") {
			raw[rapid.IntRange(0, len(raw)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
		agree(t, f, raw)
	})
}

type fataler interface{ Fatalf(string, ...any) }

// agree compares skip with the library. The libraries do not check UTF-8 there, and allow
// other depths.
func agree(t fataler, f Format, raw []byte) {
	if f == JSON {
		raw = bytes.TrimSpace(raw)
	}
	end, why := f.syntax().skip(raw, 0, MaxDepth)
	ours := why == "" && end == len(raw)
	if why == whyUTF8 || why == whyDeep {
		return
	}
	switch f {
	case JSON:
		if theirs := json.Valid(raw); ours != theirs {
			t.Fatalf("%q: ours %v (%s at %d), encoding/json %v", raw, ours, why, end, theirs)
		}
	case CBOR:
		if theirs := wellFormed.Wellformed(raw); ours != (theirs == nil) {
			t.Fatalf("%x: ours %v (%s at %d), the library %v", raw, ours, why, end, theirs)
		}
	}
}

var wellFormed = mustMode(cbor.DecOptions{
	MaxNestedLevels: 1000, MaxArrayElements: math.MaxInt32, MaxMapPairs: math.MaxInt32,
}.DecMode())
