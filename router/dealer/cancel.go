package dealer

import (
	"fmt"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Cancel handles CANCEL (WAMP advanced profile, "Call Canceling"). One for a call that is not
// open is ignored: it crossed the answer.
func (p *Peer) Cancel(m *wamp.Message) {
	mode, err := cancelMode(m.Dict)
	if err != nil {
		p.session.Refuse(wamp.Cancel, m.Request, wamp.ErrInvalidArgument, err.Error())
		return
	}
	found := p.calls.Get(m.Request)
	if found == nil || !(*found).Open() {
		return
	}
	c := *found
	if mode == cluster.Kill && c.killed.Swap(true) {
		return // its callee was told, and has the last word
	}
	p.dealer.counts.canceled.Add(1)
	i := cluster.Interruption{Caller: c, Mode: mode, Reason: wamp.ErrCanceled}
	if mode == cluster.Kill {
		if c.interrupt(p.dealer.realm, &i) {
			return // whoever has the call answers it
		}
		i.Mode = cluster.KillNoWait // nobody has got it yet: then it ends here
	}
	c.Answer(failure(wamp.ErrCanceled, "the call was canceled by its caller"))
	c.interrupt(p.dealer.realm, &i)
}

// Sent implements cluster.Caller. A call that is sent again after it was killed was not taken by
// the callee that the cancellation went to.
func (c *call) Sent(number uint64) {
	c.place.Sent(number)
	if c.killed.Load() {
		c.Answer(failure(wamp.ErrCanceled, "the call was canceled before a callee got it"))
	}
}

func cancelMode(options wamp.Dict) (cluster.CancelMode, error) {
	value, ok := options.Get("mode")
	if !ok || value.IsNull() {
		return cluster.KillNoWait, nil
	}
	switch mode, _ := value.Str(); mode {
	case "killnowait":
		return cluster.KillNoWait, nil
	case "kill":
		return cluster.Kill, nil
	case "skip":
		return cluster.Skip, nil
	}
	return 0, fmt.Errorf("unknown mode of CANCEL: write skip, kill or killnowait")
}

// Interrupt implements cluster.Callee. A callee that did not announce call canceling goes on
// with the call; what it answers is not wanted any more.
func (p *Peer) Interrupt(i *cluster.Interruption) bool {
	p.mu.Lock()
	if w := p.unqueue(i.Caller); w != nil {
		p.mu.Unlock()
		if i.Mode == cluster.Kill {
			w.delivery.Caller.Answer(failure(wamp.ErrCanceled, "the call was canceled before the callee got it"))
		}
		return true
	}
	id, inv := p.find(i.Caller)
	if inv == nil {
		p.mu.Unlock()
		return false
	}
	caller := inv.caller
	tell := i.Mode != cluster.Skip && p.session.Has(session.CalleeCanceling)
	var unsent []unsent
	switch {
	case !tell:
		inv.caller = nobody{}
	case i.Mode == cluster.KillNoWait: // the callee need not answer
		p.sendInterrupt(id, "killnowait", i.Reason)
		_, unsent = p.take(id)
	default:
		inv.kept = nil // it must not run anywhere else now
		p.sendInterrupt(id, "kill", i.Reason)
	}
	p.mu.Unlock()
	p.unfitAll(unsent)
	if !tell && i.Mode == cluster.Kill {
		caller.Answer(failure(i.Reason, "the call was canceled by its caller; its callee cannot be interrupted and goes on"))
	}
	return true
}

func (p *Peer) sendInterrupt(invocation wamp.ID, mode, reason string) {
	w := wamp.StartDict(p.session.Format(), nil)
	w.Str("mode", mode)
	w.Str("reason", reason)
	_ = send(p.session, nil, wamp.Message{Type: wamp.Interrupt, Request: invocation, Dict: w.Dict()})
}
