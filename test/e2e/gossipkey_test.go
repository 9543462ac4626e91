package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/test/demo"
)

// replaceKey asks for another gossip key while calls go on at every router.
func replaceKey(t *testing.T, ctx context.Context, d *bench) {
	d.Step("Another gossip key, while calls go on")
	kubectl := func(args ...string) string {
		t.Helper()
		said, err := d.Cluster.Kubectl(ctx, append(args, "-n", demo.Namespace)...)
		must(t, err)
		return said
	}
	// keys gives the one key that all routers report, and fails when it is not so.
	keys := func() string {
		t.Helper()
		states, err := d.main().states(ctx)
		must(t, err)
		for _, s := range states {
			if len(s.Router.Keys) != 1 || s.Router.Keys[0] != states[0].Router.Keys[0] || s.Router.KeysError != "" || len(s.Router.Members) != 3 {
				t.Errorf("%s has the keys %v (%s) and sees %v", s.Router.Replica, s.Router.Keys, s.Router.KeysError, s.Router.Members)
			}
		}
		return states[0].Router.Keys[0]
	}
	before, old := d.main().lives(t, ctx), keys()
	var took time.Duration
	load, err := d.UnderLoad(ctx, "com.example.rotate", []string{"demo-0", "demo-1", "demo-2"}, func() error {
		begin := time.Now()
		defer func() { took = time.Since(begin) }()
		name := begin.Format("15-04-05.000")
		request := "wamp-operator.io/rotate-gossip-key=" + name
		d.Command("kubectl -n " + demo.Namespace + " annotate wampcluster demo " + request)
		kubectl("annotate", "wampcluster", "demo", "--overwrite", request)
		_, err := d.Cluster.Kubectl(ctx, "wait", "-n", demo.Namespace, "--for=jsonpath={.status.gossipKey.rotated}="+name, "--timeout=2m", "wampcluster/demo")
		return err
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, kubectl("get", "wampcluster", "demo", "-o", "yaml"))
	}
	d.took(t, keyTime, took)
	d.figure(t, keyFailed, float64(load.Calls-load.Results))
	if load.Calls < 100 {
		t.Errorf("the calls meanwhile: %+v", load)
	}
	d.figure(t, keyRestarts, restarted(before, d.main().lives(t, ctx)))
	if keys() == old {
		t.Error("the routers still use the old key")
	}
	d.Good("every router has the new key alone after %s; all %d calls meanwhile were answered by RESULT, and no pod was restarted",
		took.Round(time.Millisecond), load.Calls)

	kubectl("delete", "pod", "demo-1", "--timeout=60s")
	d.main().whole(t, ctx, 3, time.Minute)
	d.main().calleesBack(t, ctx)
	keys()
	d.Good("a router that starts now joins the others")
}
