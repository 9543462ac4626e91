package router_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// holding is a callee that answers when it is told to.
type holding struct {
	*wamptest.Client
	mu   sync.Mutex
	got  []*wamptest.Message
	most int // invocations that were open at a time
}

func (h *holding) take(m *wamptest.Message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.got = append(h.got, m)
	h.most = max(h.most, len(h.got))
}

func (h *holding) open() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.got)
}

// answer answers the oldest invocation; false when there is none.
func (h *holding) answer() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.got) == 0 {
		return false
	}
	h.Yield(h.got[0])
	h.got = h.got[1:]
	return true
}

func holdings(t *testing.T, dev *router.Dev, invoke string, asked ...int) []*holding {
	t.Helper()
	var callees []*holding
	for i, n := range asked {
		c := &holding{Client: join(t, dev, i)}
		options := map[string]any{"invoke": invoke}
		if n > 0 {
			options["concurrency"] = n
		}
		if _, err := c.Register(uri, options, c.take); err != nil {
			t.Fatal(err)
		}
		callees = append(callees, c)
	}
	return callees
}

// Each callee has as many calls at once as is declared, or as it asked for when that is less, by every
// policy, and all calls are answered.
func TestDeclaredConcurrency(t *testing.T) {
	for _, policy := range []string{"roundrobin", "random", "first", "last"} {
		t.Run(policy, func(t *testing.T) {
			declared(t, declaration("invoke: "+policy, "concurrency: 2"), func(t *testing.T, dev *router.Dev, _ func(string)) {
				callees := holdings(t, dev, policy, 0, 1, 5)
				var answers []<-chan *wamptest.Message
				var callers []*wamptest.Client
				for i := range 30 {
					callers = append(callers, join(t, dev, i))
					answers = append(answers, callers[i].StartCall(uri))
				}
				total := 5
				if policy == "first" || policy == "last" {
					total = 2
				}
				eventually(t, fmt.Sprintf("%d calls with the callees", total), func() bool {
					return callees[0].open()+callees[1].open()+callees[2].open() == total
				})
				for answered := 0; answered < len(answers); {
					for _, c := range callees {
						if c.answer() {
							answered++
						}
					}
				}
				for i, a := range answers {
					if _, err := callers[i].Await(a); err != nil {
						t.Errorf("call %d: %v", i, err)
					}
				}
				for i, most := range []int{2, 1, 2} {
					if callees[i].most > most {
						t.Errorf("callee %d had %d calls at once, not %d", i, callees[i].most, most)
					}
				}
			})
		})
	}
}

// A change of the declared concurrency holds for the callees that are there, without a new REGISTER.
func TestDeclaredConcurrencyChanges(t *testing.T) {
	declared(t, declaration("concurrency: 2"), func(t *testing.T, dev *router.Dev, rewrite func(string)) {
		callee, caller := holdings(t, dev, "single", 0)[0], join(t, dev, 1)
		var answers []<-chan *wamptest.Message
		for range 12 {
			answers = append(answers, caller.StartCall(uri))
		}
		has := func(n int) {
			t.Helper()
			eventually(t, fmt.Sprintf("%d calls with the callee", n), func() bool { return callee.open() == n })
		}
		has(2)
		rewrite(declaration("concurrency: 4"))
		has(4)
		rewrite(declaration("concurrency: 1"))
		for range 3 {
			callee.answer()
		}
		if _, err := caller.Await(answers[2]); err != nil {
			t.Fatal(err)
		}
		has(1)
		callee.answer()
		has(1)
		rewrite(declaration())
		has(8)
		if callee.most != 8 {
			t.Errorf("there were %d calls at once", callee.most)
		}
		for callee.answer() {
		}
		for i, a := range answers {
			if i != 2 {
				if _, err := caller.Await(a); err != nil {
					t.Errorf("call %d: %v", i, err)
				}
			}
		}
	})
}

// Calls that come faster than their callee may have them are all answered, whatever replica they come from.
func TestDeclaredConcurrencyRefusesNothing(t *testing.T) {
	declared(t, declaration("concurrency: 1"), func(t *testing.T, dev *router.Dev, _ func(string)) {
		callee := join(t, dev, 0)
		if _, err := callee.Register(uri, nil, func(m *wamptest.Message) { callee.Yield(m) }); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for i := range 3 {
			caller := join(t, dev, i)
			all.Go(func() {
				var answers []<-chan *wamptest.Message
				for range 1000 {
					answers = append(answers, caller.Start(&wamp.Message{Type: wamp.Call, URI: uri}))
				}
				for n, a := range answers {
					if _, err := caller.Await(a); err != nil {
						t.Errorf("call %d of caller %d: %v", n, i, err)
						return
					}
				}
			})
		}
		all.Wait()
	})
}
