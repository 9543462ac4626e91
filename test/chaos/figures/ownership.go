package figures

import (
	"context"
	"fmt"
	"time"

	"github.com/wamp-operator/wamp-operator/test/chaos/client"
)

// change measures how long calls wait while the slots of a replica, on which no client is, get another
// owner: 24 roundrobin procedures with callers and callees at the two others.
type change struct {
	what, aim string
	limit     time.Duration
	rounds    int
	leave     func(c *cluster, victim int) error
	// settle is for how long calls are watched after that.
	settle time.Duration
	back   func(c *cluster, victim int, before string) error
	// both says that the return of the replica is measured as well.
	both bool
}

const changing = 24 // procedures

func (o change) measure(ctx context.Context, b *Bench) ([]Row, error) {
	c, err := b.cluster(ctx, 3)
	if err != nil {
		return nil, err
	}
	defer c.close()
	const victim = 2
	var callers []*client.Session
	for i := range victim {
		s, err := c.join(i, client.Silent{})
		if err != nil {
			return nil, err
		}
		callers = append(callers, s)
		for p := range changing {
			if _, err := c.callee(i, fmt.Sprintf("figures.change.p%d", p), "roundrobin", number{n: standby}); err != nil {
				return nil, err
			}
		}
	}
	var longest, leaving samples
	calls, failed, unanswered := 0, 0, 0
	during := func(f func() error, settle time.Duration) error {
		var all []*watch
		for p := range changing {
			all = append(all, c.caller(callers[p%len(callers)], fmt.Sprintf("figures.change.p%d", p)))
		}
		err := c.pause(100 * time.Millisecond)
		if err == nil {
			err = f()
		}
		if err == nil {
			err = c.pause(settle)
		}
		var most time.Duration
		for _, w := range all {
			unanswered += w.halt(c)
			calls, failed, most = calls+w.sent, failed+w.failed, max(most, w.longest)
		}
		longest = append(longest, most)
		return err
	}
	for round := range o.rounds {
		before := member(c.Replicas[victim])
		if err := during(func() error { return o.leave(c, victim) }, o.settle); err != nil {
			return nil, err
		}
		leaving = append(leaving, longest[len(longest)-1])
		comeBack := func() error {
			if err := o.back(c, victim, before); err != nil {
				return err
			}
			return c.agree()
		}
		if o.both {
			err = during(comeBack, 300*time.Millisecond)
		} else {
			err = comeBack()
		}
		if err != nil {
			return nil, fmt.Errorf("round %d: %w", round+1, err)
		}
	}
	b.answered(int64(calls), int64(unanswered))
	b.say("%d changes: longest waits %v, when it left %v; of %d calls %d ended in an error, %d without an answer", len(longest), longest, leaving, calls, failed, unanswered)
	return []Row{
		{o.what + ": longest wait of a call", o.aim, longest.String(), longest.at(.99) < o.limit},
		{"... calls that ended in an error", "0", fmt.Sprintf("%d of %d", failed, calls), failed == 0},
	}, nil
}

func planned(ctx context.Context, b *Bench) ([]Row, error) {
	return change{
		what: "owner leaves (SIGTERM) and comes back", aim: "p99 < 50 ms", limit: 50 * time.Millisecond, rounds: 12, both: true,
		leave:  func(c *cluster, i int) error { return c.Replicas[i].Terminate() },
		settle: 300 * time.Millisecond,
		back:   func(c *cluster, i int, before string) error { return c.again(c.Replicas[i], before) },
	}.measure(ctx, b)
}

func silent(ctx context.Context, b *Bench) ([]Row, error) {
	rows, err := change{
		what: "owner silent (SIGSTOP)", aim: "p99 < 1.5 s", limit: 1500 * time.Millisecond, rounds: 12,
		leave:  func(c *cluster, i int) error { return c.Replicas[i].Pause() },
		settle: 3 * time.Second,
		back:   func(c *cluster, i int, _ string) error { return c.Replicas[i].Resume() },
	}.measure(ctx, b)
	if len(rows) > 1 { // a call that was at the owner may end in canceled
		rows = rows[:1]
	}
	return rows, err
}

// heal splits three replicas, registers on both sides, and measures from the end of the split until
// all hold the same lists.
func heal(ctx context.Context, b *Bench) ([]Row, error) {
	const rounds = 15
	c, err := b.cluster(ctx, 3)
	if err != nil {
		return nil, err
	}
	defer c.close()
	var at []*client.Session
	for i := range c.Replicas {
		s, err := c.join(i, number{n: uint64(i + 1)})
		if err != nil {
			return nil, err
		}
		at = append(at, s)
	}
	var took samples
	for round := range rounds {
		lone := round % 3
		c.Switch.Split([]int{(lone + 1) % 3, (lone + 2) % 3}, []int{lone})
		if err := c.agree(c.except(lone)...); err != nil {
			return nil, fmt.Errorf("round %d, during the split: %w", round+1, err)
		}
		if err := c.agree(c.Replicas[lone]); err != nil {
			return nil, fmt.Errorf("round %d, during the split: %w", round+1, err)
		}
		for i, s := range at {
			if err := c.register(s, fmt.Sprintf("figures.heal.p%d.r%d", round, i), "roundrobin"); err != nil {
				return nil, err
			}
			if err := c.register(s, fmt.Sprintf("figures.heal.p%d", round), "roundrobin"); err != nil {
				return nil, err
			}
		}
		healed := time.Now()
		c.Heal()
		if err := c.agree(); err != nil {
			return nil, fmt.Errorf("round %d, after the split: %w", round+1, err)
		}
		took = append(took, time.Since(healed))
	}
	b.say("%d splits healed: %v", rounds, took)
	return []Row{{"split of 3 replicas ends -> equal lists on all (as they tell within 50 ms)", "p99 < 3 s", took.String(), took.at(.99) < 3*time.Second}}, nil
}
