package load

import (
	"context"
	"log/slog"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/test/chaos/client"
	"github.com/wamp-operator/wamp-operator/test/chaos/history"
	"github.com/wamp-operator/wamp-operator/test/chaos/judge"
)

const patience = 20 * time.Second

// openRealm is the realm that the load uses, as a document.
const openRealm = `{apiVersion: wamp-operator.io/v1alpha1, kind: WampRealm, metadata: {name: chaos}, spec: {
  clusterRef: {name: dev}, realm: chaos, anonymous: {role: all},
  roles: [{name: all, permissions: [{uri: "", match: prefix, allow: [call, register]}]}]}}`

// world is a world of routers in this process.
func world(t *testing.T, replicas int) (*World, *router.Dev) {
	t.Helper()
	path := t.TempDir() + "/realm.yaml"
	if err := os.WriteFile(path, []byte(openRealm), 0o600); err != nil {
		t.Fatal(err)
	}
	dev, err := router.StartDev(router.DevConfig{
		Replicas: replicas, Listen: "127.0.0.1:0", Documents: []string{path}, Logger: slog.New(slog.DiscardHandler),
		Configure: func(_ int, c *v1alpha1.RouterConfiguration) { c.Admin.Listen = "127.0.0.1:0" },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(dev.Close)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := dev.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	var routers []client.Router
	for _, r := range dev.Routers {
		routers = append(routers, client.Router{Name: r.Address(), Address: r.Address()})
	}
	var d net.Dialer
	return NewWorld(routers, d.DialContext, 1), dev
}

// awaitCalls waits until so many calls have ended.
func awaitCalls(t *testing.T, w *World, n int64) {
	t.Helper()
	for end := time.Now().Add(patience); w.Calls() < n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d of %d calls in %v", w.Calls(), n, patience)
		}
	}
}

// The books must balance, and where nothing breaks nothing may be found broken.
func TestLoadFindsNothingWhereNothingBreaks(t *testing.T) {
	w, _ := world(t, 2)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	lanes, err := w.StartLanes(ctx, LanesConfig{Lanes: 10, Callees: 3, CalleeClients: 4})
	if err != nil {
		t.Fatal(err)
	}
	churn := w.StartChurn()
	awaitCalls(t, w, 3000)
	churn.Pause()
	churn.Resume()
	churn.Stop()
	lanes.Stop()
	r := w.Report()
	churn.Leave()
	lanes.Leave()
	w.Wait()
	if r.Calls != r.Results || r.Calls < 3000 || r.Rotation.Answered != r.Calls || r.Rotation.PassedOver != 0 || r.Twice != 0 {
		t.Errorf("%+v", r)
	}
	histories := churn.Histories()
	if len(histories) == 0 || len(histories[0].Ops) == 0 {
		t.Fatalf("histories: %+v", histories)
	}
	for _, h := range histories {
		v, err := judge.Linearizable(h.Ops, judge.Options{})
		if err != nil || len(v.Wrong) > 0 {
			t.Errorf("%v, %v", v, err)
		}
	}
}

// Clients that lose their replica come back to another one, with their registrations, and each
// call ends.
func TestLoadGoesOnWhenAReplicaIsLost(t *testing.T) {
	w, dev := world(t, 3)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	standby, err := w.StartStandby(ctx)
	if err != nil {
		t.Fatal(err)
	}
	lanes, err := w.StartLanes(ctx, LanesConfig{Lanes: 9, Callees: 3, CalleeClients: 3, Rate: 2000})
	if err != nil {
		t.Fatal(err)
	}
	awaitCalls(t, w, 200)
	active, err := standby.Active(ctx)
	if err != nil {
		t.Fatal(err)
	}
	victim := slices.IndexFunc(w.Routers, func(r client.Router) bool { return r.Name == active })
	var others []string
	for i, r := range w.Routers {
		if i != victim {
			others = append(others, r.Name)
		}
	}
	w.Begin(Trouble{Replica: active})
	since := time.Now()
	dev.Routers[victim].Close()
	took, err := standby.TakeOver(ctx, since, active, others...)
	if err != nil || took <= 0 {
		t.Errorf("take-over: %v, %v", took, err)
	}
	awaitCalls(t, w, w.Calls()+1000)
	w.Well()
	awaitCalls(t, w, w.Calls()+200)
	for _, l := range w.lanes {
		if l.caller.replica() == active {
			t.Errorf("the caller of %s is still at the lost replica", l.uri)
		}
	}
	lanes.Stop()
	r := w.Report()
	standby.Leave()
	lanes.Leave()
	w.Wait()
	if r.Unanswered != 0 || r.Twice != 0 || r.Results+r.Failed()+r.Lost != r.Calls || len(w.Troubles()) != 1 {
		t.Errorf("%+v, troubles %v", r, w.Troubles())
	}
}

// A call that is delivered twice is found out, in whatever order the two come.
func TestCallsThatAreDeliveredTwiceAreFound(t *testing.T) {
	l := &lane{w: &World{}}
	for _, call := range []uint64{1, 2, 4, 3, 5, 3, 70, 69, 70} {
		l.deliver(call)
	}
	if n := l.w.Tally.twice.Load(); n != 2 {
		t.Errorf("%d calls were found to be delivered twice, not 3 and 70", n)
	}
}

// What led to a fault is kept although millions of calls come later.
func TestEvidenceOfTheFirstFaultIsKept(t *testing.T) {
	w := &World{}
	l := &lane{w: w, uri: "lane"}
	w.lanes = []*lane{l}
	at := int64(0)
	register := func(callee int64) {
		at += 2
		l.add(history.Op{Kind: history.Register, Start: at - 1, End: at, Callee: callee})
	}
	call := func(callee int64) {
		at += 2
		l.add(history.Op{Kind: history.Call, Start: at - 1, End: at, Callee: callee})
	}
	register(1)
	register(2)
	for range 100 {
		call(1)
		call(2)
	}
	call(2) // passes over 1
	broken := at
	for range 1000 {
		call(1)
		call(2)
	}
	l.finish()
	found := w.Evidence()["lane"]
	if !slices.ContainsFunc(found, func(op history.Op) bool { return op.End == broken && op.Callee == 2 }) {
		t.Errorf("the evidence ends at %d, the fault was at %d", found[len(found)-1].End, broken)
	}
}

// An answer that there is no procedure is held against the router only when there certainly was one.
func TestWhoIsKnownToBeThere(t *testing.T) {
	var k known
	if k.certain(1) {
		t.Error("nobody has registered")
	}
	k.add(history.Op{Kind: history.Register, Replica: "a", Start: 5, End: 10, Callee: 1})
	k.add(history.Op{Kind: history.Trouble, Replica: "a", Start: 20, End: history.Never})
	if k.certain(9) || k.certain(25) {
		t.Error("REGISTERED was not read yet, or the replica is in trouble")
	}
	k.add(history.Op{Kind: history.Trouble, Replica: "a", Start: 20, End: 30})
	if k.certain(29) || !k.certain(31) {
		t.Error("the trouble is over at 30")
	}
	k.add(history.Op{Kind: history.Unregister, Replica: "a", Start: 40, Callee: 1})
	if k.certain(35) {
		t.Error("it may have left")
	}
}
