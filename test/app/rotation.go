package app

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/gammazero/nexus/v3/client"
)

// Turn is one call of a rotation: the router that the caller is connected to, and the callee that
// answered.
type Turn struct {
	Router string `json:"router"`
	Callee string `json:"callee"`
}

// Rotation makes calls one after another, each from a router chosen at random by seed, so that no
// router's own rotation could look like that of the cluster.
func Rotation(ctx context.Context, routers Routers, procedure string, calls int, seed uint64) ([]Turn, error) {
	sessions, leave, err := routers.joinAll(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	random := rand.New(rand.NewPCG(seed, 0))
	turns := make([]Turn, 0, calls)
	for n := range calls {
		i := random.IntN(len(sessions))
		callee, err := call(ctx, sessions[i], procedure)
		if err != nil {
			return turns, fmt.Errorf("call %d, from %s: %w", n+1, routers.Names[i], err)
		}
		turns = append(turns, Turn{Router: routers.Names[i], Callee: callee})
	}
	return turns, nil
}

// Share makes calls from all routers at the same time and counts the answers of each callee: a
// rotation gives each of them the same number, however the calls meet.
func Share(ctx context.Context, routers Routers, procedure string, callsEach int) (map[string]int, error) {
	sessions, leave, err := routers.joinAll(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	var (
		mu      sync.Mutex
		answers = map[string]int{}
		failed  error
		all     sync.WaitGroup
	)
	for _, session := range sessions {
		all.Go(func() {
			for range callsEach {
				callee, err := call(ctx, session, procedure)
				mu.Lock()
				if err != nil {
					failed = err
				}
				answers[callee]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return answers, failed
}

// joinAll opens a session with every router; leave closes them.
func (r Routers) joinAll(ctx context.Context) (sessions []*client.Client, leave func(), err error) {
	leave = func() {
		for _, s := range sessions {
			_ = s.Close()
		}
	}
	for _, name := range r.Names {
		s, err := r.Join(ctx, name)
		if err != nil {
			leave()
			return nil, nil, err
		}
		sessions = append(sessions, s)
	}
	return sessions, leave, nil
}
