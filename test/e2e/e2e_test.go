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
	b := &bench{figures: map[string]float64{}, Demo: &demo.Demo{
		Screen:  demo.NewScreen(os.Stdout),
		Cluster: &demo.Cluster{Repo: *repo, Tool: *tool, Kubeconfig: *kubeconfig, Nodes: 2},
		Images:  &demo.Images{Dir: *images, Repository: *registry},
	}}
	b.step(t, "Set up", func(t *testing.T, ctx context.Context) { setUp(t, ctx, b) })
	b.step(t, "Every column is filled", func(t *testing.T, ctx context.Context) {
		tables, err := b.Look(ctx)
		must(t, err)
		for _, table := range tables {
			for _, cell := range demo.EmptyCells(table) {
				t.Errorf("%s in\n%s", cell, table)
			}
		}
	})
	demonstrated(t, b)
	broken(t, b)
	b.step(t, "Deleting in any order", func(t *testing.T, ctx context.Context) { deleteInAnyOrder(t, ctx, b.Demo) })
	b.step(t, "helm uninstall while everything serves", func(t *testing.T, ctx context.Context) { uninstall(t, ctx, b) })
	b.local(t, "Upgrade from the previous version", func(t *testing.T, ctx context.Context) { upgrade(t, ctx, b) })
	b.local(t, "All in one", func(t *testing.T, ctx context.Context) { allInOne(t, ctx, b) })
	b.report(t)
}

// demonstrated are the steps of the demonstration, and those of an operator's day without an accident.
func demonstrated(t *testing.T, b *bench) {
	main := b.main()
	b.step(t, "Rotation is exact", func(t *testing.T, ctx context.Context) { rotation(t, ctx, b.Demo) })
	for _, title := range []string{"Failover", "Failover to the next standby"} {
		b.step(t, title, func(t *testing.T, ctx context.Context) { failover(t, ctx, main) })
	}
	b.step(t, "Rotation is exact after failover", func(t *testing.T, ctx context.Context) { rotation(t, ctx, b.Demo) })
	b.step(t, "Refusals", func(t *testing.T, ctx context.Context) { refusals(t, ctx, b.Demo) })
	b.step(t, "Principals", func(t *testing.T, ctx context.Context) { principals(t, ctx, b) })
	b.step(t, "Another gossip key", func(t *testing.T, ctx context.Context) { replaceKey(t, ctx, b) })
	b.local(t, "kubectl wamp", func(t *testing.T, ctx context.Context) { pluginTells(t, ctx, main) })
	b.local(t, "Conditions follow the callees", func(t *testing.T, ctx context.Context) { conditionsFollow(t, ctx, main) })
	b.local(t, "Another policy", func(t *testing.T, ctx context.Context) { policyChanges(t, ctx, main) })
	b.local(t, "Both families", func(t *testing.T, ctx context.Context) { bothFamilies(t, ctx, b) })
	b.local(t, "Another certificate", func(t *testing.T, ctx context.Context) { certificateRenewed(t, ctx, b) })
}

// broken are the steps in which things go away while calls go on.
func broken(t *testing.T, b *bench) {
	main := b.main()
	b.local(t, "Traffic", func(t *testing.T, ctx context.Context) {
		must(t, b.Cluster.Apply(ctx, main.namespace, trafficManifest(main.cluster)))
		main.kubectl(t, ctx, "wait", "--for=condition=Programmed", "--timeout=60s", "wampprocedures", "--all")
	})
	for _, one := range []struct {
		name string
		run  func(*testing.T, context.Context, *site)
	}{
		{"A procedure is deleted and created again", procedureAgain},
		{"Scale", scale},
		{"Another image", rollout},
		{"Other people's clients stay", clientsStay},
		{"The operator is killed", operatorKilled},
		{"The API server is down", apiServerDown},
		{"A node is lost", nodeLost},
		{"A node loses its power", nodeKilled},
		{"A node is drained", drainNode},
	} {
		b.local(t, one.name, func(t *testing.T, ctx context.Context) { one.run(t, ctx, main) })
	}
}

// setUp boots, installs and starts what everything else uses.
func setUp(t *testing.T, ctx context.Context, b *bench) {
	must(t, b.Prepare(ctx))
	if b.Cluster.Local() { // what a run that failed has left
		_, err := b.Cluster.Helm(ctx, "uninstall", "-n", demo.OperatorNamespace, demo.Release, "--ignore-not-found", "--wait", "--timeout=60s")
		must(t, err)
		_, err = b.Cluster.Kubectl(ctx, "delete", "namespaces", demo.Namespace, "wamp-secure", "wamp-upgrade", "wamp-six", "--ignore-not-found", "--timeout=90s")
		must(t, err)
	}
	begin := time.Now()
	for _, s := range []func(context.Context) error{b.Install, b.Apply} {
		must(t, s(ctx))
	}
	b.took(t, installTime, time.Since(begin))
	if b.Cluster.Local() { // the pod of the demonstration stays on the node that is not lost
		_, err := b.Cluster.Kubectl(ctx, "cordon", further)
		must(t, err)
		defer func() {
			_, err := b.Cluster.Kubectl(ctx, "uncordon", further)
			must(t, err)
		}()
	}
	must(t, b.StartCallees(ctx))
}

func refusals(t *testing.T, ctx context.Context, d *demo.Demo) {
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
func failover(t *testing.T, ctx context.Context, d *site) {
	takeover, err := d.Failover(ctx)
	must(t, err)
	killed := time.Now().Add(-takeover.After)
	d.took(t, killTakeover, takeover.After)
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
	d.took(t, killWhole, time.Since(killed))

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
