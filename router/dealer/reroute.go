package dealer

import (
	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// keep remembers of a call what may be needed after its delivery. Progressive calls stay with
// their first callee, since it may have got pieces that nobody else has: of them only the details
// are kept.
func keep(reg *registration, d *cluster.Delivery, payload wamp.Payload, s *session.Session) *kept {
	k := &kept{registration: reg, reroute: s.Has(session.CalleeReroute) && d.Flags&cluster.Progress == 0}
	bare := *d
	bare.Payload = wamp.Payload{}
	if k.reroute {
		bare.Payload = payload
	}
	k.delivery = own(&bare)
	return k
}

// handOver takes note that a call is not here any more; called with mu held.
func (p *Peer) handOver(d *cluster.Delivery) {
	if c := local(d.Caller); c != nil {
		c.leave(p)
	}
}

// reroute gives a call back that this callee answered with wamp.error.unavailable (WAMP advanced
// profile, "Call Re-Routing").
func (p *Peer) reroute(d *cluster.Delivery) {
	p.dealer.counts.rerouted.Add(1)
	p.dealer.realm.Reroute(d)
}

// handBack gives calls back that waited for a registration that is gone: they were not delivered,
// so another callee can have them.
func (p *Peer) handBack(queue []*waiting) {
	for _, w := range queue {
		p.handOver(&w.delivery)
		switch {
		case !w.delivery.Caller.Open():
		case len(w.pieces) > 0:
			w.delivery.Caller.Answer(failure(wamp.ErrCanceled, "the callee was gone before it got the call"))
		default:
			p.dealer.realm.Reroute(&w.delivery)
		}
	}
}
