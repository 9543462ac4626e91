package load

import (
	"context"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wamp-operator/wamp-operator/test/chaos/client"
	"github.com/wamp-operator/wamp-operator/test/chaos/history"
)

// Realm is where everything happens.
const Realm = "chaos"

// World is what all parts of a run share: the routers, the clock, the numbers of registrations and
// clients, and which replicas are in trouble.
type World struct {
	Routers []client.Router
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
	Seed    uint64
	Tally   Tally

	began         time.Time
	registrations atomic.Int64
	clients       atomic.Int64

	mu       sync.Mutex
	lanes    []*lane
	troubles []trouble
	over     []history.Op // troubles that have ended
	// troubled is, for each replica, until when it was in trouble: history.Never while it is.
	troubled map[string]*atomic.Int64
	running  sync.WaitGroup
}

// trouble is a time in which a replica may not be reached.
type trouble struct {
	about Trouble
	op    history.Op
	lanes []*lane // that are told
}

// NewWorld starts the clock.
func NewWorld(routers []client.Router, dial func(ctx context.Context, network, address string) (net.Conn, error), seed uint64) *World {
	w := &World{Routers: routers, Dial: dial, Seed: seed, began: time.Now(), troubled: map[string]*atomic.Int64{}}
	for _, r := range routers {
		w.troubled[r.Name] = &atomic.Int64{}
	}
	return w
}

func (w *World) now() int64 { return int64(time.Since(w.began)) }

// at is a time by the clock of the world.
func (w *World) at(t time.Time) int64 { return int64(t.Sub(w.began)) }

// At is a moment by that clock, which all histories have.
func (w *World) At(t time.Time) time.Duration { return t.Sub(w.began) }

// Now is the time since the run began.
func (w *World) Now() time.Duration { return time.Since(w.began) }

// Wait returns when all clients have left, after the contexts that they were started with ended.
func (w *World) Wait() { w.running.Wait() }

// from gives the routers in the order in which a client tries them whose own is i. The others come in
// any order, so that not all clients of a replica that is lost go to the same one.
func (w *World) from(i int, seed uint64) []client.Router {
	i %= len(w.Routers)
	order := append(slices.Clone(w.Routers[i:]), w.Routers[:i]...)
	random := rand.New(rand.NewPCG(w.Seed, seed))
	random.Shuffle(len(order)-1, func(a, b int) { order[1+a], order[1+b] = order[1+b], order[1+a] })
	return order
}

// run keeps a client connected until ctx ends. Its number is unique in the run.
func (w *World) run(ctx context.Context, cfg client.Config) {
	cfg.Dial, cfg.Realm = w.Dial, Realm
	w.running.Go(func() { client.Run(ctx, cfg) })
}

func (w *World) newClient() int { return int(w.clients.Add(1)) }

// Trouble is a replica that may not be reached.
type Trouble struct {
	Replica string
	// Except by these.
	Except []string
	// Well: the trouble is with those who cannot reach it. It counts for the lanes of others, and not
	// for histories, nor for the calls of its own clients.
	Well bool
}

// Begin says that a replica is in trouble from now on. It ends with Well.
func (w *World) Begin(all ...Trouble) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range all {
		t := trouble{about: one, op: history.Op{Kind: history.Trouble, Replica: one.Replica, Start: w.now(), End: history.Never}}
		for _, l := range w.lanes {
			if !slices.Contains(one.Except, l.caller.replica()) {
				l.add(t.op)
				t.lanes = append(t.lanes, l)
			}
		}
		if !one.Well {
			w.troubled[one.Replica].Store(history.Never)
		}
		w.troubles = append(w.troubles, t)
	}
}

// Well ends all trouble.
func (w *World) Well() {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	for _, t := range w.troubles {
		t.op.End = now
		for _, l := range t.lanes {
			l.add(t.op)
		}
		if !t.about.Well {
			w.over = append(w.over, t.op)
			w.troubled[t.about.Replica].Store(now)
		}
	}
	w.troubles = nil
}

// Troubles are the troubles that have ended, for histories.
func (w *World) Troubles() []history.Op {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.over)
}

// wasTroubled tells whether a replica was in trouble at some time since start.
func (w *World) wasTroubled(replica string, start int64) bool {
	until := w.troubled[replica]
	return until != nil && until.Load() >= start && until.Load() > 0
}
