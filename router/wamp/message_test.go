package wamp

import (
	"reflect"
	"testing"
)

// messages has each message of the basic profile with every optional part present and absent.
var messages = []struct {
	json string
	want Message
}{
	{`[1,"realm1",{"roles":{"caller":{}}}]`, Message{Type: Hello, URI: "realm1", Dict: Dict{JSON, []byte(`{"roles":{"caller":{}}}`)}}},
	{`[2,9007199254740992,{}]`, Message{Type: Welcome, ID: MaxID}},
	{`[3,{"message":"no"},"wamp.error.no_such_realm"]`, Message{Type: Abort, URI: ErrNoSuchRealm, Dict: Dict{JSON, []byte(`{"message":"no"}`)}}},
	{`[4,"ticket",{}]`, Message{Type: Challenge, Text: "ticket"}},
	{`[5,"secret!",{}]`, Message{Type: Authenticate, Text: "secret!"}},
	{`[6,{},"wamp.close.goodbye_and_out"]`, Message{Type: Goodbye, URI: CloseGoodbyeAndOut}},
	{`[8,48,7,{},"com.app.error"]`, Message{Type: Error, Of: Call, Request: 7, URI: "com.app.error"}},
	{`[8,68,7,{},"com.app.error",["x"],{"y":1}]`, Message{Type: Error, Of: Invocation, Request: 7, URI: "com.app.error", Payload: Payload{JSON, []byte(`["x"]`), []byte(`{"y":1}`)}}},
	{`[16,1,{"acknowledge":true},"com.topic"]`, Message{Type: Publish, Request: 1, URI: "com.topic", Dict: Dict{JSON, []byte(`{"acknowledge":true}`)}}},
	{`[16,1,{},"com.topic",["hello"]]`, Message{Type: Publish, Request: 1, URI: "com.topic", Payload: Payload{JSON, []byte(`["hello"]`), nil}}},
	{`[17,1,4429313566]`, Message{Type: Published, Request: 1, ID: 4429313566}},
	{`[32,713845233,{},"com.topic"]`, Message{Type: Subscribe, Request: 713845233, URI: "com.topic"}},
	{`[33,713845233,5512315355]`, Message{Type: Subscribed, Request: 713845233, ID: 5512315355}},
	{`[34,85346237,5512315355]`, Message{Type: Unsubscribe, Request: 85346237, ID: 5512315355}},
	{`[35,85346237]`, Message{Type: Unsubscribed, Request: 85346237}},
	{`[35,0,{"subscription":5}]`, Message{Type: Unsubscribed, Dict: Dict{JSON, []byte(`{"subscription":5}`)}}},
	{`[36,5512315355,4429313566,{}]`, Message{Type: Event, ID: 5512315355, Publication: 4429313566}},
	{`[36,5512315355,4429313566,{},[],{"color":"orange"}]`, Message{Type: Event, ID: 5512315355, Publication: 4429313566, Payload: Payload{JSON, []byte(`[]`), []byte(`{"color":"orange"}`)}}},
	{`[48,7814135,{},"com.app.ping"]`, Message{Type: Call, Request: 7814135, URI: "com.app.ping"}},
	{`[48,7814135,{},"com.app.add",[23,7]]`, Message{Type: Call, Request: 7814135, URI: "com.app.add", Payload: Payload{JSON, []byte(`[23,7]`), nil}}},
	{`[49,7814135,{"mode":"kill"}]`, Message{Type: Cancel, Request: 7814135, Dict: Dict{JSON, []byte(`{"mode":"kill"}`)}}},
	{`[50,7814135,{},[30]]`, Message{Type: Result, Request: 7814135, Payload: Payload{JSON, []byte(`[30]`), nil}}},
	{`[64,25349185,{"invoke":"roundrobin"},"com.app.proc"]`, Message{Type: Register, Request: 25349185, URI: "com.app.proc", Dict: Dict{JSON, []byte(`{"invoke":"roundrobin"}`)}}},
	{`[65,25349185,2103333224]`, Message{Type: Registered, Request: 25349185, ID: 2103333224}},
	{`[66,788923562,2103333224]`, Message{Type: Unregister, Request: 788923562, ID: 2103333224}},
	{`[67,788923562]`, Message{Type: Unregistered, Request: 788923562}},
	{`[67,0,{"registration":1}]`, Message{Type: Unregistered, Dict: Dict{JSON, []byte(`{"registration":1}`)}}},
	{`[68,6131533,9823526,{"progress":true},[1]]`, Message{Type: Invocation, Request: 6131533, ID: 9823526, Dict: Dict{JSON, []byte(`{"progress":true}`)}, Payload: Payload{JSON, []byte(`[1]`), nil}}},
	{`[69,6131533,{}]`, Message{Type: Interrupt, Request: 6131533}},
	{`[70,6131533,{}]`, Message{Type: Yield, Request: 6131533}},
	{`[70,6131533,{},[30],{}]`, Message{Type: Yield, Request: 6131533, Payload: Payload{JSON, []byte(`[30]`), []byte(`{}`)}}},
}

// same compares messages by what they say, not by how it is encoded.
func same(t *testing.T, got, want *Message) {
	t.Helper()
	g, w := *got, *want
	g.Dict, w.Dict, g.Payload, w.Payload = Dict{}, Dict{}, Payload{}, Payload{}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("head:\n got %+v\nwant %+v", g, w)
	}
	gd, err1 := got.Dict.Decode()
	wd, err2 := want.Dict.Decode()
	if err1 != nil || err2 != nil || !reflect.DeepEqual(gd, wd) {
		t.Errorf("dictionary: got %v (%v), want %v (%v)", gd, err1, wd, err2)
	}
	ga, gk, err1 := got.Payload.Decode()
	wa, wk, err2 := want.Payload.Decode()
	if err1 != nil || err2 != nil || !reflect.DeepEqual(ga, wa) || !reflect.DeepEqual(gk, wk) {
		t.Errorf("payload: got %v %v (%v), want %v %v (%v)", ga, gk, err1, wa, wk, err2)
	}
}

// Every message is read as the WAMP text writes it, and written back byte for byte.
func TestMessagesInJSON(t *testing.T) {
	for _, c := range messages {
		var m Message
		if err := Decode(JSON, []byte(c.json), &m); err != nil {
			t.Errorf("%s: %v", c.json, err)
			continue
		}
		same(t, &m, &c.want)
		if got := string(Append(nil, JSON, &m)); got != c.json {
			t.Errorf("written as %s, want %s", got, c.json)
		}
		if n := len(c.json); n > SizeHint(&m) {
			t.Errorf("SizeHint of %s is %d", c.json, SizeHint(&m))
		}
	}
}

// Every message means the same in every serialization, from every serialization.
func TestMessagesAcrossFormats(t *testing.T) {
	for _, c := range messages {
		for _, from := range Formats {
			first := Append(nil, from, &c.want)
			var m Message
			if err := Decode(from, first, &m); err != nil {
				t.Fatalf("%s in %s: %v", c.json, from, err)
			}
			for _, to := range Formats {
				var n Message
				if err := Decode(to, Append([]byte("before"), to, &m)[len("before"):], &n); err != nil {
					t.Fatalf("%s from %s to %s: %v", c.json, from, to, err)
				}
				same(t, &n, &c.want)
			}
		}
	}
}

// Every defined type is in the table above: a new one cannot be forgotten.
func TestMessagesAreComplete(t *testing.T) {
	seen := map[MessageType]bool{}
	for _, c := range messages {
		seen[c.want.Type] = true
	}
	for i := range layouts {
		if typ := MessageType(i); layouts[i].fields != nil && !seen[typ] {
			t.Errorf("%s is not in the table", typ)
		} else if (layouts[i].fields != nil) != (messageNames[i] != "") {
			t.Errorf("%d has a layout or a name, but not both", i)
		}
	}
}

// What Decode returns aliases the frame: nothing is copied on the hot path.
func TestDecodeDoesNotAllocate(t *testing.T) {
	for _, f := range Formats {
		frame := Append(nil, f, sampleCall(f))
		out := make([]byte, 0, 2*len(frame))
		var m Message
		n := testing.AllocsPerRun(100, func() {
			if err := Decode(f, frame, &m); err != nil {
				t.Fatal(err)
			}
			out = Append(out[:0], f, &m)
		})
		if n != 0 {
			t.Errorf("%s: %v allocations", f, n)
		}
		if string(out) != string(frame) {
			t.Errorf("%s: spliced to %q, want %q", f, out, frame)
		}
	}
}

func TestNames(t *testing.T) {
	for _, f := range Formats {
		if g, err := ParseFormat(f.String()); err != nil || g != f {
			t.Errorf("%s is parsed as %v, %v", f, g, err)
		}
	}
	if _, err := ParseFormat("xml"); err == nil {
		t.Error("xml is a serialization")
	}
	if s := Call.String() + " " + MessageType(7).String() + " " + Format(9).String(); s != "CALL message type 7 format 9" {
		t.Error(s)
	}
}
