package interop

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/test/app"
	"github.com/wamp-operator/wamp-operator/test/demo"
)

// The application of the demonstration shows the same without Kubernetes: one rotation from all
// replicas, and a standby that takes over under load, with every call answered.
func TestApplicationOfTheDemonstration(t *testing.T) {
	routers := app.Routers{
		Names: dev.replicas,
		URL:   func(name string) string { return "ws://" + name + "/ws" },
		Realm: "realm1",
	}
	callee := func(name string, router int) app.Callee {
		return app.Callee{Name: name, Router: dev.replicas[router], Logger: slog.New(slog.DiscardHandler), Procedures: []app.Procedure{
			{URI: "com.myapp.app.rotate", Invoke: "roundrobin"}, {URI: "com.myapp.app.primary", Invoke: "first"},
		}}
	}
	first, closeFirst := context.WithCancel(t.Context())
	others, closeOthers := context.WithCancel(t.Context())
	start := func(ctx context.Context, callees ...app.Callee) (ended chan struct{}) {
		ready := make(chan struct{})
		ended = make(chan struct{})
		go func() {
			app.RunCallees(ctx, routers, callees, func() { close(ready) })
			close(ended)
		}()
		select {
		case <-ready:
		case <-time.After(10 * time.Second):
			t.Fatal("the callees are not registered after ten seconds")
		}
		return ended
	}
	firstEnded := start(first, callee("alice", 2))
	othersEnded := start(others, callee("bob", 0), callee("carol", 1))
	t.Cleanup(func() { closeFirst(); closeOthers(); <-firstEnded; <-othersEnded })

	turns, err := app.Rotation(t.Context(), routers, "com.myapp.app.rotate", 60, 7)
	if err != nil {
		t.Fatal(err)
	}
	if order, err := demo.CheckRotation(turns); err != nil || len(order) != 3 {
		t.Errorf("order %v, %v", order, err)
	}
	answers, err := app.Share(t.Context(), routers, "com.myapp.app.rotate", 30)
	if err != nil || answers["alice"] != 30 || answers["bob"] != 30 || answers["carol"] != 30 {
		t.Errorf("90 calls at the same time were shared as %v (%v)", answers, err)
	}

	stop := make(chan struct{})
	var newcomers []string
	load, err := app.Call(t.Context(), routers, "com.myapp.app.primary", 2, stop, func(callee string) {
		newcomers = append(newcomers, callee)
		switch callee {
		case "alice":
			closeFirst()
		case "bob":
			close(stop)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(newcomers, []string{"alice", "bob"}) || load.Unanswered != 0 || load.Results+load.Failed() != load.Calls {
		t.Errorf("%s answered; %+v", strings.Join(newcomers, ", "), load)
	}

	if refusal, err := app.TryRegister(t.Context(), routers, dev.replicas[2], app.Procedure{URI: "com.myapp.app.primary", Invoke: "last"}); err != nil ||
		refusal == nil || refusal.URI != "wamp.error.procedure_exists_with_different_invocation_policy" || refusal.Sentence == "" {
		t.Errorf("another policy was answered with %+v, %v", refusal, err)
	}
	if refusal, err := app.TryRegister(t.Context(), routers, dev.replicas[2], app.Procedure{URI: "com.myapp.app.other", Invoke: "last"}); err != nil || refusal != nil {
		t.Errorf("a new procedure was answered with %+v, %v", refusal, err)
	}
}
