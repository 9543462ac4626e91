package dealer

import (
	"testing"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// The callers of a session that was told to leave do not wait until it has left, and what waited
// there for its turn goes to another callee.
func TestDismissed(t *testing.T) {
	p := newPair(t, map[string]any{"concurrency": 1})
	p.call(1, nil)
	p.call(2, nil)
	p.callee.Dismissed()
	sent := p.caller.conn.Sent()
	if types(sent) != "ERROR ERROR" || sent[0].URI != wamp.ErrCanceled || sent[1].URI != wamp.ErrNoAvailableCallee {
		t.Errorf("the caller was sent %s", types(sent))
	}
	if _, open := p.callee.Open(); open != 0 {
		t.Errorf("%d invocations are open", open)
	}
	p.yield(1)
	p.callee.Leave()
	p.expect(t, "", "INVOCATION")
}

// A client that means payload passthru mode and says it wrongly does not send in the clear what
// it thinks is marked.
func TestPassthruSaidWrongly(t *testing.T) {
	for _, options := range []map[string]any{
		{"ppt_scheme": 1}, {"ppt_serializer": "cbor"}, {"ppt_cipher": "x"}, {"ppt_keyid": "1", "ppt_scheme": ""},
	} {
		p := newPair(t, nil)
		p.call(1, options)
		if sent := p.caller.conn.Sent(); types(sent) != "ERROR" || sent[0].URI != wamp.ErrInvalidArgument {
			t.Errorf("%v: sent %s", options, types(sent))
		}
		p.expect(t, "", "")
	}
}
