// Package load is the load generator: callers and callees in one thread of one process, apart
// from the servers.
package load

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/wamp-operator/wamp-operator/test/bench/internal/loop"
	"github.com/wamp-operator/wamp-operator/test/bench/internal/process"
	"github.com/wamp-operator/wamp-operator/test/bench/internal/wire"
)

// Spec says what to do.
type Spec struct {
	Protocol wire.Protocol
	Policy   string
	// CallerAddress and CalleeAddress are those of two replicas, or the same.
	CallerAddress, CalleeAddress string
	Callers, InFlight, Callees   int
	Size                         int // bytes of a payload
	// Rate is how many calls a second each caller makes, whether they are answered or not; 0: each
	// keeps InFlight calls in flight.
	Rate             int
	Warmup, Duration time.Duration
	// Servers are the processes whose CPU time counts.
	Servers []int
}

// Report is what was measured between the end of the warm-up and the end.
type Report struct {
	Calls         uint64
	Errors        map[string]uint64
	Seconds       float64
	P50, P99      time.Duration
	P999          time.Duration
	ServerCPU     time.Duration
	ServerWrites  uint64 // system calls
	GeneratorCPU  time.Duration
	GeneratorBusy float64 // the part of the time for which the generator's thread ran
}

// drain is how long an answer may be late at the end; then the call counts as dropped.
const drain = 2 * time.Second

// propagation is how long servers may take to tell one another of the callees.
const propagation = 10 * time.Second

type generator struct {
	spec    Spec
	loop    *loop.Loop
	callers []*caller
	began   time.Time
	// measuring and sending are the phases; a call that is answered while measuring counts.
	measuring, sending bool
	calls              uint64
	errors             map[string]uint64
	latency            histogram
}

// Run does what spec says.
func Run(spec Spec) (*Report, error) {
	runtime.LockOSThread()
	l, err := loop.New()
	if err != nil {
		return nil, err
	}
	g := &generator{spec: spec, loop: l, began: time.Now(), errors: map[string]uint64{}}
	if err := g.connect(); err != nil {
		return nil, err
	}
	g.sending = true
	if spec.Rate == 0 {
		for _, c := range g.callers {
			for range spec.InFlight {
				c.call(c.conn, g.now())
			}
		}
	}
	if err := g.work(spec.Warmup); err != nil {
		return nil, err
	}
	writes := process.Writes(spec.Servers...)
	before, own, since := process.CPU(spec.Servers...), process.Own(), time.Now()
	g.measuring = true
	if err := g.work(spec.Duration); err != nil {
		return nil, err
	}
	g.measuring = false
	r := &Report{
		Calls: g.calls, Errors: g.errors, Seconds: time.Since(since).Seconds(),
		ServerCPU: process.CPU(spec.Servers...) - before, GeneratorCPU: process.Own() - own,
		P50: g.latency.quantile(0.5), P99: g.latency.quantile(0.99), P999: g.latency.quantile(0.999),
	}
	r.ServerWrites = process.Writes(spec.Servers...) - writes
	r.GeneratorBusy = r.GeneratorCPU.Seconds() / r.Seconds
	return r, g.end()
}

// now is the time in nanoseconds since the generator began.
func (g *generator) now() int64 { return int64(time.Since(g.began)) }

func (g *generator) runFor(d time.Duration) error {
	for end := time.Now().Add(d); ; {
		left := time.Until(end)
		if left <= 0 {
			return nil
		}
		if err := g.loop.Step(min(left+time.Millisecond, 100*time.Millisecond)); err != nil {
			return err
		}
	}
}

// work goes on calling for a time.
func (g *generator) work(d time.Duration) error {
	if g.spec.Rate == 0 {
		return g.runFor(d)
	}
	return g.pace(d)
}

// end waits for the answers that are missing, and counts those that do not come.
func (g *generator) end() error {
	g.sending = false
	missing := func() (n uint64) {
		for _, c := range g.callers {
			n += uint64(c.open)
		}
		return n
	}
	for end := time.Now().Add(drain); missing() > 0 && time.Now().Before(end); {
		if err := g.loop.Step(10 * time.Millisecond); err != nil {
			return err
		}
	}
	if n := missing(); n > 0 {
		g.errors["no answer"] += n
	}
	return nil
}

func (g *generator) connect() error {
	for i := range g.spec.Callees {
		conn, err := g.dial(i, g.spec.CalleeAddress)
		if err != nil {
			return err
		}
		if err := conn.Ask(conn.Serve(nil)); err != nil {
			return fmt.Errorf("registering: %w", err)
		}
		if _, err := g.add(conn, g.callee(conn.Codec)); err != nil {
			return err
		}
	}
	for i := range g.spec.Callers {
		conn, err := g.dial(g.spec.Callees+i, g.spec.CallerAddress)
		if err != nil {
			return err
		}
		c := &caller{g: g, codec: conn.Codec}
		if c.conn, err = g.add(conn, c.handle); err != nil {
			return err
		}
		if err := c.probe(); err != nil {
			return err
		}
		g.callers = append(g.callers, c)
	}
	return nil
}

func (g *generator) dial(n int, address string) (*wire.Conn, error) {
	codec, err := wire.NewCodec(g.spec.Protocol, n, g.spec.Size, g.spec.Policy)
	if err != nil {
		return nil, err
	}
	return wire.Dial(address, g.spec.Protocol, codec)
}

func (g *generator) add(conn *wire.Conn, h loop.Handler) (*loop.Conn, error) {
	fd, early, err := conn.Detach()
	if err != nil {
		return nil, err
	}
	return g.loop.Add(fd, early, h)
}

// each hands the whole messages in b to f.
func each(codec wire.Codec, b []byte, f func(m *wire.Message) error) (used int, err error) {
	for {
		m, n, err := codec.Parse(b[used:])
		if n == 0 || err != nil {
			return used, err
		}
		if err := f(&m); err != nil {
			return used, err
		}
		used += n
	}
}

var errRefused = errors.New("no call was answered")
