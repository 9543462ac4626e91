package cluster

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// What other replicas send is read without a crash, whatever it is, and what is read is
// written again as it was.
func FuzzFrame(f *testing.F) {
	f.Add(appendFrame(nil, &frame{kind: frameCall, call: 1, procedure: 2, stamp: 3}))
	f.Add(appendFrame(nil, &frame{
		kind: frameAnswer, text: "com.example.error", progress: true,
		details: wamp.Dict{Format: wamp.JSON, Raw: []byte("{}")},
		Payload: wamp.Payload{Format: wamp.JSON, Args: []byte("[1]"), Kwargs: []byte(`{"a":1}`)},
	}))
	f.Fuzz(func(t *testing.T, b []byte) {
		var x, y frame
		if parseFrame(b, &x) != nil {
			return
		}
		again := appendFrame(nil, &x)
		if err := parseFrame(again, &y); err != nil {
			t.Fatalf("%x was read as %+v, which cannot be read again: %v", b, x, err)
		}
		if !bytes.Equal(again, appendFrame(nil, &y)) {
			t.Fatalf("%x was read as %+v, written and read as %+v", b, x, y)
		}
	})
}

func FuzzControlMessage(f *testing.F) {
	for _, m := range []message{
		&greet{Have: 1, State: stateReady, Linked: []MemberID{"a.1"}, Owned: []ownership{{Slot: 7, Epoch: 2}}},
		&delta{From: 1, To: 2, Add: []listEntry{{Key: listKey{Realm: "realm1", URI: "a.b", Session: 3}, Stamp: 4, Invoke: First}}},
		&full{Version: 3}, &claim{Claim: 1, Epoch: 2, Slots: slotSet{1, 2}},
		&promise{Claim: 1, Turns: []turnRecord{{Procedure: 1, Epoch: 2, Seq: 3, Stamp: 4}}},
		&ask{Ask: 1, Key: listKey{Realm: "realm1", URI: "a.b", Session: 3}}, &grant{Ask: 1, Stamp: 2},
	} {
		b, err := appendMessage(nil, m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseMessage(b)
		if err != nil {
			return
		}
		if _, err := appendMessage(nil, m); err != nil {
			t.Fatalf("%x was read as %+v, which cannot be written: %v", b, m, err)
		}
	})
}

// What a stranger says first on a connection is read without a crash, and never believed to speak a
// version that it did not name.
func FuzzLinkHello(f *testing.F) {
	for _, h := range []linkHello{
		{Least: 3, Most: 4, Cluster: "test", From: "a.1", Replica: "a", To: "b.1", Link: 1, Calls: true},
		{Least: 2, Relay: "c.1", Via: "c", Move: true},
	} {
		b, err := cbor.Marshal(h)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var h linkHello
		s := &stream{in: incoming{conn: bytes.NewReader(b), max: maxControl}}
		if readHandshake(s, &h) != nil {
			return
		}
		ours := protocols{linkProtocolLeast, linkProtocol}
		if version, ok := ours.common(h.protocols()); ok && (version < h.Least || version > max(h.Least, h.Most)) {
			t.Fatalf("version %d was chosen for %+v", version, h)
		}
	})
}
