package figures

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
	"github.com/wamp-operator/wamp-operator/test/chaos/client"
)

// visible registers one procedure after the other, and calls each from every other replica as soon
// as REGISTERED was read.
func visible(ctx context.Context, b *Bench) ([]Row, error) {
	c, err := b.cluster(ctx, 3)
	if err != nil {
		return nil, err
	}
	defer c.close()
	var at []*client.Session
	for i := range c.Replicas {
		s, err := c.join(i, number{n: 1})
		if err != nil {
			return nil, err
		}
		at = append(at, s)
	}
	var registered, called samples
	missed := 0
	for i := range 2000 {
		uri := fmt.Sprintf("figures.visible.p%d", i)
		callee := i % len(at)
		begun := time.Now()
		if err := c.register(at[callee], uri, "roundrobin"); err != nil {
			return nil, err
		}
		registered = append(registered, time.Since(begun))
		var all sync.WaitGroup
		var nobody atomic.Int64
		for other, s := range at {
			if other == callee {
				continue
			}
			all.Add(1)
			if !s.Call(uri, nil, client.ReceiverFunc(func(a *client.Answer) {
				if replied(a).callee != 1 {
					nobody.Add(1)
				}
				all.Done()
			})) {
				return nil, client.ErrLost
			}
		}
		all.Wait()
		called = append(called, time.Since(begun))
		missed += int(nobody.Load())
	}
	b.say("REGISTER sent to calls from the two other replicas answered: %v", called)
	return []Row{
		{"REGISTER sent -> REGISTERED, which says that every replica has it; one at a time, 3 replicas", "p50 2 ms, p99 10 ms", registered.String(),
			registered.at(.5) <= 2*time.Millisecond && registered.at(.99) <= 10*time.Millisecond},
		{"calls from the other replicas right after REGISTERED that found nobody", "0", fmt.Sprintf("%d of %d", missed, 2*len(called)), missed == 0},
	}, nil
}

// burst sends 10,000 REGISTER at once over two connections to each of three replicas.
func burst(ctx context.Context, b *Bench) ([]Row, error) {
	c, err := b.cluster(ctx, 3)
	if err != nil {
		return nil, err
	}
	defer c.close()
	var all samples
	for round := range 3 {
		took, again, err := c.burst(fmt.Sprintf("figures.burst%d", round), 10_000, 2, 2000)
		if err != nil {
			return nil, err
		}
		b.say("10,000 registrations: %s, %d sent again", short(took), again)
		all = append(all, took)
	}
	return []Row{{"10,000 registrations at once over 6 connections to 3 replicas: until the last REGISTERED", "< 1 s",
		fmt.Sprintf("median %s (n = %d)", short(all.at(.5)), len(all)), all.at(.5) < time.Second}}, nil
}

// burst registers many procedures at once over some connections to each replica that runs, which stay
// open. Each has a window of REGISTER that are not answered; what is answered with
// wamp.error.unavailable is sent again, as clients do, and counted.
func (c *cluster) burst(prefix string, count, connections, window int) (took time.Duration, repeated int64, err error) {
	const attempts = 5
	var callees []*client.Session
	for range connections {
		for i := range c.Replicas {
			if c.Replicas[i].PID() == 0 {
				continue
			}
			s, err := c.join(i, client.Silent{})
			if err != nil {
				return 0, 0, err
			}
			callees = append(callees, s)
		}
	}
	var all sync.WaitGroup
	var failed atomic.Pointer[string]
	var again atomic.Int64
	begun := time.Now()
	for k, s := range callees {
		all.Go(func() {
			flying := make(chan struct{}, window)
			for i := k; i < count; i += len(callees) {
				select {
				case flying <- struct{}{}:
				case <-c.ctx.Done():
					return
				}
				uri := fmt.Sprintf("%s.p%d", prefix, i)
				var answered client.ReceiverFunc
				left := attempts
				answered = func(a *client.Answer) {
					r := replied(a)
					if left--; r.error == wamp.ErrUnavailable && left > 0 && s.Register(uri, "roundrobin", answered) {
						again.Add(1)
						return
					}
					if err := r.err(); err != nil {
						text := err.Error()
						failed.Store(&text)
					}
					<-flying
				}
				s.Register(uri, "roundrobin", answered)
			}
			for range window { // until all are answered
				select {
				case flying <- struct{}{}:
				case <-c.ctx.Done():
					return
				}
			}
		})
	}
	all.Wait()
	took = time.Since(begun)
	if text := failed.Load(); text != nil {
		return took, again.Load(), fmt.Errorf("registering %d procedures: %s", count, *text)
	}
	return took, again.Load(), c.ctx.Err()
}

// single asks for each of 10,000 procedures on all replicas at once.
func single(ctx context.Context, b *Bench) ([]Row, error) {
	const procedures, flying = 10_000, 32
	c, err := b.cluster(ctx, 3)
	if err != nil {
		return nil, err
	}
	defer c.close()
	var at []*client.Session
	for i := range c.Replicas {
		s, err := c.join(i, client.Silent{})
		if err != nil {
			return nil, err
		}
		at = append(at, s)
	}
	var winners [procedures]atomic.Int64
	var odd atomic.Pointer[string]
	var won [3]atomic.Int64
	window := make(chan struct{}, flying)
	begun := time.Now()
	for i := range procedures {
		window <- struct{}{}
		uri := fmt.Sprintf("figures.single.p%d", i)
		var answers atomic.Int64
		for k, s := range at {
			if !s.Register(uri, "single", client.ReceiverFunc(func(a *client.Answer) {
				switch r := replied(a); {
				case r.err() == nil:
					winners[i].Add(1)
					won[k].Add(1)
				case r.error != wamp.ErrProcedureAlreadyExists:
					text := r.err().Error()
					odd.Store(&text)
				}
				if answers.Add(1) == int64(len(at)) {
					<-window
				}
			})) {
				return nil, client.ErrLost
			}
		}
	}
	for range flying {
		select {
		case window <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if text := odd.Load(); text != nil {
		return nil, fmt.Errorf("a registration was refused with %s", *text)
	}
	right := 0
	for i := range winners {
		if winners[i].Load() == 1 {
			right++
		}
	}
	b.say("%d procedures in %s; won by %s %d, %s %d, %s %d", procedures, short(time.Since(begun)),
		c.Replicas[0].Name, won[0].Load(), c.Replicas[1].Name, won[1].Load(), c.Replicas[2].Name, won[2].Load())
	return []Row{{"`single` asked for on 3 replicas at once, 10,000 procedures: with exactly one winner", "10,000",
		fmt.Sprint(right), right == procedures}}, nil
}
