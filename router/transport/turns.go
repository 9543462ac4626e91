package transport

import (
	"runtime"
	"slices"
	"sync"
	"time"
)

const (
	// promptFrames is how many frames of one read are handled before the rest has to wait for a
	// turn. Clients that wait for answers hardly ever send so many at once.
	promptFrames = 64
	// turnFrames is how many a turn is for, when others wait for theirs.
	turnFrames = 256
	// turnTime is how long a turn lasts when others wait and its holder does not get on: it may be
	// held back by a slow receiver.
	turnTime = 5 * time.Millisecond
)

// turns keep one processor free for those who send little. The scheduler of the runtime looks for new
// input only when a processor has nothing else to do, or every ten milliseconds; clients that always
// have more to say would keep all processors busy, and everybody else would wait for them. So what one
// read brought beyond its first frames is handled in turns, of which there are one fewer than
// processors at the same time. They go round: first come, first served.
type turns struct {
	mu      sync.Mutex
	holders []*turn
	waiting []*turn
}

// turn is one connection's; nil fields are those of one that neither holds nor waits.
type turn struct {
	since   time.Time
	granted chan struct{} // of one place
	holds   bool          // guarded by the mutex of turns
}

// allTurns are those of the process, as the processors are.
var allTurns turns

// take waits for a turn. One that was held is over if others wait.
func (all *turns) take(t *turn) {
	all.mu.Lock()
	if t.holds {
		if len(all.waiting) == 0 {
			t.since = time.Now()
			all.mu.Unlock()
			return
		}
		all.pass(t)
	}
	if len(all.holders) < max(1, runtime.GOMAXPROCS(0)-1) && len(all.waiting) == 0 {
		all.grant(t)
		all.mu.Unlock()
		return
	}
	if t.granted == nil {
		t.granted = make(chan struct{}, 1)
	}
	all.waiting = append(all.waiting, t)
	all.mu.Unlock()
	late := time.NewTicker(turnTime)
	defer late.Stop()
	for {
		select {
		case <-t.granted:
			return
		case <-late.C:
			all.expire()
		}
	}
}

// leave gives a turn back.
func (all *turns) leave(t *turn) {
	all.mu.Lock()
	all.pass(t)
	all.mu.Unlock()
}

// pass hands a turn to who waits for one, unless it was taken away before. Called with mu held.
func (all *turns) pass(t *turn) {
	if !t.holds {
		return
	}
	t.holds = false
	all.holders = slices.DeleteFunc(all.holders, func(h *turn) bool { return h == t })
	if len(all.waiting) > 0 {
		next := all.waiting[0]
		all.waiting = slices.Delete(all.waiting, 0, 1)
		all.grant(next)
		next.granted <- struct{}{}
	}
}

func (all *turns) grant(t *turn) {
	t.holds, t.since = true, time.Now()
	all.holders = append(all.holders, t)
}

// expire takes turns away that last too long.
func (all *turns) expire() {
	all.mu.Lock()
	defer all.mu.Unlock()
	now := time.Now()
	for _, t := range slices.Clone(all.holders) {
		if now.Sub(t.since) >= turnTime {
			all.pass(t)
		}
	}
}

// inTurn is called for each frame.
func (p *peer) inTurn() {
	in := &p.in
	in.frames++
	if in.frames == promptFrames || in.frames > promptFrames && in.frames%turnFrames == 0 {
		if in.turn == nil {
			in.turn = new(turn)
		}
		in.takes = true
		p.via.Flush() // what the frames before have caused does not wait as well
		allTurns.take(in.turn)
	}
}

// turnEnds is called before reading on.
func (in *inbound) turnEnds() {
	in.frames = 0
	if in.takes {
		in.takes = false
		allTurns.leave(in.turn)
	}
}
