package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

const bubbleRealm = "realm1"

// bubbleLoad is what clients do to the cluster: callees at every replica, calls from every replica,
// registrations that come and go.
type bubbleLoad struct {
	b    *bubble
	stop func() // once; it returns when nobody starts anything more
	ctx  context.Context
	wg   sync.WaitGroup

	mu       sync.Mutex
	rng      *rand.Rand
	sessions wamp.ID
	fresh    int
	calls    []*bubbleCall
	rotation bubbleRotation
	// merging: the sides of a split have become one again, and so do their rotations.
	merging bool
	// uneasy: something is wrong with the replicas in troubled, or with the network between groups;
	// eras counts how often that changed.
	uneasy   bool
	eras     int
	troubled map[int]bool
	group    map[int]int
	// unharmed: calls to callees of which there are others must not fail even so.
	unharmed bool
	done     bubbleDone
}

// bubbleDone is how much was done.
type bubbleDone struct {
	Calls, Failed, Turns, Jumps, Registrations, Fresh, Singles int
}

func newBubbleLoad(b *bubble) *bubbleLoad {
	ctx, cancel := context.WithCancel(context.Background())
	l := &bubbleLoad{
		b: b, ctx: ctx, rng: rand.New(rand.NewPCG(b.seed, 2)), troubled: map[int]bool{}, group: map[int]int{},
	}
	l.stop = func() {
		cancel()
		l.wg.Wait()
	}
	return l
}

// trouble: something happens to these replicas, and what calls and registrations that touch them
// come to is uncertain until calm.
func (l *bubbleLoad) trouble(nodes ...*bubbleNode) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.uneasy = true
	l.eras++
	for _, n := range nodes {
		l.troubled[n.number] = true
	}
}

// split tells which groups cannot reach one another.
func (l *bubbleLoad) split(groups ...[]*bubbleNode) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.uneasy = true
	l.eras++
	for i, g := range groups {
		for _, n := range g {
			l.group[n.number] = i
		}
	}
}

// heal: the groups can reach one another again, and become one.
func (l *bubbleLoad) heal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.merging = true
	l.eras++
}

// calm: everything is well again, and promises hold without exception.
func (l *bubbleLoad) calm() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.uneasy, l.merging = false, false
	l.eras++
	clear(l.troubled)
	clear(l.group)
}

// demand: from here on no call may fail for which there are several callees, whatever happens.
func (l *bubbleLoad) demand() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unharmed = true
}

func (l *bubbleLoad) chance(n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rng.IntN(n)
}

// every repeats something, at intervals around d, until the load or the node ends.
func (l *bubbleLoad) every(d time.Duration, n *bubbleNode, do func()) {
	l.wg.Go(func() {
		for {
			select {
			case <-time.After(d/2 + time.Duration(l.chance(int(d)))):
			case <-l.ctx.Done():
				return
			}
			if n != nil && n.router.ended() {
				return
			}
			do()
		}
	})
}

// begin starts what is done to the cluster as a whole.
func (l *bubbleLoad) begin() {
	l.every(5*time.Millisecond, nil, l.turn)
	l.every(200*time.Millisecond, nil, l.newProcedure)
	l.every(500*time.Millisecond, nil, l.contest)
}

// serve starts the clients of a replica once it is ready.
func (l *bubbleLoad) serve(n *bubbleNode) {
	l.wg.Go(func() {
		for !n.Joined() {
			select {
			case <-time.After(10 * time.Millisecond):
			case <-l.ctx.Done():
				return
			}
			if n.router.ended() {
				return
			}
		}
		for uri, invoke := range map[string]Policy{
			"com.rotate": RoundRobin, "com.first": First, "com.last": Last, "com.random": Random,
			fmt.Sprintf("com.own%d", n.number): First,
		} {
			l.wg.Go(func() { l.keepRegistered(n, uri, invoke) })
		}
		l.every(20*time.Millisecond, n, func() { l.callSomething(n) })
	})
}

// over ends the clients of a replica that is lost; leave lets them go in order.
func (l *bubbleLoad) over(n *bubbleNode) { n.router.end() }

func (l *bubbleLoad) leave(n *bubbleNode) {
	n.router.close()
	n.router.open.Wait()
	for _, c := range n.router.callees() {
		c.close()
		n.CloseSession(c.session)
	}
	for n.router.busy() {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond) // the answers leave
}

// keepRegistered registers a callee as a client does that comes back after a refusal.
func (l *bubbleLoad) keepRegistered(n *bubbleNode, uri string, invoke Policy) {
	for l.ctx.Err() == nil && !n.router.ended() {
		if _, err := l.register(n, uri, invoke); err == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// register registers a new session; the error is the cluster's refusal.
func (l *bubbleLoad) register(n *bubbleNode, uri string, invoke Policy) (*bubbleCallee, error) {
	l.mu.Lock()
	l.sessions++
	c := &bubbleCallee{router: n.router, session: l.sessions}
	l.mu.Unlock()
	n.router.add(c)
	done := make(chan error, 2)
	n.Realm(bubbleRealm).Register(Registration{URI: uri, Invoke: invoke, Session: c.session, Callee: c}, func(_ wamp.ID, err error) {
		done <- err
	})
	select {
	case err := <-done:
		l.mu.Lock()
		l.done.Registrations++
		l.mu.Unlock()
		if err != nil {
			c.close()
		}
		return c, err
	case <-n.router.over:
	case <-time.After(askWait + 10*time.Second):
		l.b.failf("%s: registering %s got no answer", n.self.replica, uri)
	}
	return c, errors.New("no answer")
}

// unregister ends a session.
func (l *bubbleLoad) unregister(c *bubbleCallee, n *bubbleNode) {
	c.close()
	if !n.router.ended() {
		n.CloseSession(c.session)
	}
}

// newProcedure registers a procedure nobody had, and calls it from everywhere as soon as it is
// confirmed.
func (l *bubbleLoad) newProcedure() {
	n := l.someone()
	if n == nil {
		return
	}
	l.mu.Lock()
	l.fresh++
	uri, invoke := fmt.Sprintf("com.fresh%d", l.fresh), Policy(l.rng.IntN(5))
	l.mu.Unlock()
	c, err := l.register(n, uri, invoke)
	if err != nil {
		if l.fine(n, n) && !l.isUneasy() {
			l.b.failf("%s: a new procedure was refused: %v", n.self.replica, err)
		}
		return
	}
	var all sync.WaitGroup
	for _, m := range l.b.live() {
		all.Go(func() {
			if !m.router.enter() {
				return
			}
			defer m.router.open.Done()
			before := l.fine(m, n)
			call := l.call(m, uri)
			got, ok := call.wait()
			switch {
			case !ok || !before || !l.fine(m, n) || got == strconv.Itoa(int(c.session)):
			case invoke == RoundRobin && got == wamp.ErrCanceled && call.uneasy(l):
				// Its owner was lost with it.
			default:
				l.b.failf("%s (%s) was confirmed at %s; a call from %s was answered with %s; its list there is %v, here %v",
					uri, invoke, n.self.replica, m.self.replica, got, m.list(uri), n.list(uri))
			}
			l.mu.Lock()
			l.done.Fresh++
			l.mu.Unlock()
		})
	}
	all.Wait()
	if l.chance(10) > 0 {
		l.unregister(c, n)
	}
}

// contest asks for one single procedure at all replicas at once.
func (l *bubbleLoad) contest() {
	l.mu.Lock()
	l.fresh++
	uri, era, uneasy := fmt.Sprintf("com.single%d", l.fresh), l.eras, l.uneasy
	l.mu.Unlock()
	var mu sync.Mutex
	var all sync.WaitGroup
	var at []*bubbleNode
	var won []*bubbleCallee
	for _, n := range l.b.live() {
		if !n.Joined() || !n.router.serving() {
			continue
		}
		all.Go(func() {
			if c, err := l.register(n, uri, Single); err == nil {
				mu.Lock()
				at, won = append(at, n), append(won, c)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	l.mu.Lock()
	easy := !uneasy && !l.uneasy && l.eras == era
	l.done.Singles++
	l.mu.Unlock()
	if easy && len(won) != 1 {
		l.b.failf("%s was granted %d times", uri, len(won))
	}
	for i := range at {
		for j := range i {
			if l.fine(at[i], at[j]) {
				l.b.failf("%s was granted at %s and at %s", uri, at[i].self.replica, at[j].self.replica)
			}
		}
		defer l.unregister(won[i], at[i])
	}
}

// someone picks a replica that serves.
func (l *bubbleLoad) someone() *bubbleNode {
	live := l.b.live()
	for range 20 {
		if n := live[l.chance(len(live))]; n.Joined() && n.router.serving() {
			return n
		}
	}
	return nil
}

func (l *bubbleLoad) isUneasy() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.uneasy
}

// fine tells whether two replicas reach one another and nothing is wrong with either.
func (l *bubbleLoad) fine(a, b *bubbleNode) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.troubled[a.number] && !l.troubled[b.number] && l.group[a.number] == l.group[b.number] && !a.router.ended() && !b.router.ended()
}
