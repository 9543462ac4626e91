package dealer

import (
	"fmt"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Limits are of one session; 0 is none.
type Limits struct {
	// CallsInFlight is how many calls of a session may have no answer yet before the session
	// is slowed down: its connection is read no further until one ends. Not for long, since
	// what is not read may be the answer, or the CANCEL, that it waits for: see callsRoom.
	CallsInFlight int
	// Registrations is how many procedures a session may have registered.
	Registrations int
}

const (
	// callsRoom is how long a CALL beyond Limits.CallsInFlight waits for another one to end.
	// When it waited in vain, those after it do not wait, until there is room again,
	callsRoom = time.Second
	// callsBeyond times the limit is where calls are refused.
	callsBeyond = 4
)

// admit slows a session down that has too many calls in flight; false when it has far too many.
func (p *Peer) admit() bool {
	limit := int64(p.dealer.limits.CallsInFlight)
	open := p.callsOpen.Load()
	if limit == 0 || open < limit {
		p.crowded = false
		return true
	}
	if !p.crowded && !p.answers() {
		p.crowded = !p.awaitRoom(limit)
	}
	return p.callsOpen.Load() < limit*callsBeyond
}

// answers tells whether this session has invocations to answer. Then its own calls may wait for
// it, as in a session that calls itself, and it must be read.
func (p *Peer) answers() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.invocations.Len() > 0
}

// awaitRoom waits until fewer than limit calls are open; false when that took too long.
func (p *Peer) awaitRoom(limit int64) bool {
	p.awaited.Store(true)
	defer p.awaited.Store(false)
	p.session.Via().Flush()
	late := time.NewTimer(callsRoom)
	defer late.Stop()
	for p.callsOpen.Load() >= limit {
		select {
		case <-p.ended:
		case <-late.C:
			return false
		case <-p.session.Context().Done():
			return false
		}
	}
	return true
}

// callEnded is called when a call was answered.
func (p *Peer) callEnded() {
	p.callsOpen.Add(-1)
	if p.awaited.Load() {
		select {
		case p.ended <- struct{}{}:
		default:
		}
	}
}

func (p *Peer) tooManyCalls(request wamp.ID) {
	p.dealer.counts.refusedCalls.Add(1)
	p.refuseCall(request, wamp.ErrUnavailable, fmt.Sprintf(
		"%d calls of this session have no answer yet: wait for answers before calling again", p.callsOpen.Load()))
}
