package interop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gammazero/nexus/v3/client"
	"github.com/gammazero/nexus/v3/transport/serialize"
	"github.com/gammazero/nexus/v3/wamp"
)

// speech is a way to connect.
type speech struct {
	name          string
	url           func(replica int) string
	serialization serialize.Serialization
}

var speeches = []speech{
	{"WebSocket/JSON", webSocket, serialize.JSON},
	{"WebSocket/MessagePack", webSocket, serialize.MSGPACK},
	{"WebSocket/CBOR", webSocket, serialize.CBOR},
	{"RawSocket/JSON", rawSocket, serialize.JSON},
	{"RawSocket/MessagePack", rawSocket, serialize.MSGPACK},
	{"RawSocket/CBOR", rawSocket, serialize.CBOR},
}

// join opens a session that ends with the test.
func connect(t *testing.T, s speech, replica int) *client.Client {
	t.Helper()
	c, err := client.ConnectNet(t.Context(), s.url(replica), client.Config{
		Realm: "realm1", Serialization: s.serialization, ResponseTimeout: 5 * time.Second, Logger: log.New(io.Discard, "", 0),
	})
	if err != nil {
		t.Fatalf("%s to replica %d: %v", s.name, replica, err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func timeout(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// Every way to connect calls every other, across replicas.
func TestNexusCalls(t *testing.T) {
	for i, calleeSpeaks := range speeches {
		callee := connect(t, calleeSpeaks, 2)
		procedure := fmt.Sprintf("com.myapp.nexus.echo%d", i)
		if err := callee.Register(procedure, echo, nil); err != nil {
			t.Fatal(err)
		}
		for _, callerSpeaks := range speeches {
			t.Run(callerSpeaks.name+" calls "+calleeSpeaks.name, func(t *testing.T) {
				caller := connect(t, callerSpeaks, 0)
				result, err := caller.Call(timeout(t), procedure, nil, wamp.List{"text", 7, true, nil}, wamp.Dict{"key": "value"}, nil)
				if err != nil {
					t.Fatal(err)
				}
				if n, _ := wamp.AsInt64(result.Arguments[1]); len(result.Arguments) != 4 || result.Arguments[0] != "text" || n != 7 ||
					result.Arguments[2] != true || result.Arguments[3] != nil {
					t.Errorf("arguments came back as %v", result.Arguments)
				}
				if !reflect.DeepEqual(result.ArgumentsKw, wamp.Dict{"key": "value"}) {
					t.Errorf("keyword arguments came back as %v", result.ArgumentsKw)
				}
				_, err = caller.Call(timeout(t), procedure, nil, wamp.List{"fail"}, nil, nil)
				var failed client.RPCError
				if !errors.As(err, &failed) || failed.Err.Error != "com.myapp.error.asked" || len(failed.Err.Arguments) != 1 {
					t.Errorf("a failing callee gave %v", err)
				}
			})
		}
	}
}

func echo(_ context.Context, i *wamp.Invocation) client.InvokeResult {
	if len(i.Arguments) == 1 && i.Arguments[0] == "fail" {
		return client.InvokeResult{Err: "com.myapp.error.asked", Args: wamp.List{"as asked"}}
	}
	return client.InvokeResult{Args: i.Arguments, Kwargs: i.ArgumentsKw}
}

// Every way to connect gets the events of every other, across replicas.
func TestNexusEvents(t *testing.T) {
	events := make(chan string, 100)
	for i, s := range speeches {
		subscriber := connect(t, s, i%3)
		err := subscriber.Subscribe("com.myapp.nexus.topic", func(e *wamp.Event) {
			text, _ := wamp.AsString(e.Arguments[0])
			events <- s.name + " heard " + text
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, s := range speeches {
		publisher := connect(t, s, (i+1)%3)
		if err := publisher.Publish("com.myapp.nexus.topic", wamp.Dict{wamp.OptAcknowledge: true}, wamp.List{s.name}, nil); err != nil {
			t.Fatal(err)
		}
		heard := map[string]bool{}
		for range speeches {
			select {
			case e := <-events:
				if heard[e] || !strings.HasSuffix(e, "heard "+s.name) {
					t.Errorf("unexpected: %s", e)
				}
				heard[e] = true
			case <-time.After(5 * time.Second):
				t.Fatalf("%s published; in five seconds only these heard of it: %v", s.name, heard)
			}
		}
	}
}

// A session that several goroutines call from takes request ids and sends the calls in two
// steps, so that they come out of order now and then; every call is answered all the same.
func TestNexusCallsFromSeveralGoroutines(t *testing.T) {
	callee, caller := connect(t, speeches[4], 0), connect(t, speeches[4], 1)
	if err := callee.Register("com.myapp.nexus.concurrent", echo, nil); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	failed := make(chan error, 8)
	for range cap(failed) {
		go func() {
			for i := range 200 {
				if _, err := caller.Call(ctx, "com.myapp.nexus.concurrent", nil, wamp.List{i}, nil, nil); err != nil {
					failed <- fmt.Errorf("call %d: %w", i, err)
					return
				}
			}
			failed <- nil
		}()
	}
	for range cap(failed) {
		if err := <-failed; err != nil {
			t.Fatal(err)
		}
	}
}
