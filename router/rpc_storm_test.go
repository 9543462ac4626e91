package router_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Whatever callers and callees do at once, every call ends exactly once: the test client complains
// of an answer to a request that is not open, and waits for each that is.
func TestEveryCallEndsOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		for _, policy := range []string{"roundrobin", "random", "first"} {
			uri := fresh()
			for i := range 4 {
				moody(t, join(t, dev, i), uri, policy, rand.New(rand.NewPCG(seed, uint64(i))), i == 0)
			}
			stop := make(chan struct{})
			var comers, callers sync.WaitGroup
			comers.Go(func() { // callees that come and go
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					c := join(t, dev, i)
					moody(t, c, uri, policy, rand.New(rand.NewPCG(seed, uint64(100+i))), false)
					time.Sleep(5 * time.Millisecond)
					c.Kill()
				}
			})
			for i := range 4 {
				callers.Go(func() { demanding(t, join(t, dev, i), uri, rand.New(rand.NewPCG(seed, uint64(10+i)))) })
			}
			callers.Wait()
			close(stop)
			comers.Wait()
		}
	})
}

// moody is a callee that does everything that a callee may do with an invocation.
func moody(t *testing.T, c *wamptest.Client, uri, policy string, random *rand.Rand, steady bool) {
	c.On(wamp.Interrupt, func(m *wamptest.Message) {
		if wamptest.Details(m)["mode"] == "kill" { // perhaps before the last piece has come
			c.Fail(m, wamp.ErrCanceled)
		}
	})
	options := map[string]any{"invoke": policy}
	if !steady {
		options["concurrency"] = 3
	}
	if _, err := c.Register(uri, options, func(m *wamptest.Message) {
		details := wamptest.Details(m)
		switch mood := random.IntN(10); {
		case details["progress"] == true:
			c.YieldOptions(m, map[string]any{"progress": true})
		case m.Args[0] == true: // forgotten: the caller will cancel, or has little time
		case mood == 0 && !steady:
			c.Fail(m, wamp.ErrUnavailable)
		case mood == 1:
			c.Fail(m, "com.example.broken")
		default:
			for range random.IntN(3) {
				c.YieldOptions(m, map[string]any{"progress": true})
			}
			c.Yield(m)
		}
	}); err != nil {
		t.Errorf("registering: %v", err)
	}
}

// demanding is a caller that does everything that a caller may do with a call.
func demanding(t *testing.T, c *wamptest.Client, uri string, random *rand.Rand) {
	type open struct {
		id     wamp.ID
		what   string
		answer <-chan *wamptest.Message
	}
	var calls []open
	await := func() {
		if m, err := c.Await(calls[0].answer); m == nil && wamptest.URI(err) == "no answer" {
			t.Errorf("call %d (%s) has no answer", calls[0].id, calls[0].what)
		}
		calls = calls[1:]
	}
	for range 200 {
		options, lost := map[string]any{}, random.IntN(3) == 0
		if random.IntN(2) == 0 {
			options["receive_progress"] = true
		}
		pieces := 0
		if random.IntN(5) == 0 {
			options["progress"] = true
			pieces = 1 + random.IntN(4)
		}
		cancels := lost && random.IntN(2) == 0
		if lost && !cancels {
			options["timeout"] = 1 + random.IntN(20)
		}
		var progress func(*wamptest.Message)
		if options["receive_progress"] == true {
			progress = func(*wamptest.Message) {}
		}
		id, answer := c.StartOptions(uri, options, progress, lost)
		for i := range pieces {
			c.More(id, uri, i == pieces-1, lost)
		}
		mode := ""
		if cancels {
			mode = []string{"skip", "kill", "killnowait"}[random.IntN(3)]
			c.Cancel(id, map[string]any{"mode": mode})
		}
		what := fmt.Sprintf("%v, %d more pieces, lost %v, cancel %s", options, pieces, lost, mode)
		if calls = append(calls, open{id, what, answer}); len(calls) > 20 {
			await()
		}
	}
	for len(calls) > 0 {
		await()
	}
}
