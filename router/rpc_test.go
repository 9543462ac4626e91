package router_test

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"sync"
	"testing"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Peers with different serializations understand one another.
func TestSerializationsMeet(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		sent := []any{int64(1), "zwei", 3.5, true, nil, []any{int64(-4)}, map[string]any{"k": "v"}}
		for i, from := range wamp.Formats {
			for j, to := range wamp.Formats {
				name := fmt.Sprintf("com.example.%s.%s", from, to)
				callee := wamptest.Join(t, websocket(dev.Routers[i%len(dev.Routers)]), "realm1", to)
				if _, err := callee.Register(name, nil, func(m *wamptest.Message) { callee.Yield(m, m.Args...) }); err != nil {
					t.Fatal(err)
				}
				caller := wamptest.Join(t, rawsocket(dev.Routers[j%len(dev.Routers)]), "realm1", from)
				m, err := caller.Call(name, sent...)
				if err != nil || !reflect.DeepEqual(m.Args, sent) {
					t.Errorf("%s: %v, %v", name, m, err)
				}
			}
		}
	})
}

// A call whose arguments the callee's serialization cannot say is answered, and so is one whose
// result the caller's cannot.
func TestUnsayableIsAnswered(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		inJSON := wamptest.Join(t, websocket(dev.Routers[0]), "realm1", wamp.JSON)
		if _, err := inJSON.Register("com.example.json", nil, func(m *wamptest.Message) { inJSON.Yield(m) }); err != nil {
			t.Fatal(err)
		}
		binary := join(t, dev, 1)
		if _, err := binary.Register("com.example.binary", nil, func(m *wamptest.Message) { binary.Yield(m, math.Inf(1)) }); err != nil {
			t.Fatal(err)
		}
		if _, err := binary.Call("com.example.json", math.Inf(1)); wamptest.URI(err) != wamp.ErrInvalidArgument {
			t.Errorf("infinity to a callee that speaks JSON: %v", err)
		}
		if _, err := inJSON.Call("com.example.binary"); wamptest.URI(err) != wamp.ErrInvalidArgument {
			t.Errorf("infinity to a caller that speaks JSON: %v", err)
		}
	})
}

func TestErrorOfACallee(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		c := join(t, dev, 0)
		if _, err := c.Register(uri, nil, func(m *wamptest.Message) { c.Fail(m, m.Args[0].(string), "because") }); err != nil {
			t.Fatal(err)
		}
		caller := join(t, dev, 1)
		for sent, want := range map[string]string{"com.example.broken": "com.example.broken", "": wamp.ErrInvalidURI, "a b": wamp.ErrInvalidURI} {
			_, err := caller.Call(uri, sent)
			if wamptest.URI(err) != want {
				t.Errorf("error %q reached the caller as %v", sent, err)
			}
		}
		// YIELDs that answer nothing do no harm.
		_ = c.Send(&wamp.Message{Type: wamp.Yield, Request: 1})
		_ = c.Send(&wamp.Message{Type: wamp.Yield, Request: 4711})
		if _, err := caller.Call(uri, "com.example.broken"); wamptest.URI(err) != "com.example.broken" {
			t.Errorf("after stray YIELDs: %v", err)
		}
		if _, err := caller.Call("com..x"); wamptest.URI(err) != wamp.ErrInvalidURI {
			t.Errorf("CALL with a bad URI: %v", err)
		}
		if _, err := caller.Call("com.example.nobody"); wamptest.URI(err) != wamp.ErrNoSuchProcedure {
			t.Errorf("CALL of nothing: %v", err)
		}
	})
}

// Registrations come and go under load: REGISTERED comes before the first INVOCATION and none
// comes after UNREGISTERED (the test client complains), and every call is answered.
func TestRegistrationChurnUnderLoad(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		callee(t, dev, 0, "roundrobin") // one is always there
		stop := make(chan struct{})
		var load sync.WaitGroup
		for i := range 3 {
			caller := join(t, dev, i)
			load.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if _, err := caller.Call(uri); err != nil {
						t.Errorf("a call failed: %v", err)
						return
					}
				}
			})
		}
		c := join(t, dev, 1)
		for range 100 {
			id, err := c.Register(uri, map[string]any{"invoke": "roundrobin"}, func(m *wamptest.Message) { c.Yield(m) })
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Unregister(id); err != nil {
				t.Fatal(err)
			}
		}
		close(stop)
		load.Wait()
	})
}

// A client that calls without end is slowed down, not refused.
func TestManyLargeCallsInFlight(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		c := join(t, dev, 0)
		if _, err := c.Register(uri, nil, func(m *wamptest.Message) { c.Yield(m, m.Args...) }); err != nil {
			t.Fatal(err)
		}
		caller, blob := join(t, dev, 1), bytes.Repeat([]byte{7}, 32<<10)
		var answers []<-chan *wamptest.Message
		for range 500 {
			answers = append(answers, caller.StartCall(uri, blob))
		}
		for i, a := range answers {
			m, err := caller.Await(a)
			if err != nil {
				t.Fatalf("call %d: %v", i, err)
			}
			if got, _ := m.Args[0].([]byte); !bytes.Equal(got, blob) {
				t.Fatalf("call %d: the answer is not what was sent", i)
			}
		}
	})
}
