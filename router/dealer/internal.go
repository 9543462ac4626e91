package dealer

import (
	"context"
	"fmt"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// internalCall is a call by the router itself.
type internalCall struct {
	place
	dealer *Dealer
	answer chan internalAnswer
}

type internalAnswer struct {
	args   []any
	kwargs map[string]any
	err    error
}

// Room implements cluster.Caller.
func (c *internalCall) Room() cluster.Waiter { return nil }

// Answer implements cluster.Caller.
func (c *internalCall) Answer(a *cluster.Answer) {
	if a.Lost && c.again(c.dealer, a) || a.Progress || c.over.Swap(true) {
		return
	}
	c.forgetSpare()
	var got internalAnswer
	got.args, got.kwargs, got.err = a.Payload.Decode()
	if a.Error != "" {
		message := "the callee failed"
		if len(got.args) > 0 {
			message = fmt.Sprint(got.args[0])
		}
		got = internalAnswer{err: &cluster.Error{URI: a.Error, Message: message}}
	}
	c.answer <- got
}

// CallInternal calls a procedure on behalf of the router: the callee is not told who calls. An
// ERROR of the callee or of the router is a *cluster.Error; when ctx ends first, the callee is
// interrupted. It blocks; from any goroutine.
func (d *Dealer) CallInternal(ctx context.Context, procedure string, args []any, kwargs map[string]any) ([]any, map[string]any, error) {
	payload, err := wamp.NewPayload(wamp.MessagePack, args, kwargs)
	if err != nil {
		return nil, nil, fmt.Errorf("calling %s: %w", procedure, err)
	}
	c := &internalCall{dealer: d, answer: make(chan internalAnswer, 1)}
	request := cluster.Call{URI: procedure, Caller: c, Payload: payload, Describe: describe}
	for waiter := d.realm.Call(&request); waiter != nil; waiter = d.realm.Call(&request) {
		if _ = waiter.WaitRoom(ctx); ctx.Err() != nil {
			break
		}
	}
	select {
	case got := <-c.answer:
		return got.args, got.kwargs, got.err
	case <-ctx.Done():
	}
	if !c.over.Swap(true) {
		c.interrupt(d.realm, &cluster.Interruption{Caller: c, Mode: cluster.KillNoWait, Reason: wamp.ErrTimeout})
	}
	return nil, nil, fmt.Errorf("calling %s: %w", procedure, ctx.Err())
}
