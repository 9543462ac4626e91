package router_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/transport"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// A replica that is told to stop answers the calls that are in flight before it says GOODBYE.
func TestDrainFinishesCalls(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		leaving := dev.Routers[0]
		slow := join(t, dev, 0)
		invoked := make(chan *wamptest.Message, 1)
		if _, err := slow.Register(uri, nil, func(m *wamptest.Message) { invoked <- m }); err != nil {
			t.Fatal(err)
		}
		caller := join(t, dev, 1)
		answer := caller.StartCall(uri)
		invocation := wamptest.Receive(t, invoked)

		drained := make(chan struct{})
		go func() {
			defer close(drained)
			ctx, cancel := context.WithTimeout(context.Background(), wamptest.Timeout)
			defer cancel()
			leaving.Drain(ctx)
		}()
		eventually(t, "the replica not ready", func() bool { return len(leaving.Missing()) > 0 })
		if code, body := get(t, leaving, "/readyz"); code != 503 || body != "not ready:\n- the replica is stopping\n" {
			t.Errorf("readyz: %d %q", code, body)
		}
		eventually(t, "nobody is let in", func() bool {
			_, err := wamptest.TryJoin(t, rawsocket(leaving), "realm1", wamp.MessagePack)
			return wamptest.URI(err) == wamp.CloseSystemShutdown
		})
		select {
		case <-drained:
			t.Fatal("drained with a call in flight")
		default:
		}
		slow.Yield(invocation, "done")
		m, err := caller.Await(answer)
		if err != nil || m.Args[0] != "done" {
			t.Errorf("the call in flight: %v, %v", m, err)
		}
		if end := slow.End(); end == nil || end.URI != wamp.CloseSystemShutdown {
			t.Errorf("the callee's session ended with %+v", end)
		}
		select {
		case <-drained:
		case <-time.After(wamptest.Timeout):
			t.Fatal("the drain does not end")
		}
	})
}

// Clients that would never connect again after a GOODBYE, as the libraries for JavaScript, see their
// connection end instead, whether they are there when the replica stops or come while it does.
func TestDrainLetsJavaScriptConnectAgain(t *testing.T) {
	dev := start(t, 1)
	leaving := dev.Routers[0]
	browser := transport.Dialer{Header: http.Header{"Origin": {"http://" + leaving.Address()}}}
	ctx, cancel := context.WithTimeout(t.Context(), wamptest.Timeout)
	defer cancel()
	dial := func() transport.Conn {
		conn, err := browser.Dial(ctx, websocket(leaving), wamp.JSON)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(conn.Abort)
		if err := conn.Send(wamptest.Hello("realm1", wamp.JSON)); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	goesAway := func(conn transport.Conn) {
		t.Helper()
		frame, err := conn.ReadMessage()
		var end *transport.CloseError
		if !errors.As(err, &end) || end.Code != transport.CloseGoingAway {
			t.Errorf("got %q, %v, want the close code %d", frame, err, transport.CloseGoingAway)
		}
	}
	there := dial()
	if m := wamptest.Read(t, there); m.Type != wamp.Welcome {
		t.Fatalf("got %v", m.Type)
	}
	busy := join(t, dev, 0) // holds the drain up, so that there is somebody to come to
	invoked := make(chan *wamptest.Message, 1)
	if _, err := busy.Register(uri, nil, func(m *wamptest.Message) { invoked <- m }); err != nil {
		t.Fatal(err)
	}
	answer := join(t, dev, 0).StartCall(uri)
	invocation := wamptest.Receive(t, invoked)

	drained := make(chan struct{})
	go func() {
		defer close(drained)
		leaving.Drain(ctx)
	}()
	goesAway(there)
	goesAway(dial())
	busy.Yield(invocation, "done")
	wamptest.Receive(t, answer)
	<-drained
	if end := busy.End(); end == nil || end.URI != wamp.CloseSystemShutdown {
		t.Errorf("the session of another library ended with %+v", end)
	}
}

// While a replica drains and stops, calls through the others go on without a failure.
func TestDrainMovesCallsElsewhere(t *testing.T) {
	dev := start(t, 3)
	for i := range 3 {
		callee(t, dev, i, "roundrobin")
	}
	caller := join(t, dev, 1)
	stop, ended := make(chan struct{}), make(chan int)
	go func() {
		calls := 0
		for ; ; calls++ {
			select {
			case <-stop:
				ended <- calls
				return
			default:
			}
			if _, err := caller.Call(uri); err != nil {
				t.Errorf("call %d failed: %v", calls, err)
			}
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), wamptest.Timeout)
	defer cancel()
	dev.Routers[0].Drain(ctx)
	dev.Routers[0].Close()
	eventually(t, "the replica gone", func() bool { return len(dev.Routers[1].State().Members) == 2 })
	close(stop)
	if calls := <-ended; calls < 10 {
		t.Errorf("only %d calls were made", calls)
	}
	if n := len(listed(dev.Routers[2])); n != 2 {
		t.Errorf("%d callees on the list, want 2", n)
	}
}
