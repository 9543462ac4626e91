package load

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
	"github.com/wamp-operator/wamp-operator/test/chaos/client"
	"github.com/wamp-operator/wamp-operator/test/chaos/history"
)

// registerAgain is how long a callee waits until it registers again what was refused.
const registerAgain = 50 * time.Millisecond

// callee is a client that answers the calls of many lanes, each with the number of its registration.
type callee struct {
	w      *World
	number int
	lanes  []*lane
	ready  chan struct{}
	once   sync.Once
}

// start connects it to the i-th replica. ready is closed when it is registered for the first time.
func (c *callee) start(ctx context.Context, i int, ready chan struct{}) {
	c.ready = ready
	c.w.run(ctx, client.Config{
		Routers: c.w.from(i, uint64(c.number)), Seed: c.w.Seed + uint64(c.number),
		Handler: func() client.Handler { return newDesk(c) },
		Joined:  func(s *client.Session) { s.Handler.(*desk).open(s) },
		Ended:   func(s *client.Session, _ bool) { s.Handler.(*desk).close(s) },
	})
}

// desk is a callee in one session.
type desk struct {
	client.Silent
	callee *callee
	places map[int]int // of a lane in the following
	// numbers of the registrations that were asked for, 0 when not yet.
	numbers []atomic.Int64
	waiting atomic.Int64 // registrations

	mu     sync.Mutex
	listed map[int]int64 // lane and number of its registration, when REGISTERED came
	closed bool
}

func newDesk(c *callee) *desk {
	d := &desk{callee: c, places: map[int]int{}, numbers: make([]atomic.Int64, len(c.lanes)), listed: map[int]int64{}}
	for i, l := range c.lanes {
		d.places[l.id] = i
	}
	d.waiting.Store(int64(len(c.lanes)))
	return d
}

func (d *desk) open(s *client.Session) {
	for i := range d.callee.lanes {
		d.register(s, i)
	}
}

func (d *desk) register(s *client.Session, place int) {
	c, l := d.callee, d.callee.lanes[place]
	number := c.w.registrations.Add(1)
	d.numbers[place].Store(number)
	op := history.Op{Kind: history.Register, Client: c.number, Replica: s.Replica, Start: c.w.now(), Callee: number}
	s.Register(l.uri, "roundrobin", client.ReceiverFunc(func(a *client.Answer) {
		switch {
		case a.Lost != nil:
			return
		case a.Error != "":
			time.AfterFunc(registerAgain, func() { d.register(s, place) })
			return
		}
		op.End = c.w.now()
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.closed {
			return
		}
		d.listed[place] = number
		l.add(op)
		if d.waiting.Add(-1) == 0 {
			c.once.Do(func() { close(c.ready) })
		}
	}))
}

// close says that the registrations have ended. The last time at which they are known to have been
// there is when something was heard.
func (d *desk) close(s *client.Session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	heard := d.callee.w.at(s.Heard())
	for place, number := range d.listed {
		d.callee.lanes[place].add(history.Op{
			Kind: history.Unregister, Client: d.callee.number, Replica: s.Replica, Start: heard, End: history.Never, Callee: number,
		})
	}
}

// Invoked implements client.Handler.
func (d *desk) Invoked(s *client.Session, invocation wamp.ID, arguments []byte) {
	id, ok := client.Number(arguments, 0)
	call, _ := client.Number(arguments, 1)
	place, known := d.places[int(id)]
	if !ok || !known {
		s.Fail(invocation, wamp.ErrInvalidArgument)
		return
	}
	d.callee.lanes[place].deliver(call)
	var result [16]byte
	s.Yield(invocation, client.AppendNumbers(result[:0], uint64(d.numbers[place].Load())))
}
