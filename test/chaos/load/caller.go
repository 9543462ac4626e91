package load

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/wamp-operator/wamp-operator/test/chaos/client"
)

// caller is a client that makes the calls of many lanes over one connection.
type caller struct {
	w       *World
	lanes   []*lane
	session atomic.Pointer[client.Session] // the latest
	stopped atomic.Bool
}

func (c *caller) replica() string {
	if s := c.session.Load(); s != nil {
		return s.Replica
	}
	return ""
}

func (c *caller) joined(s *client.Session) {
	c.session.Store(s)
	for _, l := range c.lanes {
		if l.idle.CompareAndSwap(true, false) {
			l.next()
		}
	}
}

// LanesConfig says what lanes to run.
type LanesConfig struct {
	// Lanes is how many, Callees how many callees each of them has, at different clients.
	Lanes, Callees int
	// CalleeClients is how many clients the callees share: at least Callees.
	CalleeClients int
	// Rate is how many calls a second are aimed at in all; 0: as many as there can be.
	Rate int
	// Idempotent: the procedures are declared so.
	Idempotent bool
}

// Lanes are the lanes of a world, while they run.
type Lanes struct {
	w       *World
	callers []*caller
	callees []*callee
	leave   context.CancelFunc
	checked chan struct{}
}

// StartLanes connects the callees and registers them one client after the other, and then lets the callers
// begin: a caller at each replica. It returns when all callees are registered.
func (w *World) StartLanes(ctx context.Context, cfg LanesConfig) (*Lanes, error) {
	running, leave := context.WithCancel(context.Background())
	ls := &Lanes{w: w, leave: leave, checked: make(chan struct{})}
	for range w.Routers {
		ls.callers = append(ls.callers, &caller{w: w})
	}
	for range cfg.CalleeClients {
		ls.callees = append(ls.callees, &callee{w: w, number: w.newClient()})
	}
	var pace time.Duration
	if cfg.Rate > 0 {
		pace = time.Second * time.Duration(cfg.Lanes) / time.Duration(cfg.Rate)
	}
	for i := range cfg.Lanes {
		c := ls.callers[i%len(ls.callers)]
		l := &lane{w: w, id: i, uri: LaneURI(i), caller: c, idempotent: cfg.Idempotent, pace: pace}
		l.idle.Store(true)
		c.lanes = append(c.lanes, l)
		w.lanes = append(w.lanes, l)
		for j := range cfg.Callees {
			callee := ls.callees[(i+j)%cfg.CalleeClients]
			callee.lanes = append(callee.lanes, l)
		}
	}
	go ls.check(running)
	for i, c := range ls.callees {
		ready := make(chan struct{})
		c.start(running, i, ready)
		select {
		case <-ready:
		case <-ctx.Done():
			ls.Leave()
			return nil, ctx.Err()
		}
	}
	for i, c := range ls.callers {
		number := uint64(w.newClient())
		w.run(running, client.Config{Routers: w.from(i, number), Seed: w.Seed + number, Joined: c.joined})
	}
	return ls, nil
}

// checkEvery is how often calls are looked for that have been open for too long.
const checkEvery = 500 * time.Millisecond

func (ls *Lanes) check(ctx context.Context) {
	defer close(ls.checked)
	look := time.NewTicker(checkEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		for _, l := range ls.w.lanes {
			l.check(ls.w.now())
		}
	}
}

// Stop makes no further calls, and returns when those in flight have ended, or were given up.
func (ls *Lanes) Stop() {
	for _, c := range ls.callers {
		c.stopped.Store(true)
	}
	for end := time.Now().Add(bound + 2*checkEvery); ls.open() && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

// open tells whether a call is in flight in a session that may answer it.
func (ls *Lanes) open() bool {
	for _, l := range ls.w.lanes {
		if l.isOpen() && !l.idle.Load() {
			return true
		}
	}
	return false
}

// Leave disconnects all clients.
func (ls *Lanes) Leave() {
	ls.leave()
	<-ls.checked
}
