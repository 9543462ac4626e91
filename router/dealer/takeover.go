package dealer

import (
	"context"
	"errors"
	"time"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

const (
	// takeOverWait bounds how long a REGISTER waits for the callees that it takes over from: their
	// replica may have failed in silence, which the others find out in less.
	takeOverWait = 3 * time.Second
	// takeOverTell is how often they are told to go: one whose REGISTERED is still on its way is not
	// a callee that could.
	takeOverTell = 100 * time.Millisecond
	takeOverLook = 2 * time.Millisecond
	// takeOverAgain is the time between two tries to register.
	takeOverAgain = 10 * time.Millisecond

	// removeCallee is the procedure that does the same to one callee; who may call it may take over.
	removeCallee = "wamp.registration.remove_callee"
)

// takeOver registers a procedure and ends the registrations of those who came before, as Crossbar.io
// does for REGISTER.Options.force_reregister; the WAMP text does not have it. A service that lost its
// connection comes back that way before the router has noticed the loss. Where callees may share the
// procedure the new one is there before the others go. The connection of the new one is not read
// meanwhile.
func (p *Peer) takeOver(id, request wamp.ID, reg *cluster.Registration, options *registerOptions) {
	p.session.Via().Flush()
	ctx, cancel := context.WithTimeout(p.session.Context(), takeOverWait)
	defer cancel()
	for {
		answer := make(chan error, 1)
		p.dealer.realm.Register(*reg, func(_ wamp.ID, err error) { answer <- err })
		var err error
		select {
		case err = <-answer:
		case <-p.session.Context().Done():
			return
		}
		_, own := p.before(id)
		if own && refusedWith(err, wamp.ErrProcedureAlreadyExists) {
			err = nil // it takes over from itself
		}
		if err != nil && (own || !p.inTheWay(reg, err)) {
			p.registered(id, request, options, err)
			return
		}
		p.removeOthers(ctx, id, err == nil)
		if err == nil || ctx.Err() != nil {
			p.registered(id, request, options, err)
			return
		}
		nap(ctx, takeOverAgain) // the list of the owner may change a little later than ours
	}
}

// inTheWay tells whether a REGISTER was refused for the callees that are there, and not for what is
// declared.
func (p *Peer) inTheWay(reg *cluster.Registration, err error) bool {
	if refusedWith(err, wamp.ErrInvocationPolicyMismatch) {
		declared, ok := p.dealer.realm.Declared(reg.Match, reg.URI)
		return !ok || declared == reg.Invoke
	}
	return refusedWith(err, wamp.ErrProcedureAlreadyExists)
}

func refusedWith(err error, uri string) bool {
	var refusal *cluster.Error
	return errors.As(err, &refusal) && refusal.URI == uri
}

// removeOthers ends the registrations that were there before that of this session, or all of them when
// it was refused one, and waits until calls from this replica go to them no more.
func (p *Peer) removeOthers(ctx context.Context, id wamp.ID, registered bool) {
	var told time.Time
	for ctx.Err() == nil {
		others, own := p.before(id)
		if len(others) == 0 || registered && !own {
			return
		}
		if p.dealer.meta != nil && time.Since(told) >= takeOverTell {
			told = time.Now()
			for _, callee := range others {
				p.dealer.meta.RemoveCallee(id, callee, wamp.ErrProcedureAlreadyExists)
			}
		}
		nap(ctx, takeOverLook)
	}
}

// before are the callees with older places than this session has, and whether it has one. Two who take
// over at once do not end one another: of them the later stays.
func (p *Peer) before(id wamp.ID) (others []wamp.ID, own bool) {
	info, _ := p.dealer.realm.Registration(id)
	for _, c := range info.Callees { // in the order of their places
		if c.Session == p.session.ID {
			return others, true
		}
		others = append(others, c.Session)
	}
	return others, false
}

func nap(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
