package client_test

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/wamp"
	"github.com/wamp-operator/wamp-operator/test/chaos/client"
)

const patience = 10 * time.Second

// cluster runs routers in this process.
func cluster(t *testing.T, replicas int) (routers []client.Router, all *router.Dev) {
	t.Helper()
	dev, err := router.StartDev(router.DevConfig{Replicas: replicas, Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(dev.Close)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := dev.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	for _, r := range dev.Routers {
		routers = append(routers, client.Router{Name: r.Address(), Address: r.Address()})
	}
	return routers, dev
}

// doubler answers each call with twice its number.
type doubler struct{ client.Silent }

func (doubler) Invoked(s *client.Session, invocation wamp.ID, arguments []byte) {
	n, _ := client.Number(arguments, 0)
	s.Yield(invocation, client.AppendNumbers(nil, 2*n))
}

func join(t *testing.T, to client.Router, h client.Handler) *client.Session {
	t.Helper()
	nc, err := net.Dial("tcp", to.Address)
	if err != nil {
		t.Fatal(err)
	}
	s, err := client.Join(t.Context(), nc, to.Name, "realm1", h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Break()
		<-s.Ended()
	})
	return s
}

// done waits for the answer of a request.
func done(t *testing.T, request func(client.Receiver) bool) (answer client.Answer) {
	t.Helper()
	answered := make(chan client.Answer, 1)
	if !request(client.ReceiverFunc(func(a *client.Answer) { answered <- *a })) {
		t.Fatal("the session is over")
	}
	select {
	case a := <-answered:
		return a
	case <-time.After(patience):
		t.Fatal("no answer came")
		return client.Answer{}
	}
}

func register(t *testing.T, s *client.Session, procedure string) wamp.ID {
	t.Helper()
	a := done(t, func(r client.Receiver) bool { return s.Register(procedure, "roundrobin", r) })
	if a.Error != "" || a.Lost != nil {
		t.Fatalf("REGISTER: %+v", a)
	}
	return a.ID
}

// Every call has its own answer, however many are in flight.
func TestCallsInFlightGetTheirAnswers(t *testing.T) {
	routers, _ := cluster(t, 1)
	callee, caller := join(t, routers[0], doubler{}), join(t, routers[0], client.Silent{})
	registration := register(t, callee, "double")
	var all sync.WaitGroup
	var wrong atomic.Int64
	for i := range uint64(5000) {
		all.Add(1)
		caller.Call("double", client.AppendNumbers(nil, i), client.ReceiverFunc(func(a *client.Answer) {
			if n, ok := client.Number(a.Arguments, 0); !ok || n != 2*i {
				wrong.Add(1)
			}
			all.Done()
		}))
	}
	all.Wait()
	if n := wrong.Load(); n > 0 {
		t.Errorf("%d answers are wrong", n)
	}
	if a := done(t, func(r client.Receiver) bool { return callee.Unregister(registration, r) }); a.Error != "" {
		t.Errorf("UNREGISTER: %s", a.Error)
	}
	a := done(t, func(r client.Receiver) bool { return caller.Call("double", nil, r) })
	if a.Error != wamp.ErrNoSuchProcedure {
		t.Errorf("after UNREGISTER: %+v", a)
	}
}

// Calls that are lost with the connection must not look like calls that the router left unanswered.
func TestEachCallOfABrokenConnectionEndsOnce(t *testing.T) {
	routers, _ := cluster(t, 1)
	callee, caller := join(t, routers[0], mute{}), join(t, routers[0], client.Silent{})
	register(t, callee, "mute")
	var lost atomic.Int64
	for range 100 {
		caller.Call("mute", nil, client.ReceiverFunc(func(a *client.Answer) {
			if a.Lost == client.ErrLost {
				lost.Add(1)
			}
		}))
	}
	caller.Break()
	<-caller.Ended()
	if n := lost.Load(); n != 100 {
		t.Errorf("%d of 100 calls ended as lost", n)
	}
	if caller.Call("mute", nil, client.ReceiverFunc(func(*client.Answer) {})) {
		t.Error("a call could be made after the end")
	}
}

// mute answers no call.
type mute struct{ client.Silent }

func (mute) Invoked(*client.Session, wamp.ID, []byte) {}

// A client that is told to leave is at the next replica, and its connection to the first is closed.
func TestClientMovesOnWhenItsReplicaStops(t *testing.T) {
	routers, all := cluster(t, 2)
	ctx, cancel := context.WithCancel(t.Context())
	joined, ended := make(chan *client.Session, 10), make(chan bool, 10)
	var d net.Dialer
	var running sync.WaitGroup
	running.Go(func() {
		client.Run(ctx, client.Config{
			Routers: routers, Dial: d.DialContext, Realm: "realm1",
			Joined: func(s *client.Session) { joined <- s },
			Ended:  func(_ *client.Session, dismissed bool) { ended <- dismissed },
		})
	})
	defer running.Wait()
	defer cancel()
	first := <-joined
	stopping, stop := context.WithTimeout(ctx, patience)
	defer stop()
	all.Routers[0].Drain(stopping)
	second := <-joined
	if first.Replica != routers[0].Name || second.Replica != routers[1].Name {
		t.Errorf("joined %s, then %s", first.Replica, second.Replica)
	}
	if dismissed := <-ended; !dismissed {
		t.Error("the end of the first session must be told as a dismissal")
	}
}
