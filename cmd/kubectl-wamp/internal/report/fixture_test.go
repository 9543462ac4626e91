package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/cmd/kubectl-wamp/internal/routers"
)

var update = flag.Bool("update", false, "write what is printed into testdata")

// now is the time of all reports, and the fixtures are made relative to it.
var now = time.Date(2026, 11, 23, 3, 14, 0, 0, time.UTC)

func before(d time.Duration) metav1.Time { return metav1.NewTime(now.Add(-d)) }
func stamp(d time.Duration) uint64       { return uint64(now.Add(-d).UnixMicro()) }

func condition(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message, ObservedGeneration: 1, LastTransitionTime: before(3 * time.Minute)}
}

func good(kinds ...string) (out []metav1.Condition) {
	for _, kind := range kinds {
		status := metav1.ConditionTrue
		if kind == v1alpha1.ConditionStalled || kind == v1alpha1.ConditionProgressing {
			status = metav1.ConditionFalse
		}
		out = append(out, condition(kind, status, "Fine", kind+" is as it should be."))
	}
	return out
}

func pod(name, node, waiting string) corev1.Pod {
	p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop"}}
	p.Spec.NodeName = node
	p.Spec.Containers = []corev1.Container{{Name: "router", Image: "ghcr.io/wamp-operator/wamp-router:0.5.0"}}
	p.Status.Phase = corev1.PodRunning
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	if waiting != "" {
		p.Status.Phase, p.Status.Conditions = corev1.PodPending, nil
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: waiting}}}}
	}
	return p
}

func declared(name, uri string, invoke v1alpha1.InvocationPolicy, conditions ...metav1.Condition) v1alpha1.WampProcedure {
	p := v1alpha1.WampProcedure{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop", Generation: 1}}
	p.Spec = v1alpha1.WampProcedureSpec{
		ClusterRef: v1alpha1.ClusterReference{Name: "demo"}, Realm: "realm1", URI: uri, Match: v1alpha1.MatchExact, Invoke: invoke,
	}
	p.Status.Conditions = conditions
	return p
}

func callee(replica string, session uint64, since time.Duration) v1alpha1.RouterCalleeState {
	return v1alpha1.RouterCalleeState{Stamp: stamp(since), Replica: replica, Session: session}
}

// healthy are three routers that agree: a first with two callees, a roundrobin that nobody declared, and
// a prefix.
func healthy() *routers.Cluster {
	c := &routers.Cluster{
		Object: v1alpha1.WampCluster{ObjectMeta: metav1.ObjectMeta{Name: "demo", Namespace: "shop", Generation: 1}},
		Pods:   []corev1.Pod{pod("demo-0", "node-a", ""), pod("demo-1", "node-b", ""), pod("demo-2", "node-c", "")},
		States: map[string]*v1alpha1.RouterState{}, Links: map[string]*v1alpha1.RouterLinks{}, Trouble: map[string]string{},
	}
	c.Object.Status = v1alpha1.WampClusterStatus{ObservedGeneration: 1, SnapshotHash: "newest", Conditions: good(
		v1alpha1.ConditionAvailable, v1alpha1.ConditionProgressing, v1alpha1.ConditionProgrammed, v1alpha1.ConditionConsistent,
		v1alpha1.ConditionStalled, v1alpha1.ConditionReady)}
	c.Object.Status.Conditions[5].Message = "3 routers act as one dealer."
	realm := v1alpha1.WampRealm{ObjectMeta: metav1.ObjectMeta{Name: "realm1", Namespace: "shop", Generation: 1}}
	realm.Spec = v1alpha1.WampRealmSpec{ClusterRef: v1alpha1.ClusterReference{Name: "demo"}, Realm: "realm1"}
	realm.Status.Conditions = good(v1alpha1.ConditionAccepted, v1alpha1.ConditionReady)
	c.Realms = []v1alpha1.WampRealm{realm}
	c.Procedures = []v1alpha1.WampProcedure{declared("primary", "com.example.primary", v1alpha1.InvokeFirst, good(
		v1alpha1.ConditionAccepted, v1alpha1.ConditionProgrammed, v1alpha1.ConditionAvailable, v1alpha1.ConditionRedundant, v1alpha1.ConditionReady)...)}
	procedures := []v1alpha1.RouterProcedureState{
		{Realm: "realm1", URI: "com.example.primary", Match: "exact", Invoke: "first", Registration: 11,
			Callees: []v1alpha1.RouterCalleeState{callee("demo-1", 201, 2*time.Hour), callee("demo-0", 101, time.Minute)}},
		{Realm: "realm1", URI: "com.example.rotate", Match: "exact", Invoke: "roundrobin", Registration: 12,
			Callees: []v1alpha1.RouterCalleeState{callee("demo-0", 102, 3*time.Hour), callee("demo-0", 103, 2*time.Hour), callee("demo-2", 301, time.Hour)}},
		{Realm: "realm1", URI: "com.example.files.", Match: "prefix", Invoke: "single", Registration: 13,
			Callees: []v1alpha1.RouterCalleeState{callee("demo-2", 302, 26*time.Hour)}},
	}
	names := []string{"demo-0", "demo-1", "demo-2"}
	for i, name := range names {
		c.States[name] = &v1alpha1.RouterState{Complete: true, Procedures: procedures, Router: &v1alpha1.RouterReplicaState{
			Replica: name, Member: name + "-x", Version: "v0.5.0", Ready: true, Documents: v1alpha1.RouterDocumentsState{Hash: "newest"},
			Members: names, ListHash: "5f3a90c2d1", Sessions: 10 + i,
		}}
		links := &v1alpha1.RouterLinks{Replica: name}
		for _, other := range names {
			if other != name {
				links.Links = append(links.Links, v1alpha1.RouterLinkState{Replica: other, Member: other + "-x", Up: true, Since: before(time.Hour)})
			}
		}
		c.Links[name] = links
	}
	return c
}

// broken is what an engineer may see at night: one router cannot be pulled, two have lost each other, the
// realm's Secret is gone and a procedure has no callee.
func broken() *routers.Cluster {
	c := healthy()
	c.Object.Generation = 2
	c.Object.Status.Conditions = []metav1.Condition{
		condition(v1alpha1.ConditionAvailable, metav1.ConditionTrue, "RoutersReady", "2 of 3 routers are ready."),
		condition(v1alpha1.ConditionProgressing, metav1.ConditionTrue, "RouterBroken", "2 of 3 routers are ready. demo-2: the image cannot be pulled."),
		condition(v1alpha1.ConditionProgrammed, metav1.ConditionFalse, "SnapshotRefused",
			"The router demo-1 keeps its last snapshot because it cannot read the new one: snapshot.yaml, line 7: unknown field. Use a router image of the operator's version."),
		condition(v1alpha1.ConditionConsistent, metav1.ConditionFalse, "Disagreement", "demo-0 and demo-1 do not hold the same lists."),
		condition(v1alpha1.ConditionStalled, metav1.ConditionTrue, "RouterBroken",
			"Pod demo-2: its image ghcr.io/wamp-operator/wamp-router:0.5.9 cannot be pulled: not found. Correct what the spec says of the pods."),
		condition(v1alpha1.ConditionReady, metav1.ConditionFalse, "Disagreement", "demo-0 and demo-1 do not hold the same lists."),
	}
	c.Pods[2] = pod("demo-2", "node-c", "ImagePullBackOff")
	c.Pods[2].Spec.Containers[0].Image = "ghcr.io/wamp-operator/wamp-router@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	delete(c.States, "demo-2")
	delete(c.Links, "demo-2")
	one, two := c.States["demo-0"].Router, c.States["demo-1"].Router
	one.Members, two.Members = []string{"demo-0", "demo-1"}, []string{"demo-1"}
	two.Documents = v1alpha1.RouterDocumentsState{Hash: "older", Error: "snapshot.yaml, line 7: unknown field", Warnings: "principal a: no Secret\nprincipal b: no Secret\n"}
	two.ListHash, two.Ready, one.Draining = "00000000", true, false
	c.Links["demo-0"].Links = []v1alpha1.RouterLinkState{
		{Replica: "demo-1", Member: "demo-1-x", Since: before(2 * time.Minute)}, {Replica: "demo-2", Member: "demo-2-x", Since: before(time.Minute)},
	}
	delete(c.Links, "demo-1") // of a version that does not tell
	c.Realms[0].Status.Conditions[1] = condition(v1alpha1.ConditionReady, metav1.ConditionFalse, "SecretNotFound", "There is no Secret shop/users: create it.")
	c.Procedures[0].Status.Conditions = append(good(v1alpha1.ConditionAccepted, v1alpha1.ConditionProgrammed, v1alpha1.ConditionAvailable),
		condition(v1alpha1.ConditionRedundant, metav1.ConditionFalse, "StandbyMissing", "1 callee: start another."),
		condition(v1alpha1.ConditionReady, metav1.ConditionTrue, "Ready", "Calls are answered."))
	c.Procedures = append(c.Procedures,
		declared("billing", "com.example.billing", v1alpha1.InvokeSingle, append(good(v1alpha1.ConditionAccepted, v1alpha1.ConditionProgrammed),
			condition(v1alpha1.ConditionAvailable, metav1.ConditionFalse, "NoCallee", "Nobody has registered the procedure: start its callee."),
			condition(v1alpha1.ConditionReady, metav1.ConditionFalse, "NoCallee", "Nobody has registered the procedure: start its callee."))...),
		declared("rotate", "com.example.rotate", v1alpha1.InvokeRandom, append(good(v1alpha1.ConditionAccepted, v1alpha1.ConditionProgrammed),
			condition(v1alpha1.ConditionAvailable, metav1.ConditionFalse, "PolicyDiffers", "Callees registered it with roundrobin."),
			condition(v1alpha1.ConditionReady, metav1.ConditionFalse, "PolicyDiffers", "Callees registered it with roundrobin."))...),
	)
	c.Partial = "WampRealms and WampProcedures of other namespaces than shop may be missing here: you may not list them"
	return c
}

// golden compares what is printed with a file in testdata; go test -update writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what is printed; look at the difference and write it with go test -update:\n%s", path, got)
	}
}
