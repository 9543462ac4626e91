package cluster

import (
	"cmp"
	"slices"
	"time"

	"github.com/wamp-operator/wamp-operator/router/pattern"
)

// expireEvery is how far apart parked calls are looked through for those whose time is over.
const expireEvery = 20 * time.Millisecond

// listChanged sends on what waited for a callee of the procedure. It is called within a step of the
// machine, and leaves the work to later.
func (x *calls) listChanged(p *procedure) {
	s := &x.holds
	if s.queues.Load() == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.key.Match == Exact {
		if q := s.byURI[holdKey{p.key.Realm, p.key.URI}]; q != nil {
			x.wake(q)
		}
		return
	}
	var waiting []*holdQueue
	for _, q := range s.byURI {
		if q.key.realm == p.key.Realm && pattern.Matches(p.key.Match, p.key.URI, q.key.uri) {
			waiting = append(waiting, q)
		}
	}
	slices.SortFunc(waiting, func(a, b *holdQueue) int { return cmp.Compare(a.key.uri, b.key.uri) })
	for _, q := range waiting {
		x.wake(q)
	}
}

// wake is called with mu held.
func (x *calls) wake(q *holdQueue) {
	if q.sending {
		q.changed = true
		return
	}
	x.clock.AfterFunc(0, func() { x.sendHeld(q) })
}

// lookAt tries again in a moment, the later the longer the call has waited: there are callees, but on
// replicas that cannot be reached, or that have not noticed yet that they are gone.
func (x *calls) lookAt(h *held, now time.Time) {
	x.holds.mu.Lock()
	defer x.holds.mu.Unlock()
	x.lookAtLocked(h, now)
}

func (x *calls) lookAtLocked(h *held, now time.Time) {
	q := h.queue
	if q.looks {
		return
	}
	q.looks = true
	x.clock.AfterFunc(min(max(routePause, now.Sub(h.since)/4), crowdMost), func() {
		x.holds.mu.Lock()
		q.looks = false
		x.holds.mu.Unlock()
		x.sendHeld(q)
	})
}

// sendHeld sends parked calls on, until one finds no callee.
func (x *calls) sendHeld(q *holdQueue) {
	s := &x.holds
	s.mu.Lock()
	defer s.mu.Unlock()
	if q.sending {
		q.changed = true
		return
	}
	q.sending, q.room = true, make(chan struct{})
	for len(q.calls) > 0 {
		h := q.calls[0]
		q.calls = q.calls[1:]
		if h.call == nil {
			q.dead--
			continue
		}
		delete(s.byNumber, h.number)
		s.bytes.Add(-h.size)
		q.changed = false
		s.mu.Unlock()
		w := x.sendOn(h)
		s.mu.Lock()
		if w == nil {
			continue
		}
		s.insert(h)
		x.expireAt(h.until)
		caller, number := h.call.caller, h.number
		s.mu.Unlock()
		x.parked(caller, number)
		s.mu.Lock()
		if q.changed {
			continue
		}
		if p, ok := w.(pause); !ok || !p.nobody {
			x.lookAtLocked(h, x.clock.Now())
		}
		break
	}
	q.sending = false
	close(q.room)
	s.endIfEmpty(q)
}

// sendOn tries to send a parked call.
func (x *calls) sendOn(h *held) Waiter {
	r := h.call
	r.since, r.flags = time.Time{}, r.flags&^Queue
	r.skip = skip{random: x.random, tried: r.skip.tried}
	r.trying = true
	w := x.route(r)
	r.trying = false
	return w
}

// expireAt sees to it that parked calls are looked through then; called with mu held.
func (x *calls) expireAt(t time.Time) {
	s := &x.holds
	if !s.alarm.IsZero() && !t.Before(s.alarm) {
		return
	}
	now := x.clock.Now()
	if soon := now.Add(expireEvery); t.Before(soon) {
		t = soon
	}
	s.alarm = t
	x.clock.AfterFunc(t.Sub(now), x.expireHeld)
}

// expireHeld ends the wait of the calls whose time is over.
func (x *calls) expireHeld() {
	s, now := &x.holds, x.clock.Now()
	var over []*held
	var next time.Time
	s.mu.Lock()
	s.alarm = time.Time{}
	for _, h := range s.byNumber {
		switch {
		case !now.Before(h.until):
			over = append(over, h)
		case next.IsZero() || h.until.Before(next):
			next = h.until
		}
	}
	slices.SortFunc(over, func(a, b *held) int { return cmp.Compare(a.order, b.order) })
	routes := make([]*routing, len(over))
	for i, h := range over {
		routes[i] = h.call
		s.drop(h)
	}
	if !next.IsZero() {
		x.expireAt(next)
	}
	s.mu.Unlock()
	for _, r := range routes {
		x.overdue(r)
	}
}

// overdue routes a call a last time: the owner of the procedure may know a callee that is not known
// here. Callees that cannot be reached may be waited for as long as without a hold.
func (x *calls) overdue(r *routing) {
	h := r.held
	w := x.route(r)
	if w == nil {
		return
	}
	if least := h.since.Add(routeWait); x.clock.Now().Before(least) {
		h.until = least
		if x.park(r) {
			return
		}
	}
	x.giveUp(r)
}
