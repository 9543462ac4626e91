// Package e2e runs the demonstration on a real Kubernetes and asserts on it, then uninstalls in
// several orders. `make e2e` sets up what it needs.
package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/test/demo"
)

var (
	repo       = flag.String("repo", "", "root of the repository")
	tool       = flag.String("kube", "", "program of hack/kube")
	kubeconfig = flag.String("kubeconfig", "", "cluster that somebody else runs")
	images     = flag.String("images", "", "directory of image archives")
	registry   = flag.String("image-registry", "", "prefix of image names")
)

// The steps build on one another, so the first one that fails ends the test.
func TestOneDealer(t *testing.T) {
	if os.Getenv("WAMP_E2E") == "" {
		t.Skip("this test needs a Kubernetes: run `make e2e`, which starts one and sets WAMP_E2E=1")
	}
	d := &demo.Demo{
		Screen:  demo.NewScreen(os.Stdout),
		Cluster: &demo.Cluster{Repo: *repo, Tool: *tool, Kubeconfig: *kubeconfig},
		Images:  &demo.Images{Dir: *images, Repository: *registry},
	}
	step := func(name string, run func(t *testing.T, ctx context.Context)) {
		t.Helper()
		if !t.Run(name, func(t *testing.T) { run(t, t.Context()) }) {
			t.FailNow()
		}
	}
	step("Set up", func(t *testing.T, ctx context.Context) {
		for _, s := range []func(context.Context) error{d.Prepare, d.Install, d.Apply, d.StartCallees} {
			must(t, s(ctx))
		}
	})
	step("Every column is filled", func(t *testing.T, ctx context.Context) {
		tables, err := d.Look(ctx)
		must(t, err)
		for _, table := range tables {
			for _, cell := range demo.EmptyCells(table) {
				t.Errorf("%s in\n%s", cell, table)
			}
		}
	})
	step("Rotation is exact", func(t *testing.T, ctx context.Context) { rotation(t, ctx, d) })
	for _, title := range []string{"Failover", "Failover to the next standby"} {
		step(title, func(t *testing.T, ctx context.Context) { failover(t, ctx, d) })
	}
	step("Rotation is exact after failover", func(t *testing.T, ctx context.Context) { rotation(t, ctx, d) })
	step("Refusals", func(t *testing.T, ctx context.Context) {
		mismatch, second, err := d.Refuse(ctx)
		must(t, err)
		if want := "wamp.error.procedure_exists_with_different_invocation_policy"; mismatch.URI != want || mismatch.Sentence == "" {
			t.Errorf("another policy was refused with %+v, want %s and a sentence", *mismatch, want)
		}
		if want := "wamp.error.procedure_already_exists"; second.URI != want || second.Sentence == "" {
			t.Errorf("a second single callee was refused with %+v, want %s and a sentence", *second, want)
		}
		_, err = d.Nonsense(ctx)
		must(t, err)
	})
	step("Principals", func(t *testing.T, ctx context.Context) { principals(t, ctx, d) })
	step("Another gossip key", func(t *testing.T, ctx context.Context) { replaceKey(t, ctx, d) })
	step("Deleting in any order", func(t *testing.T, ctx context.Context) { deleteInAnyOrder(t, ctx, d) })
	step("helm uninstall while everything serves", func(t *testing.T, ctx context.Context) { uninstall(t, ctx, d) })
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func rotation(t *testing.T, ctx context.Context, d *demo.Demo) {
	turns, err := d.Rotate(ctx) // checks the order
	must(t, err)
	routers := map[string]bool{}
	for _, turn := range turns {
		routers[turn.Router] = true
	}
	if len(turns) != 300 || len(routers) != 3 {
		t.Errorf("%d calls from %d routers, want 300 from 3", len(turns), len(routers))
	}
	answers, err := d.Share(ctx, 100)
	must(t, err)
	for callee, n := range answers {
		if n != 100 || len(answers) != 3 {
			t.Errorf("100 calls from each of three routers at the same time: %s got %d of them, want 100 each: %v", callee, n, answers)
		}
	}
}

// failover kills the active callee's router, and then expects the cluster to be whole again.
func failover(t *testing.T, ctx context.Context, d *demo.Demo) {
	takeover, err := d.Failover(ctx)
	must(t, err)
	if takeover.After >= time.Second {
		t.Errorf("the standby answered %s after the kill, want less than 1 s", takeover.After)
	}
	if takeover.Unanswered != 0 || takeover.Results+takeover.Failed() != takeover.Calls {
		t.Errorf("%d of %d calls were not answered", takeover.Unanswered, takeover.Calls)
	}
	for uri, n := range takeover.Errors {
		// There was a standby all the time: only calls that the dead callee had may fail.
		if uri != "wamp.error.canceled" {
			t.Errorf("%d calls were answered by ERROR %s", n, uri)
		}
	}
	must(t, d.Return(ctx, takeover))

	states, err := d.States(ctx)
	must(t, err)
	if len(states) != 3 {
		t.Fatalf("%d routers answered, want 3", len(states))
	}
	var want []v1alpha1.RouterCalleeState
	for _, s := range states {
		list := callees(s, "com.example.primary")
		if want == nil {
			want = list
		}
		if !slices.Equal(list, want) || s.Router.ListHash != states[0].Router.ListHash {
			t.Errorf("%s has the list %v (hash %s), and %s has %v (hash %s)", s.Router.Replica, list, s.Router.ListHash,
				states[0].Router.Replica, want, states[0].Router.ListHash)
		}
	}
	if len(want) != 3 || want[2].Replica != takeover.Pod {
		t.Errorf("the callees are %v, want three and that of %s last", want, takeover.Pod)
	}
	procedure, err := d.Procedure(ctx, "primary")
	must(t, err)
	for i, c := range procedure.Status.CalleeList {
		if i >= len(want) || c.Replica != want[i].Replica || uint64(c.Session) != want[i].Session {
			t.Errorf("status lists %v, the routers %v", procedure.Status.CalleeList, want)
		}
	}
	if active := procedure.Status.ActiveCallee; active != fmt.Sprintf("%s/%d", want[0].Replica, want[0].Session) {
		t.Errorf("the active callee is %s, want the first of %v", active, want)
	}
}

func callees(s v1alpha1.RouterState, uri string) []v1alpha1.RouterCalleeState {
	for _, p := range s.Procedures {
		if p.URI == uri {
			return p.Callees
		}
	}
	return nil
}
