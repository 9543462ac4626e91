package wamp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

// What is not a message is refused with a sentence that names the fault.
func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct {
		format Format
		frame  string // hexadecimal after "x:"
		want   string
	}{
		{JSON, ``, "ends in the middle"},
		{JSON, `{}`, "expected a list"},
		{JSON, `[]`, "the message type is missing"},
		{JSON, `["CALL"]`, "expected an integer"},
		{JSON, `[99]`, "no such message type: 99"},
		{JSON, `[7]`, "no such message type: 7"},
		{JSON, `[18446744073709551616]`, "too large"},
		{JSON, `[48,1,{}]`, "malformed CALL in json: at byte 9: the URI is missing"},
		{JSON, `[48,1,{},"a",[],{},3]`, "more elements"},
		{JSON, `[64,1,{},"a",[]]`, "more elements"},
		{JSON, `[48,1,{},"a"]x`, "follows the end"},
		{JSON, `[48,1,{},"a"`, "ends in the middle"},
		{JSON, `[48,1,{},"a",`, "ends in the middle"},
		{JSON, `[48,1,{},"a",]`, "expected a list"},
		{JSON, `[48,0,{},"a"]`, "ids are 1 to 9007199254740992, not 0"},
		{JSON, `[48,9007199254740993,{},"a"]`, "not 9007199254740993"},
		{JSON, `[48,-1,{},"a"]`, "expected an integer"},
		{JSON, `[48,01,{},"a"]`, "expected an integer"},
		{JSON, `[48,1.5,{},"a"]`, "expected an integer"},
		{JSON, `[48,1,[],"a"]`, "the dictionary: expected a dictionary"},
		{JSON, `[48,1,null,"a"]`, "expected a dictionary"},
		{JSON, `[48,1,{},7]`, "the URI: expected a string"},
		{JSON, `[48,1,{},"a",{}]`, "expected a list"},
		{JSON, `[48,1,{},"a",[],[]]`, "expected a dictionary"},
		{JSON, `[48,1,{1:2},"a"]`, "key is not a string"},
		{JSON, `[48,1,{},"a",[{1:2}]]`, "key is not a string"},
		{JSON, `[48,1,{"a" 2},"a"]`, "colon"},
		{JSON, `[48,1,{},"a",[1 2]]`, "comma"},
		{JSON, `[48,1,{},"a",[tru]]`, "starts no value"},
		{JSON, `[48,1,{},"a",[1.]]`, "starts no value"},
		{JSON, `[48,1,{},"a",[1e]]`, "starts no value"},
		{JSON, `[48,1,{},"a",["\x"]]`, "escape"},
		{JSON, `[48,1,{},"a",["\u12g4"]]`, "escape"},
		{JSON, "[48,1,{},\"a\",[\"\n\"]]", "control character"},
		{JSON, "[48,1,{},\"a\",[\"\xff\"]]", "UTF-8"},
		{JSON, "[48,1,{},\"\xff\"]", "UTF-8"},
		{JSON, `[8,2,1,{},"a"]`, "an ERROR cannot answer 2"},
		{MessagePack, "x:", "ends in the middle"},
		{MessagePack, "GET / HTTP/1.1", "expected a list"},
		{MessagePack, "x:94300180", "ends in the middle"},
		{MessagePack, "x:9330" + "01" + "80", "the URI is missing"},
		{MessagePack, "x:94300180a161" + "00", "follows the end"},
		{MessagePack, "x:943001" + "8101c0" + "a161", "key is not a string"},
		{MessagePack, "x:94300180" + "a1ff", "UTF-8"},
		{MessagePack, "x:95300180a161" + "91c1", "starts no value"},
		{MessagePack, "x:95300180a161" + "ddffffffff", "ends in the middle"},
		{MessagePack, "x:95300180a161" + "91c6ffffffff", "ends in the middle"},
		{MessagePack, "x:ddffffffff", "ends in the middle"},
		{MessagePack, "x:9430" + "ff" + "80a161", "expected an integer"},
		{MessagePack, "x:9430" + "cb3ff8000000000000" + "80a161", "expected an integer"},
		{CBOR, "x:", "ends in the middle"},
		{CBOR, "x:84183001a0", "ends in the middle"},
		{CBOR, "x:84183001a06161" + "00", "follows the end"},
		{CBOR, "x:84183001" + "a101f6" + "6161", "key is not a string"},
		{CBOR, "x:84183001a0" + "61ff", "UTF-8"},
		{CBOR, "x:85183001a06161" + "811c", "starts no value"},
		{CBOR, "x:85183001a06161" + "81ff", "starts no value"},
		{CBOR, "x:85183001a06161" + "81f801", "starts no value"},
		{CBOR, "x:85183001a06161" + "9bffffffffffffffff", "ends in the middle"},
		{CBOR, "x:85183001a06161" + "bb8000000000000000", "expected a list"},
		{CBOR, "x:85183001a06161" + "81bb8000000000000000", "ends in the middle"},
		{CBOR, "x:85183001a06161" + "81bf01ff", "starts no value"},
		{CBOR, "x:85183001a06161" + "815f6161ff", "starts no value"},
		{CBOR, "x:85183001a06161" + "817f61ffff", "UTF-8"},
		{CBOR, "x:9bffffffffffffffff", "ends in the middle"},
		{Format(0), "[]", "no such serialization"},
	} {
		frame := []byte(c.frame)
		if rest, ok := strings.CutPrefix(c.frame, "x:"); ok {
			frame, _ = hex.DecodeString(rest)
		}
		var m Message
		err := Decode(c.format, frame, &m)
		var de *DecodeError
		if !errors.As(err, &de) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %q: %v, want %q", c.format, c.frame, err, c.want)
		} else if de.Offset > len(frame) || de.Format != c.format {
			t.Errorf("%s %q: the error is at %+v", c.format, c.frame, de)
		}
	}
}

// A message cut at any byte is refused, and no byte after the cut is read.
func TestDecodeRefusesEveryPrefix(t *testing.T) {
	for _, f := range Formats {
		for i := range messages {
			frame := Append(nil, f, &messages[i].want)
			for n := range frame {
				var m Message
				if err := Decode(f, bytes.Clone(frame[:n]), &m); err == nil {
					t.Errorf("%s: %q is a message", f, frame[:n])
				}
			}
		}
	}
}

// Nesting is allowed to MaxDepth and no further, whether in lists, maps or tags.
func TestDecodeDepth(t *testing.T) {
	nest := func(open, close string, n int) string {
		return strings.Repeat(open, n) + close
	}
	for _, c := range []struct {
		format             Format
		head, open, middle string
		close              string
	}{
		{JSON, `[50,1,{},`, `[`, ``, `]`},
		{JSON, `[50,1,{},[],`, `{"a":`, `0`, `}`},
		{MessagePack, "\x94\x32\x01\x80", "\x91", "\x01", ""},
		{MessagePack, "\x95\x32\x01\x80\x90", "\x81\xa1a", "\x01", ""},
		{CBOR, "\x84\x18\x32\x01\xa0", "\x81", "\x01", ""},
		{CBOR, "\x84\x18\x32\x01\xa0", "\x9f", "", "\xff"},
	} {
		end := map[Format]string{JSON: "]"}[c.format]
		for n, ok := range map[int]bool{MaxDepth: true, MaxDepth + 1: false, 100_000: false} {
			frame := c.head + nest(c.open, "", n) + c.middle + strings.Repeat(c.close, n) + end
			var m Message
			err := Decode(c.format, []byte(frame), &m)
			if (err == nil) != ok {
				t.Errorf("%s %q nested %d deep: %v", c.format, c.open, n, err)
			}
			if err == nil {
				if _, _, err := m.Payload.Decode(); err != nil {
					t.Errorf("%s nested %d deep decodes with %v", c.format, n, err)
				}
			}
		}
	}
	tags := "\x84\x18\x32\x01\xa0\x81" + strings.Repeat("\xc1", 100_000) + "\x00"
	if err := Decode(CBOR, []byte(tags), new(Message)); err == nil {
		t.Error("a hundred thousand tags are allowed")
	}
}

// Encodings that clients in the field use for the same thing are all understood.
func TestDecodeAccepts(t *testing.T) {
	for _, c := range []struct {
		what   string
		format Format
		frame  string // hexadecimal after "x:"
		want   Message
	}{
		{"white space", JSON, " [ 48 , 1 , { } , \"a\" , [ ] , { } ]\r\n", Message{Type: Call, Request: 1, URI: "a", Payload: Payload{JSON, []byte("[]"), []byte("{}")}}},
		{"escapes", JSON, `[48,1,{},"\u0061\/\n\ud83d\ude00"]`, Message{Type: Call, Request: 1, URI: "a/\n😀"}},
		{"null arguments", JSON, `[48,1,{},"a",null,{"x":1}]`, Message{Type: Call, Request: 1, URI: "a", Payload: Payload{JSON, nil, []byte(`{"x":1}`)}}},
		{"null keywords", JSON, `[48,1,{},"a",[1],null]`, Message{Type: Call, Request: 1, URI: "a", Payload: Payload{JSON, []byte(`[1]`), nil}}},
		{"id as double", MessagePack, "x:94" + "30" + "cb4014000000000000" + "80a161", Message{Type: Call, Request: 5, URI: "a"}},
		{"id as float", MessagePack, "x:94" + "30" + "ca40a00000" + "80a161", Message{Type: Call, Request: 5, URI: "a"}},
		{"id as signed", MessagePack, "x:94" + "d030" + "d30000000000000005" + "80a161", Message{Type: Call, Request: 5, URI: "a"}},
		{"long headers", MessagePack, "x:dd00000004" + "cd0030" + "ce00000005" + "df00000000" + "db0000000161", Message{Type: Call, Request: 5, URI: "a"}},
		{"id as double", CBOR, "x:84" + "1830" + "fb4014000000000000" + "a06161", Message{Type: Call, Request: 5, URI: "a"}},
		{"id as half", CBOR, "x:84" + "1830" + "f94500" + "a06161", Message{Type: Call, Request: 5, URI: "a"}},
		{"indefinite lengths", CBOR, "x:9f" + "1830" + "05" + "bfff" + "7f6161" + "6162ff" + "9f01ff" + "ff", Message{Type: Call, Request: 5, URI: "ab", Payload: Payload{JSON, []byte(`[1]`), nil}}},
		{"long headers", CBOR, "x:9b0000000000000004" + "190030" + "1b0000000000000005" + "b90000" + "7a0000000161", Message{Type: Call, Request: 5, URI: "a"}},
	} {
		frame := []byte(c.frame)
		if rest, ok := strings.CutPrefix(c.frame, "x:"); ok {
			frame, _ = hex.DecodeString(rest)
		}
		var m Message
		if err := Decode(c.format, frame, &m); err != nil {
			t.Errorf("%s in %s: %v", c.what, c.format, err)
			continue
		}
		same(t, &m, &c.want)
	}
}
