package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/test/demo"
)

// replaceKey asks for another gossip key while calls go on at every router.
func replaceKey(t *testing.T, ctx context.Context, d *demo.Demo) {
	d.Step("Another gossip key, while calls go on")
	kubectl := func(args ...string) string {
		t.Helper()
		said, err := d.Cluster.Kubectl(ctx, append(args, "-n", demo.Namespace)...)
		must(t, err)
		return said
	}
	routers := func() string {
		return kubectl("get", "pods", "-l", "wamp-operator.io/cluster=demo", "-o",
			`jsonpath={range .items[*]}{.metadata.uid}{" "}{.status.containerStatuses[*].restartCount}{"\n"}{end}`)
	}
	// keys gives the one key that all routers report, and fails when it is not so.
	keys := func() string {
		t.Helper()
		states, err := d.States(ctx)
		must(t, err)
		for _, s := range states {
			if len(s.Router.Keys) != 1 || s.Router.Keys[0] != states[0].Router.Keys[0] || s.Router.KeysError != "" || len(s.Router.Members) != 3 {
				t.Errorf("%s has the keys %v (%s) and sees %v", s.Router.Replica, s.Router.Keys, s.Router.KeysError, s.Router.Members)
			}
		}
		return states[0].Router.Keys[0]
	}
	before, old := routers(), keys()
	var took time.Duration
	const budget = 20 * time.Second
	load, err := d.UnderLoad(ctx, "com.example.rotate", []string{"demo-0", "demo-1", "demo-2"}, func() error {
		begin := time.Now()
		defer func() { took = time.Since(begin) }()
		const request = "wamp-operator.io/rotate-gossip-key=e2e"
		d.Command("kubectl -n " + demo.Namespace + " annotate wampcluster demo " + request)
		kubectl("annotate", "wampcluster", "demo", request)
		_, err := d.Cluster.Kubectl(ctx, "wait", "-n", demo.Namespace, "--for=jsonpath={.status.gossipKey.rotated}=e2e", "--timeout=2m", "wampcluster/demo")
		return err
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, kubectl("get", "wampcluster", "demo", "-o", "yaml"))
	}
	if took > budget {
		t.Errorf("replacing the key took %s, want at most %s", took, budget)
	}
	if load.Failed() != 0 || load.Unanswered != 0 || load.Results != load.Calls || load.Calls < 100 {
		t.Errorf("the calls meanwhile: %+v", load)
	}
	if after := routers(); after != before {
		t.Errorf("another key restarted routers: they were\n%sand are\n%s", before, after)
	}
	if keys() == old {
		t.Error("the routers still use the old key")
	}
	d.Good("every router has the new key alone after %s; all %d calls meanwhile were answered by RESULT, and no pod was restarted",
		took.Round(time.Millisecond), load.Calls)

	kubectl("delete", "pod", "demo-1", "--timeout=60s")
	for _, object := range []string{"pod/demo-1", "wampcluster/demo"} {
		kubectl("wait", "--for=condition=Ready", "--timeout=60s", object)
	}
	keys()
	d.Good("a router that starts now joins the others")
}
