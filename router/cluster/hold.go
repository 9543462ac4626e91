package cluster

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wamp-operator/wamp-operator/router/pattern"
)

// A call that finds no callee waits when its procedure is declared with a hold, or when it was lost
// with a callee before. It holds up nobody: it is parked under its URI, at its caller's replica, and
// sent on when the list there changes. Calls of one URI stay in the order in which they came.

// expireEvery is how far apart parked calls are looked through for those whose time is over.
const expireEvery = 20 * time.Millisecond

// holds are the parked calls.
type holds struct {
	// queues counts those there are, so that calls look only when there are any.
	queues atomic.Int64

	mu       sync.Mutex
	byURI    map[holdKey]*holdQueue
	byNumber map[uint64]*held
	// alarm is when they are looked through next; zero when nothing is parked.
	alarm time.Time
}

type holdKey struct{ realm, uri string }

// holdQueue are the parked calls of one URI.
type holdQueue struct {
	key   holdKey
	calls []*held // by order; those that were canceled have no call any more
	dead  int     // of these
	// sending says that they are being sent on, one after the other; room is closed when that is
	// over. Calls that come meanwhile must not overtake them.
	sending bool
	room    chan struct{}
	changed bool // the list changed while they were being sent on
	looks   bool // they are looked at again in a moment, whatever happens
}

// held is one parked call. It stays the same when the call was sent on and comes back.
type held struct {
	call   *routing // nil when it was taken back, or its time is over
	queue  *holdQueue
	number uint64 // for Realm.Cancel
	order  uint64
	since  time.Time
	hold   time.Duration
	until  time.Time
}

// Held counts the calls of the realm that wait here until there is a callee.
func (r *Realm) Held() (n int) {
	s := &r.node.calls.holds
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.byNumber {
		if h.call.realm == r.name {
			n++
		}
	}
	return n
}

// holdOf is how long a call may wait for a callee in all; 0 when it must not.
func (x *calls) holdOf(r *routing) time.Duration {
	hold := x.table.holdings.Load().of(r.realm, r.uri)
	if r.lost > 0 {
		hold = max(hold, routeWait)
	}
	return hold
}

// park takes a call that can go nowhere now; false when it may not wait, or not any longer.
func (x *calls) park(r *routing) bool {
	if r.uri == "" || r.trying {
		return false
	}
	now, h := x.clock.Now(), r.held
	switch {
	case h == nil:
		hold := x.holdOf(r)
		if hold == 0 {
			return false
		}
		h = &held{since: now, hold: hold, until: now.Add(hold), order: r.number}
	case !now.Before(h.until):
		return false
	default:
		again := *h // the place that it had stays in the queue for a while when it was dropped
		h = &again
	}
	c := r.own()
	c.held, h.call = h, c
	number := x.last.Add(1)
	if h.order == 0 {
		h.order = number
	}
	s := &x.holds
	s.mu.Lock()
	h.number = number
	s.insert(h)
	x.expireAt(h.until)
	s.mu.Unlock()
	x.parked(r.caller, number)
	if x.resolve(&routing{procedure: r.procedure, realm: r.realm, uri: r.uri, pattern: r.pattern}) != nil {
		x.lookAt(h, now) // callees that cannot be reached, or that came in this moment
	}
	return true
}

// parked tells the caller how to take back the call, who may have given it up meanwhile.
func (x *calls) parked(caller Caller, number uint64) {
	caller.Sent(number)
	if !caller.Open() {
		x.holds.remove(number)
	}
}

// insert puts a call in its place; called with mu held.
func (s *holds) insert(h *held) {
	key := holdKey{h.call.realm, h.call.uri}
	q := s.byURI[key]
	if q == nil {
		if s.byURI == nil {
			s.byURI, s.byNumber = map[holdKey]*holdQueue{}, map[uint64]*held{}
		}
		q = &holdQueue{key: key}
		s.byURI[key] = q
		s.queues.Add(1)
	}
	at := len(q.calls)
	for at > 0 && q.calls[at-1].order > h.order {
		at--
	}
	q.calls = slices.Insert(q.calls, at, h)
	h.queue = q
	s.byNumber[h.number] = h
}

// remove takes a call back; false when it is not parked.
func (s *holds) remove(number uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.byNumber[number]
	if h == nil {
		return false
	}
	s.drop(h)
	return true
}

// drop empties the place of a call in its queue; called with mu held.
func (s *holds) drop(h *held) {
	q := h.queue
	delete(s.byNumber, h.number)
	h.call = nil
	if q.dead++; 2*q.dead > len(q.calls) {
		q.calls = slices.DeleteFunc(q.calls, func(h *held) bool { return h.call == nil })
		q.dead = 0
	}
	s.endIfEmpty(q)
}

// endIfEmpty forgets a queue; called with mu held.
func (s *holds) endIfEmpty(q *holdQueue) {
	if len(q.calls) == 0 && !q.sending && s.byURI[q.key] == q {
		delete(s.byURI, q.key)
		s.queues.Add(-1)
	}
}

// behind parks a call that has come when others of its URI wait, or says what it must wait for when
// these are being sent on.
func (x *calls) behind(r *routing) (w Waiter, parked bool) {
	s := &x.holds
	s.mu.Lock()
	q := s.byURI[holdKey{r.realm, r.uri}]
	if q == nil {
		s.mu.Unlock()
		return nil, false
	}
	sending, room := q.sending, q.room
	s.mu.Unlock()
	if sending {
		return holdWait{room}, false
	}
	return nil, x.park(r)
}

type holdWait struct{ over chan struct{} }

// WaitRoom implements Waiter.
func (w holdWait) WaitRoom(ctx context.Context) error {
	select {
	case <-w.over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

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

// absent tells whether a call waits for a callee, or the owner of a rotation, that can be reached.
func absent(w Waiter) bool {
	p, ok := w.(pause)
	return ok && p.absent
}

// aside sees to a call that cannot go on now, and whose bringer cannot wait. One that was parked goes
// back to its place.
func (x *calls) aside(r *routing, w Waiter) {
	if r.held == nil && !absent(w) || !x.park(r) {
		x.later(r.own())
	}
}
