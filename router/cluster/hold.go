package cluster

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A call that finds no callee waits when its procedure is declared with a hold, or when it was lost
// with a callee before. It holds up nobody: it is parked under its URI, at its caller's replica, and
// sent on when the list there changes. Calls of one URI stay in the order in which they came.

// holds are the parked calls.
type holds struct {
	// queues counts those there are, so that calls look only when there are any; bytes is the size
	// of their calls.
	queues, bytes atomic.Int64

	mu       sync.Mutex
	byURI    map[holdKey]*holdQueue
	byNumber map[uint64]*held
	// alarm is when they are looked through next; zero when nothing is parked.
	alarm time.Time
}

// heldMost is how many bytes of calls may be parked on a replica before the connections of their
// callers have to wait.
const heldMost = 64 << 20

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
	size   int64
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

// full tells whether a call that came now would have to wait in its connection.
func (x *calls) full(r *routing) bool {
	return r.held == nil && x.holds.bytes.Load() > heldMost && x.holdOf(r) > 0
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
	h.size = int64(c.payload.Size() + len(c.details.Raw))
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
	s.bytes.Add(h.size)
}

// remove takes a call back, if it is parked.
func (s *holds) remove(number uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.byNumber[number]; h != nil {
		s.drop(h)
	}
}

// drop empties the place of a call in its queue; called with mu held.
func (s *holds) drop(h *held) {
	q := h.queue
	delete(s.byNumber, h.number)
	s.bytes.Add(-h.size)
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
