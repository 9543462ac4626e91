package previous_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/test/chaos/client"
	"github.com/wamp-operator/wamp-operator/test/chaos/lab"
	"github.com/wamp-operator/wamp-operator/test/chaos/load"
	"github.com/wamp-operator/wamp-operator/test/previous"
)

// Routers of the previous version and of this one are one dealer: each stage of a rolling update keeps
// the lists equal and the rotation exact, and no call fails on the way, nor on the way back.
func TestOldAndNewRoutersAreOneDealer(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute) // most of it to build two routers, where nothing is cached
	defer cancel()
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	old, err := previous.Router(ctx, repo)
	if err != nil {
		t.Fatal(err)
	}
	new := filepath.Join(t.TempDir(), "wamp-router")
	build := exec.CommandContext(ctx, "go", "build", "-o", new, "./cmd/wamp-router")
	build.Dir = repo
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building wamp-router: %v\n%s", err, out)
	}

	const lanes = 12
	l, err := lab.New(lab.Config{Router: old, Replicas: 3, Dir: t.TempDir(), Seed: 1, Documents: documents(lanes)})
	if errors.Is(err, lab.ErrNotAllowed) || errors.Is(err, os.ErrPermission) || errors.Is(err, os.ErrNotExist) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.Start(ctx); err != nil {
		t.Fatalf("three routers of the previous version: %v", err)
	}
	var routers []client.Router
	for _, r := range l.Replicas {
		routers = append(routers, client.Router{Name: r.Name, Address: r.Address})
	}
	world := load.NewWorld(routers, l.Dial, 1)
	calls, err := world.StartLanes(ctx, load.LanesConfig{Lanes: lanes, Callees: 3, CalleeClients: 6, Rate: 1000})
	if err != nil {
		t.Fatal(err)
	}
	defer world.Wait()
	defer calls.Leave()

	// Forward to this version, and back as after an update that somebody regrets.
	for stage, program := range []string{new, new, new, old, old, old} {
		r := l.Replicas[stage%3]
		world.Begin(load.Trouble{Replica: r.Name})
		if err := r.Terminate(); err != nil {
			t.Fatal(err)
		}
		r.Runs(program)
		if err := r.Start(); err != nil {
			t.Fatal(err)
		}
		agreeing, done := context.WithTimeout(ctx, 30*time.Second)
		err := l.AwaitAgreement(agreeing, l.Replicas...)
		done()
		if err != nil {
			t.Fatalf("after %s became %s: %v", r.Name, map[string]string{old: "a router of the previous version", new: "one of this version"}[program], err)
		}
		world.Well()
		before := world.Calls()
		for world.Calls() < before+1000 { // each mixture serves for a while
			if ctx.Err() != nil {
				t.Fatalf("after stage %d there are only %d further calls", stage, world.Calls()-before)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	calls.Stop()
	report := world.Report()
	if report.Failed() != 0 || report.Lost != 0 || report.Unanswered != 0 || report.Twice != 0 || report.Rotation.PassedOver != 0 {
		t.Errorf("%d calls, errors %v, lost %d, unanswered %d, delivered twice %d, callees passed over %d: %v", report.Calls, report.Errors,
			report.Lost, report.Unanswered, report.Twice, report.Rotation.PassedOver, report.Rotation.First)
	}
	t.Logf("%d calls through six restarts, none failed; sent again after GOODBYE: %d", report.Calls, report.Resent)
}

// documents are an open realm and the procedures of the lanes, with a hold.
func documents(lanes int) []any {
	meta := func(kind string) metav1.TypeMeta {
		return metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: kind}
	}
	all := []any{&v1alpha1.WampRealm{
		TypeMeta: meta("WampRealm"), ObjectMeta: metav1.ObjectMeta{Name: load.Realm},
		Spec: v1alpha1.WampRealmSpec{
			ClusterRef: v1alpha1.ClusterReference{Name: "mixed"}, Realm: load.Realm, Anonymous: &v1alpha1.AnonymousAccess{Role: "all"},
			Roles: []v1alpha1.Role{{Name: "all", Permissions: []v1alpha1.Permission{{
				Match: v1alpha1.PatternPrefix, Allow: []v1alpha1.Action{v1alpha1.ActionCall, v1alpha1.ActionRegister},
			}}}},
		},
	}}
	for i := range lanes {
		uri := load.LaneURI(i)
		all = append(all, &v1alpha1.WampProcedure{
			TypeMeta: meta("WampProcedure"), ObjectMeta: metav1.ObjectMeta{Name: uri},
			Spec: v1alpha1.WampProcedureSpec{
				ClusterRef: v1alpha1.ClusterReference{Name: "mixed"}, Realm: load.Realm, URI: uri,
				Match: v1alpha1.MatchExact, Invoke: v1alpha1.InvokeRoundRobin, Hold: &metav1.Duration{Duration: 5 * time.Second},
			},
		})
	}
	return all
}
