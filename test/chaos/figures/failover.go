package figures

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wamp-operator/wamp-operator/test/chaos/client"
)

const (
	active, standby = 1, 2
	// every is how often a caller calls, whether or not earlier calls have been answered.
	every = 2 * time.Millisecond
)

// watch is a caller that calls often and notes when the standby was first heard.
type watch struct {
	replica  string // that the caller is connected to
	mu       sync.Mutex
	heard    time.Time // first RESULT of the standby
	lastElse time.Time // last answer that was not a RESULT of the standby
	longest  time.Duration
	sent     int
	answered int
	failed   int
	stop     chan struct{}
	ended    sync.WaitGroup
}

// caller calls a procedure until halt.
func (c *cluster) caller(s *client.Session, uri string) *watch {
	w := &watch{replica: s.Replica, stop: make(chan struct{})}
	w.ended.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			begun := time.Now()
			w.mu.Lock()
			w.sent++
			w.mu.Unlock()
			if !s.Call(uri, nil, client.ReceiverFunc(func(a *client.Answer) { w.note(begun, replied(a)) })) {
				return
			}
			select {
			case <-w.stop:
				return
			case <-c.ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
	return w
}

func (w *watch) note(begun time.Time, r reply) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answered++
	w.longest = max(w.longest, r.at.Sub(begun))
	if r.err() != nil {
		w.failed++
	}
	switch {
	case r.callee != standby:
		w.lastElse = r.at
	case w.heard.IsZero():
		w.heard = r.at
	}
}

// standing tells when the standby was first heard; zero: not yet.
func (w *watch) standing() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.heard
}

// halt ends the calls, and gives how many were not answered.
func (w *watch) halt(c *cluster) (unanswered int) {
	close(w.stop)
	w.ended.Wait()
	open := func() int {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.sent - w.answered
	}
	for deadline := time.Now().Add(answering); open() > 0 && time.Now().Before(deadline); {
		if c.pause(time.Millisecond) != nil {
			break
		}
	}
	return open()
}

// failover breaks a replica that the first callee of a `first` procedure is connected to, again and
// again, and measures when callers at the other replicas hear the second.
type failover struct {
	what, aim string
	limit     time.Duration
	rounds    int
	fail      func(c *cluster, victim int) error
	mend      func(c *cluster, victim int, before string) error
	// calm is how long the cluster has after that, so that each fault is one by itself: replicas that
	// were silent for less time than it takes to give them up are members all along.
	calm time.Duration
}

func (f failover) measure(ctx context.Context, b *Bench) ([]Row, error) {
	c, err := b.cluster(ctx, 3)
	if err != nil {
		return nil, err
	}
	defer c.close()
	var took, waits samples
	unanswered, calls, failed := 0, 0, 0
	for round := range f.rounds {
		victim := round % 3
		uri := fmt.Sprintf("figures.failover.p%d", round)
		if _, err := c.callee(victim, uri, "first", number{n: active}); err != nil {
			return nil, err
		}
		second, err := c.callee((victim+1)%3, uri, "first", number{n: standby})
		if err != nil {
			return nil, err
		}
		var callers []*watch
		for _, i := range []int{(victim + 1) % 3, (victim + 2) % 3} {
			s, err := c.join(i, client.Silent{})
			if err != nil {
				return nil, err
			}
			callers = append(callers, c.caller(s, uri))
		}
		if err := c.pause(50 * time.Millisecond); err != nil {
			return nil, err
		}
		before := member(c.Replicas[victim])
		broken := time.Now()
		if err := f.fail(c, victim); err != nil {
			return nil, err
		}
		for _, w := range callers {
			for w.standing().IsZero() {
				if time.Since(broken) > answering {
					return nil, fmt.Errorf("round %d: the standby was not heard within %v after %s failed; logs in %s", round+1, answering, c.Replicas[victim].Name, b.Dir)
				}
				if err := c.pause(time.Millisecond); err != nil {
					return nil, err
				}
			}
			after := w.standing().Sub(broken)
			took = append(took, after)
			if after > f.limit {
				b.say("round %d: after %s failed, at %s, %s heard the standby (at %s) after %s", round+1, c.Replicas[victim].Name,
					broken.Format(time.RFC3339Nano), w.replica, second.Replica, short(after))
			}
		}
		for _, w := range callers {
			unanswered += w.halt(c)
			calls, failed = calls+w.sent, failed+w.failed
			waits = append(waits, w.longest)
		}
		if err := f.mend(c, victim, before); err != nil {
			return nil, err
		}
		second.Break() // its registration would stay
		if err := c.pause(f.calm); err != nil {
			return nil, err
		}
		if err := c.agree(); err != nil {
			return nil, fmt.Errorf("round %d: %w", round+1, err)
		}
	}
	b.answered(int64(calls), int64(unanswered))
	b.say("%d times: %v; longest wait of a call %s; of %d calls %d ended in an error, %d without an answer", f.rounds, took, short(waits.at(1)), calls, failed, unanswered)
	return []Row{
		{f.what + " -> a call from another replica answered by the standby", f.aim, took.String(), took.at(.99) < f.limit},
	}, nil
}

func killed(ctx context.Context, b *Bench) ([]Row, error) {
	return failover{
		what: "replica killed (kill -9)", aim: "p99 < 100 ms", limit: 100 * time.Millisecond, rounds: 51,
		fail: func(c *cluster, i int) error { return c.Replicas[i].Kill() },
		mend: func(c *cluster, i int, before string) error { return c.again(c.Replicas[i], before) },
	}.measure(ctx, b)
}

func stopped(ctx context.Context, b *Bench) ([]Row, error) {
	return failover{
		what: "replica stopped (SIGSTOP)", aim: "p99 < 1 s", limit: time.Second, rounds: 20, calm: 2 * time.Second,
		fail: func(c *cluster, i int) error { return c.Replicas[i].Pause() },
		mend: func(c *cluster, i int, _ string) error { return c.Replicas[i].Resume() },
	}.measure(ctx, b)
}

func isolated(ctx context.Context, b *Bench) ([]Row, error) {
	return failover{
		what: "replica cut off from the others", aim: "p99 < 1 s", limit: time.Second, rounds: 20, calm: 2 * time.Second,
		fail: func(c *cluster, i int) error {
			c.Switch.Split([]int{(i + 1) % 3, (i + 2) % 3}, []int{i})
			return nil
		},
		mend: func(c *cluster, _ int, _ string) error {
			c.Heal()
			return nil
		},
	}.measure(ctx, b)
}

// closed closes the session of the first callee of a `first` procedure while callers at all replicas
// call it, and measures how long calls are answered by somebody else than the second.
func closed(ctx context.Context, b *Bench) ([]Row, error) {
	const rounds = 200
	c, err := b.cluster(ctx, 3)
	if err != nil {
		return nil, err
	}
	defer c.close()
	var callers []*client.Session
	for i := range c.Replicas {
		s, err := c.join(i, client.Silent{})
		if err != nil {
			return nil, err
		}
		callers = append(callers, s)
	}
	var took samples
	failed := 0
	for round := range rounds {
		uri := fmt.Sprintf("figures.closed.p%d", round)
		first, err := c.callee(round%3, uri, "first", number{n: active})
		if err != nil {
			return nil, err
		}
		second, err := c.callee((round+1)%3, uri, "first", number{n: standby})
		if err != nil {
			return nil, err
		}
		var all sync.WaitGroup
		var last, errors atomic.Int64
		epoch := time.Now()
		until := epoch.Add(60 * time.Millisecond)
		for _, s := range callers {
			all.Go(func() {
				for time.Now().Before(until) {
					r, err := c.call(s, uri)
					if err != nil {
						return
					}
					if r.callee != standby {
						for at := int64(r.at.Sub(epoch)); ; {
							before := last.Load()
							if before >= at || last.CompareAndSwap(before, at) {
								break
							}
						}
					}
					if r.err() != nil {
						errors.Add(1)
					}
				}
			})
		}
		if err := c.pause(20 * time.Millisecond); err != nil {
			return nil, err
		}
		left := time.Since(epoch)
		first.Break()
		all.Wait()
		took = append(took, max(0, time.Duration(last.Load())-left))
		failed += int(errors.Load())
		second.Break()
	}
	b.say("%d sessions closed: %v; %d calls that were in flight ended in an error", rounds, took, failed)
	return []Row{{"callee's session closed -> last call, from any of 3 replicas, that was not answered by the next callee", "p99 < 5 ms",
		took.String(), took.at(.99) < 5*time.Millisecond}}, nil
}
