// Package hostile is two hundred clients that misbehave, in one process with a bounded part of a
// processor, so that they cannot disturb others by taking the machine.
package hostile

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/wamp-operator/wamp-operator/test/bench/internal/process"
)

// Spec says whom to disturb, and how much.
type Spec struct {
	Address     string
	Realm       string
	Connections int
	// Share is the part of one processor that all of them together take at most.
	Share float64
	// Kinds are the names of those that take part; none: all.
	Kinds []string
}

// Report says what they did until they were stopped.
type Report struct {
	Connected map[string]uint64 // connections that were made, by kind
	Dropped   map[string]uint64 // and those of them that the router ended
	Written   uint64            // bytes
	Busy      float64           // the part of one processor that it took
}

const (
	// again is how long a client waits that was dropped, or could not connect, until it comes again.
	again = 100 * time.Millisecond
	// fast is the same for those whose mischief it is to come and go.
	fast = 5 * time.Millisecond
	// patience is how long a client lets the router think about what it sent.
	patience = 5 * time.Second
)

// crowd is all clients of the process.
type crowd struct {
	spec    Spec
	allowed *allowance
	over    chan struct{}
	written atomic.Uint64

	mu        sync.Mutex
	conns     map[net.Conn]struct{}
	connected map[string]uint64
	dropped   map[string]uint64
}

// Run misbehaves until the process gets SIGTERM.
func Run(spec Spec) (*Report, error) {
	runtime.GOMAXPROCS(1)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	taking, err := chosen(spec.Kinds)
	if err != nil {
		return nil, err
	}
	c := &crowd{
		spec: spec, allowed: newAllowance(spec.Share), over: make(chan struct{}), conns: map[net.Conn]struct{}{},
		connected: map[string]uint64{}, dropped: map[string]uint64{},
	}
	began := time.Now()
	var all sync.WaitGroup
	for i := range spec.Connections {
		all.Go(func() { c.keep(taking[i%len(taking)], uint64(i)) })
	}
	<-stop
	c.mu.Lock()
	close(c.over)
	for nc := range c.conns {
		_ = nc.Close()
	}
	c.mu.Unlock()
	all.Wait()
	return &Report{
		Connected: c.connected, Dropped: c.dropped, Written: c.written.Load(),
		Busy: process.Own().Seconds() / time.Since(began).Seconds(),
	}, nil
}

// keep lets one client misbehave, and come again whenever it was dropped.
func (c *crowd) keep(k kind, n uint64) {
	random := rand.New(rand.NewPCG(n, 0))
	pause := again
	if k.quick {
		pause = fast
	}
	for !c.isOver() {
		c.allowed.take(c.over)
		if nc, err := net.DialTimeout("tcp", c.spec.Address, patience); err == nil {
			c.visit(k, nc, random)
		}
		c.sleep(pause + time.Duration(random.Int64N(int64(pause))))
	}
}

func (c *crowd) visit(k kind, nc net.Conn, random *rand.Rand) {
	c.mu.Lock()
	if c.isOver() { // whoever comes now would not be ended
		c.mu.Unlock()
		_ = nc.Close()
		return
	}
	c.conns[nc] = struct{}{}
	c.connected[k.name]++
	c.mu.Unlock()
	err := k.do(&visitor{Conn: nc, crowd: c, random: random})
	_ = nc.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.conns, nc)
	if err != nil && !c.isOver() && !errors.Is(err, errLeft) {
		c.dropped[k.name]++
	}
}

func (c *crowd) isOver() bool {
	select {
	case <-c.over:
		return true
	default:
		return false
	}
}

func (c *crowd) sleep(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.over:
	}
}

func chosen(names []string) (taking []kind, err error) {
	if len(names) == 0 {
		return kinds, nil
	}
	for _, name := range names {
		found := false
		for _, k := range kinds {
			if k.name == name {
				found, taking = true, append(taking, k)
			}
		}
		if !found {
			return nil, fmt.Errorf("nobody misbehaves as %q", name)
		}
	}
	return taking, nil
}
