package router_test

import (
	"maps"
	"reflect"
	"testing"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

var passthru = map[string]any{
	"ppt_scheme": "x_mine", "ppt_serializer": "cbor", "ppt_cipher": "xsalsa20poly1305", "ppt_keyid": "4711",
}

// What peers say of a payload that only they understand reaches the other side, in CALL, YIELD
// and ERROR, also piece by piece.
func TestPayloadPassthru(t *testing.T) {
	apart(t, func(t *testing.T, dev *router.Dev, calleeAt, callerAt int) {
		uri, callee, caller := fresh(), join(t, dev, calleeAt), join(t, dev, callerAt)
		blob := []byte{0, 1, 2, 255}
		if _, err := callee.Register(uri, nil, func(m *wamptest.Message) {
			got := wamptest.Details(m)
			delete(got, "receive_progress")
			if !reflect.DeepEqual(got, passthru) || !reflect.DeepEqual(m.Args, []any{blob}) {
				t.Errorf("INVOCATION %v %v", got, m.Args)
			}
			progress := maps.Clone(passthru)
			progress["progress"] = true
			callee.YieldOptions(m, progress, blob)
			callee.YieldOptions(m, passthru, blob)
		}); err != nil {
			t.Fatal(err)
		}
		options := maps.Clone(passthru)
		options["receive_progress"] = true
		pieces := newInbox()
		_, answer := caller.StartOptions(uri, options, pieces.put, blob)
		m, err := caller.Await(answer)
		if err != nil || !reflect.DeepEqual(wamptest.Details(m), passthru) || !reflect.DeepEqual(m.Args, []any{blob}) {
			t.Errorf("RESULT %v, %v", m, err)
		}
		piece := wamptest.Details(pieces.next(t))
		delete(piece, "progress")
		if !reflect.DeepEqual(piece, passthru) {
			t.Errorf("progressive RESULT %v", piece)
		}
		callee.Kill()
	})
}

// Nobody gets such a payload who did not announce that he knows what to do with it.
func TestPayloadPassthruToThoseWhoCannot(t *testing.T) {
	apart(t, func(t *testing.T, dev *router.Dev, calleeAt, callerAt int) {
		callee, caller := plain(t, dev, calleeAt, "callee.payload_passthru_mode"), join(t, dev, callerAt)
		uri, _, _ := silent(t, callee, nil)
		_, answer := caller.StartOptions(uri, passthru, nil, []byte{1})
		fails(t, caller, answer, wamp.ErrFeatureNotSupported)

		other, unable := join(t, dev, calleeAt), plain(t, dev, callerAt, "caller.payload_passthru_mode")
		uri = fresh()
		if _, err := other.Register(uri, nil, func(m *wamptest.Message) { other.YieldOptions(m, passthru, []byte{1}) }); err != nil {
			t.Fatal(err)
		}
		fails(t, unable, unable.StartCall(uri), wamp.ErrFeatureNotSupported)
		if _, err := caller.Call(uri); err != nil {
			t.Error(err)
		}
	})
}

// Whoever uses it without having announced it broke the protocol.
func TestPayloadPassthruUnannounced(t *testing.T) {
	dev := start(t, 1)
	caller := plain(t, dev, 0, "caller.payload_passthru_mode")
	caller.StartOptions(uri, passthru, nil, []byte{1})
	if end := caller.End(); end == nil || end.Type != wamp.Abort || end.URI != wamp.ErrProtocolViolation {
		t.Errorf("the caller's session ended with %v", end)
	}
	callee := plain(t, dev, 0, "callee.payload_passthru_mode")
	if _, err := callee.Register(uri, nil, func(m *wamptest.Message) { callee.YieldOptions(m, passthru, []byte{1}) }); err != nil {
		t.Fatal(err)
	}
	good := join(t, dev, 0)
	fails(t, good, good.StartCall(uri), wamp.ErrCanceled)
	if end := callee.End(); end == nil || end.Type != wamp.Abort || end.URI != wamp.ErrProtocolViolation {
		t.Errorf("the callee's session ended with %v", end)
	}
}
