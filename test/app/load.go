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
// closed, and waits for the last answer. newcomer hears of each callee that answers for the first
// time, at once and in order.
func Call(ctx context.Context, routers Routers, procedure string, callersEach int, stop <-chan struct{}, newcomer func(callee string)) (Load, error) {
	l := loader{Load: Load{Errors: map[string]int{}, Callees: map[string]int{}}, newcomer: newcomer}
	var all sync.WaitGroup
	var callers []*client.Client
	for range callersEach {
		// A session each: the library does not keep the ids of calls in order that are made at
		// the same time in one session.
		sessions, leave, err := routers.joinAll(ctx)
		if err != nil {
			return Load{}, err
		}
		defer leave()
		callers = append(callers, sessions...)
	}
	for _, s := range callers {
		all.Go(func() { l.caller(ctx, s, procedure, stop) })
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

func (l *loader) caller(ctx context.Context, s *client.Client, procedure string, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-ctx.Done():
			return
		case <-time.After(loadPause):
		}
		callee, err := call(ctx, s, procedure, loadWorkMS)
		l.answered(callee, err)
	}
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
