package dealer

import (
	"fmt"
	"strings"
	"sync"

	"github.com/wamp-operator/wamp-operator/router/cluster"
)

// mostLosses is how often a call of an idempotent procedure may be lost with its callee: one that
// makes its callees crash must not go through all that there are.
const mostLosses = 16

// spare is a copy of a call of a procedure that is declared idempotent, to be sent when the call is
// lost with its callee.
type spare struct {
	call   cluster.Call
	bytes  copies // what call points to
	losses int
}

// spares recycles the copies of calls that were not lost. The others have been lent to the cluster.
var spares = sync.Pool{New: func() any { return new(spare) }}

// keepSpare copies a call that is about to be sent for the first time. Not a progressive one, of which
// further pieces are still to come.
func keepSpare(c *cluster.Call) {
	at := local(c.Caller)
	if at == nil || c.Lost > 0 || c.Flags&cluster.Progress != 0 || at.spare.Load() != nil {
		return
	}
	s := spares.Get().(*spare)
	uri := s.call.URI
	if uri != c.URI {
		uri = strings.Clone(c.URI)
	}
	s.bytes = s.bytes[:0]
	s.call = cluster.Call{
		URI: uri, Caller: c.Caller, Details: c.Details, Payload: s.bytes.ofPayload(c.Payload), Flags: c.Flags,
		Timeout: c.Timeout, Describe: c.Describe,
	}
	s.call.Details.Raw = s.bytes.of(c.Details.Raw)
	at.spare.Store(s)
}

// forgetSpare is called when the call ends, or has got a part of its answer.
func (c *place) forgetSpare() {
	if c.spare.Load() == nil {
		return
	}
	if s := c.spare.Swap(nil); s != nil && s.losses == 0 && cap(s.bytes) <= keptBytes {
		s.call = cluster.Call{URI: s.call.URI}
		spares.Put(s)
	}
}

// again sends a call that was lost with its callee to the next one; false when that is not allowed,
// or was done often enough: then a is the answer.
func (c *place) again(d *Dealer, a *cluster.Answer) bool {
	s := c.spare.Swap(nil)
	if s == nil || !c.wanted() {
		return false
	}
	if s.losses++; s.losses >= mostLosses {
		a.Payload = sentence(fmt.Sprintf("the call was lost with its callee %d times, and is not sent again", s.losses))
		return false
	}
	d.counts.lost.Add(1)
	call := s.call
	call.Lost = s.losses
	c.spare.Store(s)
	go d.realm.Again(&call) // whoever brings the answer must not be held up
	return true
}
