package router_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/transport"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// A call of a procedure with a hold waits for a callee, wherever that registers, and other calls of
// its session go on meanwhile. The calls come in their order, but in a rotation, whose owner may know
// the callee a moment later than the caller's replica.
func TestCallIsHeldUntilThereIsACallee(t *testing.T) {
	for _, policy := range []string{"single", "roundrobin", "random"} {
		t.Run(policy, func(t *testing.T) {
			declared(t, declaration("invoke: "+policy, "hold: 10s"), func(t *testing.T, dev *router.Dev, _ func(string)) {
				for at := range dev.Routers {
					caller := join(t, dev, 0)
					var answers []<-chan *wamptest.Message
					for i := range 20 {
						answers = append(answers, caller.StartCall(uri, i))
					}
					if _, err := caller.Call("com.example.nobody"); wamptest.URI(err) != wamp.ErrNoSuchProcedure {
						t.Errorf("a call that is not held: %v", err)
					}
					callee, box, _ := taker(t, dev, at, policy)
					for i := range answers {
						m := box.next(t)
						if m.Args[0] != int64(i) && policy != "roundrobin" {
							t.Errorf("call %v came as number %d", m.Args[0], i)
						}
						callee.Yield(m, m.Args[0])
					}
					for i, answer := range answers {
						if m, err := caller.Await(answer); err != nil || m.Args[0] != int64(i) {
							t.Errorf("call %d: %v, %v", i, m, err)
						}
					}
					callee.Kill()
					for _, r := range dev.Routers {
						eventually(t, "the list empty", func() bool { return len(listed(r)) == 0 })
					}
				}
			})
		})
	}
}

// When the hold is over, the answer names it; a call with less time ends before, and a canceled one at
// once.
func TestHeldCallEnds(t *testing.T) {
	declared(t, declaration("invoke: single", "hold: 1s"), func(t *testing.T, dev *router.Dev, _ func(string)) {
		for at := range dev.Routers {
			caller, began := join(t, dev, at), time.Now()
			over := caller.StartCall(uri)
			_, late := caller.StartOptions(uri, map[string]any{"timeout": 100}, nil)
			for _, mode := range []string{"kill", "killnowait", "skip"} {
				request, canceled := caller.StartOptions(uri, nil, nil)
				caller.Cancel(request, map[string]any{"mode": mode})
				fails(t, caller, canceled, wamp.ErrCanceled)
			}
			if took := time.Since(began); took > 900*time.Millisecond {
				t.Errorf("canceled after %v", took)
			}
			fails(t, caller, late, wamp.ErrTimeout)
			_, err := caller.Await(over)
			if said := fmt.Sprint(err); wamptest.URI(err) != wamp.ErrNoSuchProcedure || !strings.Contains(said, "within 1s, the hold") {
				t.Errorf("the call ended with %s", said)
			}
			if took := time.Since(began); took < time.Second || took > 3*time.Second {
				t.Errorf("held for %v", took)
			}
		}
	})
}

// What a session has left behind is not sent to the callee that comes.
func TestHeldCallEndsWithItsSession(t *testing.T) {
	declared(t, declaration("invoke: single", "hold: 1m"), func(t *testing.T, dev *router.Dev, _ func(string)) {
		gone, stays := join(t, dev, 0), join(t, dev, 0)
		gone.StartCall(uri, "gone")
		metric(t, dev.Routers[0], `wamp_router_calls_held{realm="realm1"} 1`)
		gone.Kill()
		metric(t, dev.Routers[0], `wamp_router_calls_held{realm="realm1"} 0`)
		answer := stays.StartCall(uri, "stays")
		callee, box, _ := taker(t, dev, 1, "single")
		m := box.next(t)
		if m.Args[0] != "stays" {
			t.Errorf("the callee got %v", m.Args)
		}
		callee.Yield(m)
		if _, err := stays.Await(answer); err != nil {
			t.Error(err)
		}
	})
}

// A hold of a pattern is for all that it matches, and a call that is sent on has all that it was made
// with.
func TestPatternHoldsACall(t *testing.T) {
	content := strings.Replace(declaration("invoke: single", "match: prefix", "hold: 10s"), uri, "com.example.", 1)
	declared(t, content, func(t *testing.T, dev *router.Dev, _ func(string)) {
		caller, parts := join(t, dev, 0), newInbox()
		_, answer := caller.StartOptions(uri, map[string]any{"receive_progress": true}, parts.put, "this")
		callee, box := join(t, dev, 1), newInbox()
		if _, err := callee.Register("com.example", map[string]any{"match": "prefix"}, box.put); err != nil {
			t.Fatal(err)
		}
		m := box.next(t)
		if d := wamptest.Details(m); d["procedure"] != uri || d["receive_progress"] != true || m.Args[0] != "this" {
			t.Errorf("the callee got %v %v", d, m.Args)
		}
		callee.YieldOptions(m, map[string]any{"progress": true}, 1)
		parts.next(t)
		callee.Yield(m, 2)
		if m, err := caller.Await(answer); err != nil || m.Args[0] != int64(2) {
			t.Errorf("the call ended with %v, %v", m, err)
		}
	})
}

// Calls that wait at a callee for its concurrency go to the next when it leaves, also when there is
// none yet.
func TestQueuedCallsAreHeldWhenTheirCalleeLeaves(t *testing.T) {
	declared(t, declaration("invoke: single", "hold: 10s"), func(t *testing.T, dev *router.Dev, _ func(string)) {
		for at := range dev.Routers {
			first, box := join(t, dev, at), newInbox()
			id, err := first.Register(uri, map[string]any{"concurrency": 1}, box.put)
			if err != nil {
				t.Fatal(err)
			}
			caller := join(t, dev, 0)
			served, queued := caller.StartCall(uri, 1), caller.StartCall(uri, 2)
			m := box.next(t)
			metric(t, dev.Routers[at], `wamp_router_calls_queued{realm="realm1"} 1`)
			if err := first.Unregister(id); err != nil {
				t.Fatal(err)
			}
			first.Yield(m, "first")
			if m, err := caller.Await(served); err != nil || m.Args[0] != "first" {
				t.Errorf("the call in flight: %v, %v", m, err)
			}
			second, next, _ := taker(t, dev, at+1, "single")
			second.Yield(next.next(t), "second")
			if m, err := caller.Await(queued); err != nil || m.Args[0] != "second" {
				t.Errorf("the call that waited: %v, %v", m, err)
			}
			second.Kill()
			for _, r := range dev.Routers {
				eventually(t, "the list empty", func() bool { return len(listed(r)) == 0 })
			}
		}
	})
}

// visitor is a client that goes to the next replica when its session ends.
type visitor struct {
	t        *testing.T
	ctx      context.Context
	replicas []replica
	next     int
}

// session opens a session somewhere; nil when the test is over.
func (v *visitor) session() transport.Conn {
	for ; v.ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		v.next++
		conn, err := transport.Dial(v.ctx, v.replicas[v.next%len(v.replicas)].address, wamp.MessagePack)
		if err != nil {
			continue
		}
		context.AfterFunc(v.ctx, conn.Abort)
		if conn.Send(wamptest.Hello("realm1", wamp.MessagePack)) == nil {
			if m := v.read(conn); m != nil && m.Type == wamp.Welcome {
				return conn
			}
		}
		conn.Abort()
	}
	return nil
}

// read gives the next message; nil when the session is over.
func (v *visitor) read(conn transport.Conn) *wamp.Message {
	frame, err := conn.ReadMessage()
	m := &wamp.Message{}
	if err != nil || wamp.Decode(conn.Format(), append([]byte{}, frame...), m) != nil {
		return nil
	}
	if m.Type == wamp.Goodbye {
		_ = conn.Send(&wamp.Message{Type: wamp.Goodbye, URI: wamp.CloseGoodbyeAndOut})
		return nil
	}
	return m
}

// serve is a callee.
func (v *visitor) serve(policy string) {
	for conn := v.session(); conn != nil; conn = v.session() {
		_ = conn.Send(&wamp.Message{Type: wamp.Register, Request: 1, URI: uri, Dict: wamp.MustDict(wamp.MessagePack, map[string]any{"invoke": policy})})
		for m := v.read(conn); m != nil; m = v.read(conn) {
			switch m.Type {
			case wamp.Invocation:
				_ = conn.Send(&wamp.Message{Type: wamp.Yield, Request: m.Request, Payload: m.Payload})
			case wamp.Error: // the router is stopping
				conn.Abort()
			}
		}
		conn.Abort()
	}
}

// call is a caller. A call that crosses the end of its session is made again.
func (v *visitor) call(calls *atomic.Int64) {
	for conn := v.session(); conn != nil; conn = v.session() {
		for request := wamp.ID(1); ; request++ {
			if conn.Send(&wamp.Message{Type: wamp.Call, Request: request, URI: uri}) != nil {
				break
			}
			m := v.read(conn)
			if m == nil {
				break
			}
			if m.Type != wamp.Result {
				args, _, _ := m.Payload.Decode()
				v.t.Errorf("a call ended with %v %s %v", m.Type, m.URI, args)
			}
			calls.Add(1)
		}
		conn.Abort()
	}
}

// All replicas are restarted one after the other, and with them the connections of all callees: with a
// hold no call fails.
func TestRollingRestartFailsNoHeldCall(t *testing.T) {
	for policy, callees := range map[string]int{"single": 1, "roundrobin": 2} {
		t.Run(policy, func(t *testing.T) {
			replicas := processes(t, 3, declaration("invoke: "+policy, "hold: 10s"))
			ctx, cancel := context.WithCancel(t.Context())
			var clients sync.WaitGroup
			var calls atomic.Int64
			for i := range callees {
				clients.Go(func() { (&visitor{t, ctx, replicas, i}).serve(policy) })
			}
			for i := range 6 {
				clients.Go(func() { (&visitor{t, ctx, replicas, i}).call(&calls) })
			}
			eventually(t, "calls under way", func() bool { return calls.Load() > 100 })
			for i := range replicas {
				before := calls.Load()
				replicas[i].restart(t, len(replicas))
				eventually(t, "calls going on", func() bool { return calls.Load() > before+100 })
			}
			cancel()
			clients.Wait()
			t.Logf("%d calls", calls.Load())
		})
	}
}
