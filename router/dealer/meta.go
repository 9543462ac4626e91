package dealer

import (
	"errors"
	"fmt"
	"strings"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// MetaProcedures are the procedures of the router itself: those whose URI begins with wamp.
type MetaProcedures interface {
	// Call runs in the goroutine that reads the caller's connection. What it is given is
	// valid only during the call. An error is a *cluster.Error.
	Call(caller *session.Session, procedure string, options wamp.Dict, p wamp.Payload) (result wamp.Payload, err error)
	// RemoveCallee asks the replica of a callee, which may be this one, to take a registration away
	// from it, and does not wait for that.
	RemoveCallee(registration, callee wamp.ID, reason string)
}

func isMeta(uri string) bool { return strings.HasPrefix(uri, "wamp.") }

// callMeta answers a call of a wamp. procedure.
func (p *Peer) callMeta(m *wamp.Message) {
	if p.dealer.meta == nil {
		p.refuseCall(m.Request, wamp.ErrNoSuchProcedure, fmt.Sprintf("the router has no procedure %q", m.URI))
		return
	}
	p.session.Via().Flush() // a procedure may take a while
	p.callsOpen.Add(1)
	c := &call{peer: p, request: m.Request}
	result, err := p.dealer.meta.Call(p.session, m.URI, m.Dict, m.Payload)
	if err != nil {
		var refusal *cluster.Error
		if !errors.As(err, &refusal) {
			refusal = &cluster.Error{URI: wamp.ErrUnavailable, Message: err.Error()}
		}
		c.Answer(failure(refusal.URI, refusal.Message))
		return
	}
	c.Answer(&cluster.Answer{Payload: result})
}
