package dealer

import (
	"errors"
	"testing"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
)

// A registration that is taken away: the client is told once, what is open goes on, and nothing
// comes after it.
func TestRevoke(t *testing.T) {
	p := newPair(t, map[string]any{"concurrency": 1})
	back := 0
	p.realm.back = func(*cluster.Delivery) { back++ }
	p.call(1, nil)
	p.call(2, nil)
	if p.callee.Revoke(id+1, "") {
		t.Error("a registration that is not there was revoked")
	}
	if !p.callee.Revoke(id, "com.example.reason") {
		t.Error("not revoked")
	}
	sent := p.callee.conn.Sent()
	if types(sent) != "INVOCATION UNREGISTERED" {
		t.Fatalf("sent %s", types(sent))
	}
	if details := wamptest.Details(sent[1]); sent[1].Request != 0 || details["registration"] != int64(id) || details["reason"] != "com.example.reason" {
		t.Errorf("UNREGISTERED %d %v", sent[1].Request, details)
	}
	if back != 1 {
		t.Errorf("%d calls that waited were handed back", back)
	}
	p.yield(1)
	p.expect(t, "RESULT", "")
	var caller answers
	if err := p.callee.Deliver(delivery(&caller)); !errors.Is(err, cluster.ErrGone) {
		t.Errorf("after the revocation: %v", err)
	}
}
