package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/test/app"
	"github.com/wamp-operator/wamp-operator/test/demo"
)

// takeover has callers at some routers call a procedure of policy first all the time while lose takes the
// active callee away; the first answer of the standby ends the time that is measured.
func (s *site) takeover(t *testing.T, ctx context.Context, figure, procedure string, callers app.Routers, lose func() time.Time) *demo.Takeover {
	t.Helper()
	newcomers, stop := make(chan string, 16), make(chan struct{})
	type result struct {
		load app.Load
		err  error
	}
	sum := make(chan result, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		load, err := app.Call(ctx, callers, procedure, 3, stop, func(callee string) { newcomers <- callee })
		sum <- result{load, err}
	}()
	next := func(what string) string {
		t.Helper()
		select {
		case callee := <-newcomers:
			return callee
		case r := <-sum:
			t.Fatalf("%s: the callers ended: %v", what, r.err)
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: %s has no answer of another callee after 20 s", what, procedure)
		}
		return ""
	}
	var taken demo.Takeover
	taken.Active = next("before anything is lost")
	calm(ctx, time.Second)
	lost := lose()
	taken.Standby = next("after the loss")
	taken.After = time.Since(lost)
	calm(ctx, 1500*time.Millisecond)
	close(stop)
	r := <-sum
	must(t, r.err)
	taken.Load = r.load
	s.Say("%d calls: %d results, errors %v, unanswered %d; the longest time without a RESULT %d ms", r.load.Calls, r.load.Results, r.load.Errors,
		r.load.Unanswered, r.load.LongestGap.Milliseconds())
	s.took(t, figure, taken.After)
	if r.load.Unanswered > 0 || r.load.Results+r.load.Failed() != r.load.Calls {
		t.Errorf("%d of %d calls were not answered", r.load.Unanswered, r.load.Calls)
	}
	for uri, n := range r.load.Errors {
		if uri != "wamp.error.canceled" { // what was in flight at the lost callee
			t.Errorf("%d calls were answered by ERROR %s although a standby was there", n, uri)
		}
	}
	return &taken
}

// active is the router of the callee of com.example.primary that gets the calls, and the others.
func (s *site) active(t *testing.T, ctx context.Context) (active string, others []string) {
	t.Helper()
	var p v1alpha1.WampProcedure
	s.get(t, ctx, "wampprocedure/primary", &p)
	active, _, _ = strings.Cut(p.Status.ActiveCallee, "/")
	for _, pod := range s.pods(t, ctx) {
		if pod.Name != active {
			others = append(others, pod.Name)
		}
	}
	return active, others
}

// statusRight tells whether the status of com.example.primary is what the routers hold, and complete.
func (s *site) statusRight(t *testing.T, ctx context.Context) (bool, string) {
	t.Helper()
	if seen := s.disagreement(t, ctx, 3); seen != "" {
		return false, seen
	}
	states, err := s.states(ctx)
	if err != nil {
		return false, err.Error()
	}
	want := callees(states[0], "com.example.primary")
	var p v1alpha1.WampProcedure
	s.get(t, ctx, "wampprocedure/primary", &p)
	same := slices.EqualFunc(p.Status.CalleeList, want, func(a v1alpha1.CalleeStatus, b v1alpha1.RouterCalleeState) bool {
		return a.Replica == b.Replica && uint64(a.Session) == b.Session
	})
	if len(want) != 3 || !same || p.Status.ActiveCallee != fmt.Sprintf("%s/%d", want[0].Replica, want[0].Session) {
		return false, fmt.Sprintf("the status has %v, active %s; the routers hold %v", p.Status.CalleeList, p.Status.ActiveCallee, want)
	}
	return s.settled(t, ctx, 3)
}

// kill kills the process of a pod at once.
func (s *site) kill(t *testing.T, ctx context.Context, namespace, pod string) time.Time {
	t.Helper()
	s.Command(s.Cluster.KillCommand(namespace, pod))
	at, err := s.Cluster.Kill(ctx, namespace, pod)
	must(t, err)
	return at
}
