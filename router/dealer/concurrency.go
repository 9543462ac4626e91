package dealer

import (
	"context"
	"maps"
	"time"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// A registration may have a concurrency: the number of invocations that are open at a time
// (REGISTER.Options.concurrency, or what is declared, whichever is less). Calls beyond it wait in a queue, where the policy leaves no
// callee that is free. Calls also wait there that come before REGISTERED was written. What waits
// is bounded: beyond the bounds the callee counts as busy, and the callers are slowed down.
const (
	maxQueued      = 1000     // calls that wait for one registration
	maxQueuedBytes = 16 << 20 // and what they may take up
	maxPieces      = 1000     // pieces of one progressive call that wait
)

// waiting is a call in a queue, with the further pieces of it that have come.
type waiting struct {
	delivery cluster.Delivery // owned, the payload in the callee's format
	pieces   []piece
}

// piece is a further piece of a progressive call.
type piece struct {
	payload wamp.Payload
	flags   cluster.CallFlags
}

func (w *waiting) size() int {
	n := len(w.delivery.Details.Raw) + w.delivery.Payload.Size()
	for _, more := range w.pieces {
		n += more.payload.Size()
	}
	return n
}

// SetConcurrency replaces what is declared, by registration id: how many invocations each callee of a
// procedure may have open. When it tells that something changed, call Bound of every session of the realm.
func (d *Dealer) SetConcurrency(declared map[wamp.ID]int) (changed bool) {
	if before := d.concurrency.Load(); before != nil && maps.Equal(*before, declared) || before == nil && len(declared) == 0 {
		return false
	}
	d.concurrency.Store(&declared)
	return true
}

// bound gives the limit of a registration whose callee asks for one; 0 is none.
func (d *Dealer) bound(id wamp.ID, asked int) int {
	declared := d.concurrency.Load()
	if declared == nil {
		return asked
	}
	most := (*declared)[id]
	if most == 0 || asked > 0 && asked < most {
		return asked
	}
	return most
}

// Bound applies what SetConcurrency declared to the registrations of the session. What is open beyond
// a smaller limit goes on; calls that waited are written as far as a larger one allows.
func (p *Peer) Bound() {
	p.mu.Lock()
	var failed []unsent
	for id, reg := range p.registrations {
		reg.limit = p.dealer.bound(id, reg.asked)
		failed = append(failed, p.dispatch(reg)...)
	}
	p.mu.Unlock()
	p.unfitAll(failed)
}

// busy tells whether the concurrency is used up.
func (r *registration) busy() bool { return r.limit > 0 && r.open >= r.limit }

// enqueue keeps a call until it can be written; called with mu held.
func (p *Peer) enqueue(reg *registration, d *cluster.Delivery, payload wamp.Payload) error {
	size := payload.Size() + len(d.Details.Raw)
	if len(reg.queue) >= maxQueued || len(reg.queue) > 0 && reg.queuedBytes+size > maxQueuedBytes {
		return cluster.ErrBusy
	}
	call := *d
	call.Payload = payload
	w := &waiting{delivery: own(&call)}
	reg.queue = append(reg.queue, w)
	p.count(reg, 1, w.size())
	return nil
}

// count keeps the sums when calls come into a queue or leave it; called with mu held.
func (p *Peer) count(reg *registration, calls, bytes int) {
	reg.queuedBytes += bytes
	p.waiting += calls
	p.dealer.counts.queued.Add(int64(calls))
	if (calls < 0 || bytes < 0) && p.room != nil {
		close(p.room)
		p.room = nil
	}
}

// dispatch writes the calls that waited, as many as may be open; called with mu held. It gives
// those that could not be written.
func (p *Peer) dispatch(reg *registration) (failed []unsent) {
	for reg.confirmed && len(reg.queue) > 0 && !reg.busy() {
		w := reg.queue[0]
		reg.queue[0] = nil
		reg.queue = reg.queue[1:]
		p.count(reg, -1, -w.size())
		if !w.delivery.Caller.Open() {
			continue
		}
		err := p.invoke(reg, &w.delivery, w.delivery.Payload)
		for _, more := range w.pieces {
			if err == nil {
				id, inv := p.find(w.delivery.Caller)
				err = p.invokeMore(id, inv, more.payload, more.flags)
			}
		}
		if err != nil {
			failed = append(failed, unsent{w, err})
		}
	}
	return failed
}

// drop empties the queue of a registration that ends; called with mu held.
func (p *Peer) drop(reg *registration) []*waiting {
	queue := reg.queue
	reg.queue = nil
	p.count(reg, -len(queue), -reg.queuedBytes)
	return queue
}

// unqueue takes a call that was canceled out of its queue; nil when it is in none. Called with mu
// held.
func (p *Peer) unqueue(caller cluster.Caller) *waiting {
	reg, at := p.queued(caller)
	if reg == nil {
		return nil
	}
	w := reg.queue[at]
	reg.queue = append(reg.queue[:at:at], reg.queue[at+1:]...)
	p.count(reg, -1, -w.size())
	return w
}

// queued finds a call in the queues; called with mu held.
func (p *Peer) queued(caller cluster.Caller) (*registration, int) {
	if p.waiting == 0 {
		return nil, 0
	}
	for _, reg := range p.registrations {
		for i, w := range reg.queue {
			if cluster.SameCall(w.delivery.Caller, caller) {
				return reg, i
			}
		}
	}
	return nil, 0
}

// waitQueue waits while a queue of this session is full.
func (p *Peer) waitQueue(ctx context.Context) error {
	p.mu.Lock()
	full := false
	for _, reg := range p.registrations {
		full = full || len(reg.queue) >= maxQueued || reg.queuedBytes >= maxQueuedBytes
	}
	if !full {
		p.mu.Unlock()
		return nil
	}
	if p.room == nil {
		p.room = make(chan struct{})
	}
	room := p.room
	p.mu.Unlock()
	look := time.NewTimer(heldPause)
	defer look.Stop()
	select {
	case <-room:
	case <-look.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}
