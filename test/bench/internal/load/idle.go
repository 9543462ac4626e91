package load

import (
	"fmt"
	"runtime"
	"time"

	"github.com/wamp-operator/wamp-operator/test/bench/internal/loop"
	"github.com/wamp-operator/wamp-operator/test/bench/internal/process"
	"github.com/wamp-operator/wamp-operator/test/bench/internal/wire"
)

// IdleSpec asks for sessions that do nothing.
type IdleSpec struct {
	Protocol wire.Protocol
	Address  string
	Sessions int
	Hold     time.Duration
	Server   int // process
}

// IdleReport says what they cost the server.
type IdleReport struct {
	Sessions int
	Joining  time.Duration
	Before   int64 // bytes of the server in memory
	After    int64
	Busy     float64 // the part of one processor that the server took while they were held
}

// settle is how long the server may take to clear up after the sessions joined.
const settle = 5 * time.Second

// Idle joins sessions and holds them. They answer pings, and do nothing else.
func Idle(spec IdleSpec) (*IdleReport, error) {
	runtime.LockOSThread()
	l, err := loop.New()
	if err != nil {
		return nil, err
	}
	g := &generator{spec: Spec{Protocol: spec.Protocol}, loop: l}
	r := &IdleReport{Sessions: spec.Sessions}
	if r.Before, err = process.Memory(spec.Server); err != nil {
		return nil, err
	}
	began := time.Now()
	for i := range spec.Sessions {
		conn, err := g.dial(i, spec.Address)
		if err == nil {
			_, err = g.add(conn, g.callee(conn.Codec))
		}
		if err != nil {
			return nil, fmt.Errorf("session %d: %w", i, err)
		}
		if i%100 == 0 { // those that wait may have been pinged
			if err := l.Step(0); err != nil {
				return nil, err
			}
		}
	}
	r.Joining = time.Since(began)
	if err := g.runFor(settle); err != nil {
		return nil, err
	}
	before, since := process.CPU(spec.Server), time.Now()
	if err := g.runFor(spec.Hold); err != nil {
		return nil, err
	}
	r.Busy = (process.CPU(spec.Server) - before).Seconds() / time.Since(since).Seconds()
	r.After, err = process.Memory(spec.Server)
	return r, err
}
