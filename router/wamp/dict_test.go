package wamp

import (
	"fmt"
	"reflect"
	"testing"
)

// The getters find values without decoding the dictionary, in every serialization.
func TestDictGetters(t *testing.T) {
	for _, f := range Formats {
		d := MustDict(f, map[string]any{
			"progress": true, "off": false, "timeout": 2500, "big": uint64(1 << 63), "negative": -5, "half": 0.5,
			"match": "prefix", "quoted": "a\"b", "bin": []byte{1}, "none": nil, "key \"é\"": 1,
			"sub": map[string]any{"a": []any{1}}, "list": []any{"x", 2, []any{}},
		})
		if v, ok := d.Bool("progress"); !v || !ok {
			t.Errorf("%s: progress is %v, %v", f, v, ok)
		}
		if v, ok := d.Bool("off"); v || !ok {
			t.Errorf("%s: off is %v, %v", f, v, ok)
		}
		if v, ok := d.Uint("timeout"); v != 2500 || !ok {
			t.Errorf("%s: timeout is %v, %v", f, v, ok)
		}
		if v, ok := d.Uint("big"); v != 1<<63 || !ok {
			t.Errorf("%s: big is %v, %v", f, v, ok)
		}
		if v, ok := d.Str("match"); v != "prefix" || !ok {
			t.Errorf("%s: match is %q, %v", f, v, ok)
		}
		if v, ok := d.Str("quoted"); v != `a"b` || !ok {
			t.Errorf("%s: quoted is %q, %v", f, v, ok)
		}
		if v, ok := d.Uint(`key "é"`); v != 1 || !ok {
			t.Errorf("%s: the key with a quote is %v, %v", f, v, ok)
		}
		v, _ := d.Get("negative")
		if i, ok := v.Int(); i != -5 || !ok {
			t.Errorf("%s: negative is %v, %v", f, i, ok)
		}
		if v, ok := d.Get("none"); !ok || !v.IsNull() {
			t.Errorf("%s: none is %v, %v", f, v, ok)
		}
		v, _ = d.Get("sub")
		if sub, ok := v.Dict(); !ok || sub.Empty() {
			t.Errorf("%s: sub is %v, %v", f, sub, ok)
		}
		v, _ = d.Get("list")
		if list, ok := v.List(); !ok || len(list) != 3 || list[0].Kind() != "a string" || list[1].Kind() != "a number" || list[2].Kind() != "a list" {
			t.Errorf("%s: list is %v, %v", f, list, ok)
		}
	}
}

// A value of another type, or none, is never taken for a default that was asked for.
func TestDictGettersRefuse(t *testing.T) {
	for _, f := range Formats {
		d := MustDict(f, map[string]any{"a": "x", "n": -1, "h": 0.5, "l": []any{}, "m": map[string]any{}})
		for _, key := range []string{"a", "n", "h", "l", "m", "missing"} {
			if v, ok := d.Bool(key); v || ok {
				t.Errorf("%s: %s is the boolean %v", f, key, v)
			}
			if v, ok := d.Uint(key); v != 0 || ok {
				t.Errorf("%s: %s is the integer %v", f, key, v)
			}
			if v, ok := d.Str(key); key != "a" && (v != "" || ok) {
				t.Errorf("%s: %s is the string %q", f, key, v)
			}
		}
		for _, v := range []Value{{}, {Format: f}, {Raw: []byte("1")}} {
			_, number := v.Int()
			_, dict := v.Dict()
			if _, list := v.List(); list || dict || number || v.IsNull() {
				t.Errorf("%v is something", v)
			}
		}
	}
}

func TestDictEmpty(t *testing.T) {
	for _, f := range Formats {
		empty := []Dict{{}, {Format: f}, MustDict(f, nil), MustDict(f, map[string]any{})}
		if f == CBOR {
			empty = append(empty, Dict{CBOR, []byte{0xbf, 0xff}})
		}
		for _, d := range empty {
			if m, err := d.Decode(); !d.Empty() || err != nil || m == nil || len(m) != 0 {
				t.Errorf("%s: %v is not empty: %v, %v", f, d, m, err)
			}
		}
		if MustDict(f, map[string]any{"a": nil}).Empty() {
			t.Errorf("%s: {a: null} is empty", f)
		}
	}
}

// Looking at options is part of routing a call: it must not allocate.
func TestDictAllDoesNotAllocate(t *testing.T) {
	for _, f := range Formats {
		d := MustDict(f, map[string]any{"receive_progress": true, "timeout": 100, "disclose_me": true})
		var timeout uint64
		n := testing.AllocsPerRun(100, func() {
			for k, v := range d.All() {
				if k == "timeout" {
					timeout, _ = v.Uint()
				}
			}
		})
		if n != 0 || timeout != 100 {
			t.Errorf("%s: %v allocations, timeout %d", f, n, timeout)
		}
	}
}

// A broken dictionary ends the walk: no panic, no endless loop.
func TestDictBroken(t *testing.T) {
	for _, d := range []Dict{{JSON, []byte(`{"a":`)}, {JSON, []byte(`[]`)}, {MessagePack, []byte{0x82, 0xa1}}, {CBOR, []byte{0xbf}}, {7, []byte("{}")}} {
		for range d.All() {
		}
		if _, err := d.Decode(); err == nil {
			t.Errorf("%v is decoded", d)
		}
	}
}

func TestDictWriter(t *testing.T) {
	for _, f := range Formats {
		for _, n := range []int{0, 1, 4, 15, 16, 17, 40} {
			want := map[string]any{}
			w := StartDict(f, []byte("before"))
			for i := range n {
				key := fmt.Sprint("key\"", i)
				switch i % 4 {
				case 0:
					w.Bool(key, i%8 == 0)
					want[key] = i%8 == 0
				case 1:
					w.Uint(key, uint64(i))
					want[key] = int64(i)
				case 2:
					w.Str(key, key)
					want[key] = key
				default:
					v, _ := MustDict(Formats[i%3], map[string]any{"v": "x"}).Get("v")
					w.Value(key, v)
					want[key] = "x"
				}
			}
			w.Value("nothing", Value{})
			got, err := w.Dict().Decode()
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %d entries: %v, %v", f, n, got, err)
			}
		}
		buf := make([]byte, 0, 256)
		if allocs := testing.AllocsPerRun(100, func() {
			w := StartDict(f, buf)
			w.Str("procedure", "com.example.add")
			w.Uint("caller", 1<<52)
			w.Dict()
		}); allocs != 0 {
			t.Errorf("%s: %v allocations", f, allocs)
		}
	}
}

func TestClones(t *testing.T) {
	for _, f := range Formats {
		p := MustPayload(f, []any{"a"}, map[string]any{"k": "b"})
		d := MustDict(f, map[string]any{"k": "c"})
		pc, dc := p.Clone(), d.Clone()
		clear(p.Args)
		clear(p.Kwargs)
		clear(d.Raw)
		args, kwargs, err := pc.Decode()
		if v, ok := dc.Str("k"); err != nil || args[0] != "a" || kwargs["k"] != "b" || v != "c" || !ok {
			t.Errorf("%s: the clones changed: %v %v %q %v", f, args, kwargs, v, err)
		}
		if q := (Payload{Format: f, Args: []byte("x")}).Clone(); q.Kwargs != nil || q.Size() != 1 || q.Empty() {
			t.Errorf("the clone of one part is %v", q)
		}
	}
}
