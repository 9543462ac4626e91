package dealer

import (
	"testing"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// procedures answers a meta procedure.
type procedures func(procedure string) (wamp.Payload, error)

func (f procedures) Call(_ *session.Session, procedure string, _ wamp.Dict, _ wamp.Payload) (wamp.Payload, error) {
	return f(procedure)
}

func (f procedures) RemoveCallee(wamp.ID, wamp.ID, string) {}

// Calls of wamp. procedures never reach the cluster.
func TestMetaProcedures(t *testing.T) {
	p := join(t, &realm{call: func(c *cluster.Call) cluster.Waiter {
		t.Errorf("%s went to the cluster", c.URI)
		return nil
	}})
	call := func(request wamp.ID) {
		p.Call(&wamp.Message{Type: wamp.Call, Request: request, URI: "wamp.session.count"})
	}
	call(1)
	p.dealer.meta = procedures(func(string) (wamp.Payload, error) { return wamp.MustPayload(wamp.JSON, []any{5}, nil), nil })
	call(2)
	p.dealer.meta = procedures(func(string) (wamp.Payload, error) {
		return wamp.Payload{}, &cluster.Error{URI: wamp.ErrNoSuchSession, Message: "none"}
	})
	call(3)
	sent := p.conn.Sent()
	if types(sent) != "ERROR RESULT ERROR" || sent[0].URI != wamp.ErrNoSuchProcedure || sent[1].Args[0] != int64(5) || sent[2].URI != wamp.ErrNoSuchSession {
		t.Errorf("sent %s", types(sent))
	}
	if results, failures := p.Answered(); results != 1 || failures != 2 {
		t.Errorf("%d results, %d failures", results, failures)
	}
}
