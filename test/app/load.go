package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gammazero/nexus/v3/client"
)

// Each caller waits this long between an answer and its next call; the callee works this long on
// each, so that a few calls are in flight at any time.
const (
	loadPause  = 3 * time.Millisecond
	loadWorkMS = 2
)

// Load is what became of the calls of many callers.
type Load struct {
	Calls   int            `json:"calls"`
	Results int            `json:"results"`
	Errors  map[string]int `json:"errors,omitempty"` // by the URI of the ERROR
	// Unanswered calls ended in neither RESULT nor ERROR: the connection was lost, or ten
	// seconds passed.
	Unanswered int `json:"unanswered"`
	// Resent is how often a call was sent again, on the next connection, because the router had
	// said GOODBYE before it began with it. It counts as one call.
	Resent int `json:"resent,omitempty"`
	// Callees are the RESULTs of each callee.
	Callees map[string]int `json:"callees"`
	// LongestGap is the longest time between two RESULTs, over all callers.
	LongestGap time.Duration `json:"longestGap"`
}

// LoadEvent is a line that `wamp-demo load` prints: a callee answered for the first time, or, at the
// end, the sum.
type LoadEvent struct {
	Callee string `json:"callee,omitempty"`
	Sum    *Load  `json:"sum,omitempty"`
}

// Failed are the calls that were answered by ERROR.
func (l Load) Failed() int {
	n := 0
	for _, count := range l.Errors {
		n += count
	}
	return n
}

// Call calls procedure all the time, with callersEach callers at every router, until stop is
// closed, and waits for the last answer. A caller whose connection ends makes another one, to its own
// router or the next one that is there. newcomer hears of each callee that answers for the first
// time, at once and in order.
func Call(ctx context.Context, routers Routers, procedure string, callersEach int, stop <-chan struct{}, newcomer func(callee string)) (Load, error) {
	l := loader{Load: Load{Errors: map[string]int{}, Callees: map[string]int{}}, newcomer: newcomer}
	var all sync.WaitGroup
	var callers []*caller
	for range callersEach {
		// A session each: the library does not keep the ids of calls in order that are made at
		// the same time in one session.
		sessions, leave, err := routers.joinAll(ctx)
		if err != nil {
			return Load{}, err
		}
		defer leave()
		for i, s := range sessions {
			callers = append(callers, &caller{loader: &l, routers: routers, at: i, session: s})
		}
	}
	for _, c := range callers {
		all.Go(func() {
			c.run(ctx, procedure, stop)
			_ = c.session.Close()
		})
	}
	all.Wait()
	return l.Load, nil
}

type loader struct {
	mu sync.Mutex
	Load
	last     time.Time // of the last RESULT
	newcomer func(callee string)
}

// caller makes one call after the other.
type caller struct {
	*loader
	routers Routers
	at      int // the router of its session
	session *client.Client
}

func (c *caller) run(ctx context.Context, procedure string, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-ctx.Done():
			return
		case <-time.After(loadPause):
		}
		callee, err := call(ctx, c.session, procedure, loadWorkMS)
		for err != nil && c.dismissed() && c.again(ctx) {
			c.resent()
			callee, err = call(ctx, c.session, procedure, loadWorkMS)
		}
		c.answered(callee, err)
		if !c.session.Connected() && !c.again(ctx) {
			return
		}
	}
}

// dismissed tells whether the router said GOODBYE. It does so to a caller that has no open call, so one
// that met it was not begun.
func (c *caller) dismissed() bool { return c.session.RouterGoodbye() != nil }

// again makes another connection; false when ctx ended before.
func (c *caller) again(ctx context.Context) bool {
	_ = c.session.Close()
	for ; ctx.Err() == nil; c.at = (c.at + 1) % len(c.routers.Names) {
		s, err := c.routers.Join(ctx, c.routers.Names[c.at])
		if err == nil {
			c.session = s
			return true
		}
		select {
		case <-ctx.Done():
		case <-time.After(reconnectEvery):
		}
	}
	return false
}

func (l *loader) resent() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Resent++
}

func (l *loader) answered(callee string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Calls++
	var answer client.RPCError
	switch {
	case err == nil:
		now := time.Now()
		if !l.last.IsZero() {
			l.LongestGap = max(l.LongestGap, now.Sub(l.last))
		}
		l.last = now
		l.Results++
		l.Callees[callee]++
		if l.Callees[callee] == 1 {
			l.newcomer(callee)
		}
	case errors.As(err, &answer):
		l.Errors[string(answer.Err.Error)]++
	default:
		l.Unanswered++
	}
}
