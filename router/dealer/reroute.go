package dealer

import (
	"strings"
	"sync"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// keep remembers of a call what may be needed after its delivery. Progressive calls stay with
// their first callee, since it may have got pieces that nobody else has: of them only the details
// are kept.
func keep(reg *registration, d *cluster.Delivery, payload wamp.Payload, s *session.Session) *kept {
	k := keeps.Get().(*kept)
	k.registration, k.reroute = reg, s.Has(session.CalleeReroute) && d.Flags&cluster.Progress == 0
	tried := append(k.delivery.Tried[:0], d.Tried...)
	k.delivery = *d
	k.delivery.Via = nil
	k.delivery.URI, k.delivery.Tried, k.delivery.Payload = strings.Clone(d.URI), tried, wamp.Payload{}
	k.bytes = k.bytes[:0]
	k.delivery.Details.Raw = k.bytes.of(d.Details.Raw)
	if k.reroute {
		k.delivery.Payload = k.bytes.ofPayload(payload)
	}
	return k
}

// copies is room for copies of what belongs to others.
type copies []byte

// of copies bytes; nil stays nil. What was copied before stays where it is.
func (c *copies) of(b []byte) []byte {
	if b == nil {
		return nil
	}
	if cap(*c)-len(*c) < len(b) {
		*c = make([]byte, 0, max(2*cap(*c), len(b)))
	}
	start := len(*c)
	*c = append(*c, b...)
	return (*c)[start:len(*c):len(*c)]
}

func (c *copies) ofPayload(p wamp.Payload) wamp.Payload {
	return wamp.Payload{Format: p.Format, Args: c.of(p.Args), Kwargs: c.of(p.Kwargs)}
}

// keeps recycles what was kept of calls that ended. Those that are handed back are the cluster's.
var keeps = sync.Pool{New: func() any { return new(kept) }}

// keptBytes is the most that is recycled.
const keptBytes = 64 << 10

func (k *kept) release() {
	if k == nil || cap(k.bytes) > keptBytes {
		return
	}
	*k = kept{bytes: k.bytes, delivery: cluster.Delivery{Tried: k.delivery.Tried[:0]}}
	keeps.Put(k)
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
// so another callee can have them. Not progressive ones, of which pieces may be on their way here.
func (p *Peer) handBack(queue []*waiting) {
	for _, w := range queue {
		p.handOver(&w.delivery)
		switch {
		case !w.delivery.Caller.Open():
		case w.delivery.Flags&cluster.Progress != 0:
			w.delivery.Caller.Answer(failure(wamp.ErrCanceled, "the callee was gone before it got the call"))
		default:
			p.dealer.realm.Return(&w.delivery)
		}
	}
}
