package router_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/transport"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(childConfig); path != "" {
		if err := serveAsChild(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	// memberlist does not wait for a probe under way when it shuts down; it ends by itself
	// within the timeout of a connection.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/hashicorp/memberlist.(*Memberlist).probeNode"))
}

func logger() *slog.Logger {
	if os.Getenv("ROUTER_TEST_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// start starts replicas and waits until they have met.
func start(t testing.TB, replicas int, change ...func(*router.DevConfig)) *router.Dev {
	t.Helper()
	cfg := router.DevConfig{Replicas: replicas, Listen: "127.0.0.1:0", Version: "test", Logger: logger()}
	for _, f := range change {
		f(&cfg)
	}
	dev, err := router.StartDev(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(dev.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	if err := dev.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	return dev
}

// everywhere runs a test on one replica and on three: a client must not notice the difference.
func everywhere(t *testing.T, test func(t *testing.T, dev *router.Dev)) {
	for _, replicas := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d replicas", replicas), func(t *testing.T) { test(t, start(t, replicas)) })
	}
}

func rawsocket(r *router.Router) string { return "tcp://" + r.Address() }
func websocket(r *router.Router) string { return "ws://" + r.Address() + "/ws" }

// join gives a client on replica i modulo the number of replicas.
func join(t testing.TB, dev *router.Dev, i int) *wamptest.Client {
	t.Helper()
	return wamptest.Join(t, rawsocket(dev.Routers[i%len(dev.Routers)]), "realm1", wamp.MessagePack)
}

func dial(t testing.TB, r *router.Router, f wamp.Format) transport.Conn {
	t.Helper()
	return wamptest.Dial(t, rawsocket(r), f)
}

// eventually waits for a condition that other goroutines bring about.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(wamptest.Timeout); !condition(); {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", wamptest.Timeout, what)
		}
		time.Sleep(time.Millisecond)
	}
}
