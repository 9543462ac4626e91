package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wamp-operator/wamp-operator/test/chaos/client"
	"github.com/wamp-operator/wamp-operator/test/chaos/history"
)

var policies = []string{"single", "roundrobin", "random", "first", "last"}

const (
	// generation is how long procedures are used before new ones take their place: judging a
	// history takes time that grows fast with its length.
	generation = 1500 * time.Millisecond
	// churnClients is how many clients there are at least.
	churnClients = 9
	// least and most are the bounds of the time between two operations of a client.
	least, most = 20 * time.Millisecond, 100 * time.Millisecond
	// churnPatience is how long the end of a generation waits for answers. Those that do not come
	// in time count as not answered, which is right whatever becomes of them.
	churnPatience = 3 * time.Second
)

// Churn is clients that register, call and unregister a few procedures of every policy, at random.
type Churn struct {
	w       *World
	leave   context.CancelFunc
	clients []*churner

	// turn is held by a generation, and by whoever does not want one to run.
	turn  chan struct{}
	quiet atomic.Bool // somebody wants none to run
	stop  context.CancelFunc
	done  chan struct{}

	mu        sync.Mutex
	end       context.CancelFunc // of the generation that runs
	histories []History
	made      int // generations
}

// History is what happened to a few procedures.
type History struct {
	Ops []history.Op
	// Sides gives the side of each replica, when the cluster was split all the time.
	Sides map[string]string
}

// StartChurn connects the clients and begins.
func (w *World) StartChurn() *Churn {
	running, leave := context.WithCancel(context.Background())
	c := &Churn{w: w, leave: leave, turn: make(chan struct{}, 1), done: make(chan struct{}), end: func() {}}
	for i := range max(churnClients, 2*len(w.Routers)) {
		u := &churner{w: w, number: w.newClient()}
		u.random = rand.New(rand.NewPCG(w.Seed, uint64(u.number)))
		c.clients = append(c.clients, u)
		w.run(running, client.Config{
			Routers: w.from(i, uint64(u.number)), Seed: w.Seed + uint64(u.number),
			Handler: func() client.Handler { return &stand{} },
			Joined:  func(s *client.Session) { u.session.Store(s) },
			Ended:   func(s *client.Session, _ bool) { s.Handler.(*stand).close(u, s) },
		})
	}
	var ctx context.Context
	ctx, c.stop = context.WithCancel(running)
	go c.run(ctx)
	return c
}

func (c *Churn) run(ctx context.Context) {
	defer close(c.done)
	for ctx.Err() == nil {
		select {
		case c.turn <- struct{}{}:
		case <-ctx.Done():
			return
		}
		if !c.quiet.Load() {
			c.generation(ctx, nil)
		}
		<-c.turn
		if c.quiet.Load() { // let the other one have it
			time.Sleep(time.Millisecond)
		}
	}
}

// Pause ends the generation that runs, and lets none run until Resume. It returns when those clients
// that can be answered have no registrations any more.
func (c *Churn) Pause() {
	c.quiet.Store(true)
	c.mu.Lock()
	c.end()
	c.mu.Unlock()
	c.turn <- struct{}{}
}

// Resume lets generations run again.
func (c *Churn) Resume() {
	c.quiet.Store(false)
	<-c.turn
}

// Split runs one generation while the cluster is split; sides gives the side of each replica. Between
// Pause and Resume.
func (c *Churn) Split(ctx context.Context, sides map[string]string) { c.generation(ctx, sides) }

// Stop ends the last generation.
func (c *Churn) Stop() {
	c.stop()
	<-c.done
}

// Leave disconnects all clients.
func (c *Churn) Leave() {
	c.Stop()
	c.leave()
}

// Histories are those of all generations that have ended.
func (c *Churn) Histories() []History {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.histories)
}

func (c *Churn) generation(ctx context.Context, sides map[string]string) {
	ctx, cancel := context.WithTimeout(ctx, generation)
	defer cancel()
	c.mu.Lock()
	c.end = cancel
	c.mu.Unlock()
	c.made++
	g := &brood{w: c.w}
	for _, policy := range policies {
		g.procedures = append(g.procedures, fmt.Sprintf("chaos.churn.g%d.%s", c.made, policy))
	}
	var all sync.WaitGroup
	for _, u := range c.clients {
		all.Go(func() { u.work(ctx, g) })
	}
	all.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.histories = append(c.histories, History{Ops: g.close(), Sides: sides})
}

// brood is the procedures of one generation, and their history.
type brood struct {
	w          *World
	procedures []string

	mu      sync.Mutex
	records []*record
	closed  bool
}

// record is an operation that may not have ended.
type record struct {
	brood *brood
	op    history.Op
}

func (g *brood) begin(op history.Op) *record {
	g.mu.Lock()
	defer g.mu.Unlock()
	op.Realm, op.End = Realm, history.Never
	r := &record{brood: g, op: op}
	if !g.closed {
		g.records = append(g.records, r)
	}
	return r
}

// end notes how an operation ended; what was lost has no end.
func (r *record) end(a *client.Answer) {
	if a.Lost != nil {
		return
	}
	r.brood.mu.Lock()
	defer r.brood.mu.Unlock()
	if r.brood.closed {
		return
	}
	r.op.End, r.op.Error = r.brood.w.now(), a.Error
	if n, ok := client.Number(a.Arguments, 0); ok && r.op.Kind == history.Call {
		r.op.Callee = int64(n)
	}
}

func (g *brood) close() (ops []history.Op) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for _, r := range g.records {
		ops = append(ops, r.op)
	}
	return ops
}

// churner is one client of a Churn.
type churner struct {
	w       *World
	number  int
	random  *rand.Rand
	session atomic.Pointer[client.Session]
}
