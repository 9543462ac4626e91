package cluster

import (
	"fmt"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

func (x *calls) name(r *routing) string {
	if r.uri != "" {
		return r.uri
	}
	if p, ok := x.table.byID.get(r.procedure); ok {
		return p.key.URI
	}
	return "the procedure"
}

func (x *calls) noProcedure(r *routing) {
	text := fmt.Sprintf("no callee has registered %q", x.name(r))
	switch {
	case x.park(r):
		return
	case r.held != nil && r.lost > 0:
		text += fmt.Sprintf(" within %v", r.held.hold)
	case r.held != nil:
		text += fmt.Sprintf(" within %v, the hold that is declared for it", r.held.hold)
	}
	r.fail(wamp.ErrNoSuchProcedure, text)
}

func (x *calls) noneAvailable(r *routing) {
	r.fail(wamp.ErrNoAvailableCallee, fmt.Sprintf(
		"every callee of %q answered that it is not available", x.name(r)))
}

func (x *calls) giveUp(r *routing) {
	waited := routeWait
	if r.held != nil {
		waited = max(waited, r.held.hold)
	}
	r.fail(wamp.ErrNoAvailableCallee, fmt.Sprintf(
		"no callee of %q could take the call within %v: all are full, or on replicas that cannot be reached", x.name(r), waited))
}

// fail answers a call that finds no callee. One that a callee had already may have been executed:
// its caller must know.
func (r *routing) fail(uri, text string) {
	if r.lost > 0 {
		uri, text = wamp.ErrCanceled, "the call was lost with its callee, and could not be sent to another one: "+text
	}
	answerError(r.caller, uri, text)
}

func answerError(caller Caller, uri, text string) {
	caller.Answer(&Answer{Error: uri, Payload: sentence(text)})
}

// answerLost ends a call that a callee had, or may have had.
func answerLost(caller Caller, text string) {
	caller.Answer(&Answer{Error: wamp.ErrCanceled, Lost: true, Payload: sentence(text)})
}

func sentence(text string) wamp.Payload {
	return wamp.MustPayload(wamp.MessagePack, []any{text}, nil)
}
