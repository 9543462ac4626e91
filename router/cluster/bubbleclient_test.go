package cluster

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// bubbleRouter stands for the router around a node: it knows the callees connected to it, and the
// calls that they have not answered.
type bubbleRouter struct {
	silentHost
	over chan struct{}  // closed when the replica is lost, and its clients with it
	open sync.WaitGroup // calls of clients here, while it serves

	mu      sync.Mutex
	once    sync.Once
	closing bool
	clients []*bubbleCallee
	pending map[*bubbleDelivery]struct{}
}

type bubbleDelivery struct {
	callee Callee
	caller Caller
}

func newBubbleRouter() *bubbleRouter {
	return &bubbleRouter{over: make(chan struct{}), pending: map[*bubbleDelivery]struct{}{}}
}

func (r *bubbleRouter) end() { r.once.Do(func() { close(r.over) }) }

func (r *bubbleRouter) ended() bool {
	select {
	case <-r.over:
		return true
	default:
		return false
	}
}

// enter begins a call of a client here; false when the replica is about to leave.
func (r *bubbleRouter) enter() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closing {
		r.open.Add(1)
	}
	return !r.closing
}

func (r *bubbleRouter) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closing = true
}

func (r *bubbleRouter) serving() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.closing && !r.ended()
}

func (r *bubbleRouter) add(c *bubbleCallee) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clients = append(r.clients, c)
}

func (r *bubbleRouter) callees() []*bubbleCallee {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*bubbleCallee(nil), r.clients...)
}

func (r *bubbleRouter) busy() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.pending) > 0
}

// Pending implements Host.
func (r *bubbleRouter) Pending(f func(Callee, Caller)) {
	r.mu.Lock()
	var open []bubbleDelivery
	for d := range r.pending {
		open = append(open, *d)
	}
	r.mu.Unlock()
	for _, d := range open {
		f(d.callee, d.caller)
	}
}

// bubbleCallee answers every call with the number of its session, after a moment.
type bubbleCallee struct {
	plainCallee
	router  *bubbleRouter
	session wamp.ID
	mu      sync.Mutex
	closed  bool
}

func (c *bubbleCallee) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
}

func (c *bubbleCallee) Deliver(d *Delivery) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.router.ended() {
		return ErrGone
	}
	open := &bubbleDelivery{c, d.Caller}
	c.router.mu.Lock()
	c.router.pending[open] = struct{}{}
	c.router.mu.Unlock()
	// Never at once: a timer without a delay runs on the stack of the runtime in a bubble, where Go 1.26's race detector may crash.
	time.AfterFunc(time.Duration(1+c.session%8)*500*time.Microsecond, func() {
		if c.router.ended() {
			return
		}
		payload, _ := wamp.NewPayload(wamp.MessagePack, []any{strconv.Itoa(int(c.session))}, nil)
		open.caller.Answer(&Answer{Payload: payload})
		c.router.mu.Lock()
		delete(c.router.pending, open)
		c.router.mu.Unlock()
	})
	return nil
}

func (c *bubbleCallee) WaitRoom(context.Context) error { return nil }

// bubbleCall is a call and what came of it.
type bubbleCall struct {
	uri  string
	at   *bubbleNode
	era  int
	easy bool

	mu      sync.Mutex
	answers int
	answer  string // the callee's session, or the URI of an error
	failed  bool
	done    chan struct{}
}

// call makes a call from a replica.
func (l *bubbleLoad) call(n *bubbleNode, uri string) *bubbleCall {
	c := &bubbleCall{uri: uri, at: n, done: make(chan struct{})}
	l.mu.Lock()
	c.era, c.easy = l.eras, !l.uneasy
	l.calls = append(l.calls, c)
	l.done.Calls++
	l.mu.Unlock()
	call := &Call{URI: uri, Caller: c}
	for {
		w := n.Realm(bubbleRealm).Call(call)
		if w == nil {
			return c
		}
		ctx, cancel := context.WithTimeout(context.Background(), routeWait)
		go func() { // a client whose replica is lost waits no more
			select {
			case <-n.router.over:
				cancel()
			case <-ctx.Done():
			}
		}()
		_ = w.WaitRoom(ctx)
		cancel()
		if n.router.ended() {
			return c
		}
	}
}

// Answer implements Caller, as Open, Sent and Room do.
func (c *bubbleCall) Answer(a *Answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.answers++; c.answers > 1 {
		return
	}
	if c.answer = a.Error; a.Error != "" {
		c.failed = true
	} else if args, _, err := a.Payload.Decode(); err == nil && len(args) > 0 {
		c.answer, _ = args[0].(string)
	}
	close(c.done)
}

func (c *bubbleCall) Open() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answers == 0
}

func (c *bubbleCall) Sent(uint64)  {}
func (c *bubbleCall) Room() Waiter { return nil }

// wait gives the answer; false when the caller's replica was lost. Calls that are never answered are
// found at the end.
func (c *bubbleCall) wait() (string, bool) {
	select {
	case <-c.done:
	case <-c.at.router.over:
	case <-time.After(routeWait + 5*time.Second):
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answer, c.answers > 0
}

// uneasy tells whether anything was wrong, or changed, during the call.
func (c *bubbleCall) uneasy(l *bubbleLoad) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !c.easy || l.uneasy || l.eras != c.era
}
