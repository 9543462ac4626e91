package transport

import (
	"runtime"
	"sync"
	"testing"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Whatever the order in which turns are taken, handed on and given back, none is lost.
func TestTurnsAreGivenBack(t *testing.T) {
	var all turns
	var readers sync.WaitGroup
	for range 20 {
		readers.Go(func() {
			mine := new(turn)
			for range 50 {
				all.take(mine)
				runtime.Gosched()
				all.take(mine) // the next part of the same read
				all.leave(mine)
			}
		})
	}
	readers.Wait()
	if len(all.holders) != 0 || len(all.waiting) != 0 {
		t.Errorf("%d hold a turn and %d wait, at the end", len(all.holders), len(all.waiting))
	}
}

// Turns go round, and one that its holder does not use is taken away.
func TestTurnsGoRound(t *testing.T) {
	var all turns
	var idle []*turn
	for range max(1, runtime.GOMAXPROCS(0)-1) { // they hold all turns, and do not get on
		h := new(turn)
		all.take(h)
		idle = append(idle, h)
	}
	next := new(turn)
	took := make(chan struct{})
	go func() { all.take(next); close(took) }()
	within(t, took)
	all.mu.Lock()
	if idle[0].holds || !next.holds {
		t.Error("the first did not lose its turn to the one that waited")
	}
	all.mu.Unlock()
	for _, h := range append(idle, next) {
		all.leave(h)
		all.leave(h) // harmless
	}
	if len(all.holders) != 0 {
		t.Errorf("%d hold a turn", len(all.holders))
	}
}

// A message that is held up while it is handled does not hold up others that have much to say.
func TestTurnsAreNotHeldForever(t *testing.T) {
	stuck := make(chan struct{})
	s := &Server{Handler: func(c Conn) {
		for n := 0; ; n++ {
			if _, err := c.ReadMessage(); err != nil {
				return
			}
			if n == 2*promptFrames && c.Format() == wamp.CBOR {
				<-stuck
			}
			_ = c.SendEncoded([]byte("x"))
		}
	}}
	address := startServer(t, s)
	defer close(stuck)
	many := make([]byte, 0, 8192)
	for range 1000 {
		many = append(many, 0, 0, 0, 1, 'x')
	}
	for range 2 * runtime.GOMAXPROCS(0) {
		nc := connect(t, address)
		write(t, nc, "\x7f\xf3\x00\x00"+string(many))
	}
	nc := connect(t, address)
	write(t, nc, "\x7f\xf1\x00\x00"+string(many))
	expect(t, nc, "\x7f\xf1\x00\x00"+string(many))
}
