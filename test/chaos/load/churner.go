package load

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
	"github.com/wamp-operator/wamp-operator/test/chaos/client"
	"github.com/wamp-operator/wamp-operator/test/chaos/history"
)

// stand is a client of a Churn in one session.
type stand struct {
	client.Silent
	mu     sync.Mutex
	places map[uint64]*place // by the number that calls carry, of the procedure
	closed bool
}

// place is a registration.
type place struct {
	brood     *brood
	procedure string
	number    int64
	id        atomic.Uint64 // 0 until REGISTERED came
}

// Invoked implements client.Handler.
func (d *stand) Invoked(s *client.Session, invocation wamp.ID, arguments []byte) {
	key, _ := client.Number(arguments, 0)
	d.mu.Lock()
	p := d.places[key]
	d.mu.Unlock()
	if p == nil {
		s.Fail(invocation, wamp.ErrNoSuchRegistration)
		return
	}
	s.Yield(invocation, client.AppendNumbers(nil, uint64(p.number)))
}

// close says that its registrations have ended with the session.
func (d *stand) close(u *churner, s *client.Session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for _, p := range d.places {
		// It has no end: nobody says when the others heard of it.
		p.brood.begin(history.Op{
			Kind: history.Unregister, Procedure: p.procedure, Client: u.number, Replica: s.Replica, Start: u.w.at(s.Heard()), Callee: p.number,
		})
	}
}

func (d *stand) get(key uint64) *place {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.places[key]
}

func (d *stand) put(key uint64, p *place) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	if d.places == nil {
		d.places = map[uint64]*place{}
	}
	d.places[key] = p
	return true
}

func (d *stand) drop(key uint64, p *place) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.places[key] == p {
		delete(d.places, key)
	}
}

// work does one operation after the other until ctx ends, and unregisters what is left.
func (u *churner) work(ctx context.Context, g *brood) {
	for ctx.Err() == nil {
		wait := least + time.Duration(u.random.Int64N(int64(most-least)))
		select {
		case <-ctx.Done():
		case <-time.After(wait):
			u.one(g, u.random.IntN(len(g.procedures)))
		}
	}
	for i := range g.procedures {
		if s := u.session.Load(); s != nil {
			if p := s.Handler.(*stand).get(g.key(i)); p != nil && p.id.Load() != 0 {
				u.unregister(s, g, i, p)
			}
		}
	}
}

// key is the number that calls of a procedure carry: its own in the run.
func (g *brood) key(i int) uint64 {
	key := uint64(i)
	for _, c := range []byte(g.procedures[i]) {
		key = key*131 + uint64(c)
	}
	return key
}

// one does one operation.
func (u *churner) one(g *brood, i int) {
	s := u.session.Load()
	if s == nil {
		return
	}
	p := s.Handler.(*stand).get(g.key(i))
	switch dice := u.random.IntN(100); {
	case p == nil && dice < 35:
		u.register(s, g, i)
	case p != nil && p.id.Load() != 0 && dice < 25:
		u.unregister(s, g, i, p)
	default:
		u.call(s, g, i)
	}
}

// do makes a request and waits for its end, for some time.
func (u *churner) do(request func(client.Receiver) bool, ended func(a *client.Answer)) {
	done := make(chan struct{})
	if !request(client.ReceiverFunc(func(a *client.Answer) {
		ended(a)
		close(done)
	})) {
		ended(&client.Answer{Lost: client.ErrLost})
		return
	}
	select {
	case <-done:
	case <-time.After(churnPatience):
	}
}

func (u *churner) begin(s *client.Session, g *brood, i int, op history.Op) *record {
	op.Procedure, op.Client, op.Replica, op.Start = g.procedures[i], u.number, s.Replica, u.w.now()
	return g.begin(op)
}

func (u *churner) register(s *client.Session, g *brood, i int) {
	policy := g.procedures[i][strings.LastIndexByte(g.procedures[i], '.')+1:]
	if u.random.IntN(20) == 0 { // somebody who does not know better
		policy = policies[u.random.IntN(len(policies))]
	}
	d, key := s.Handler.(*stand), g.key(i)
	p := &place{brood: g, procedure: g.procedures[i], number: u.w.registrations.Add(1)}
	if !d.put(key, p) {
		return
	}
	r := u.begin(s, g, i, history.Op{Kind: history.Register, Policy: policy, Callee: p.number})
	u.do(func(to client.Receiver) bool { return s.Register(p.procedure, policy, to) }, func(a *client.Answer) {
		r.end(a)
		if a.Error != "" {
			d.drop(key, p)
			return
		}
		p.id.Store(uint64(a.ID))
	})
}

func (u *churner) unregister(s *client.Session, g *brood, i int, p *place) {
	r := u.begin(s, g, i, history.Op{Kind: history.Unregister, Callee: p.number})
	u.do(func(to client.Receiver) bool { return s.Unregister(wamp.ID(p.id.Load()), to) }, func(a *client.Answer) {
		r.end(a)
		s.Handler.(*stand).drop(g.key(i), p)
	})
}

func (u *churner) call(s *client.Session, g *brood, i int) {
	r := u.begin(s, g, i, history.Op{Kind: history.Call})
	u.do(func(to client.Receiver) bool {
		return s.Call(g.procedures[i], client.AppendNumbers(nil, g.key(i)), to)
	}, r.end)
}
