package cluster

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/conditions"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
	"github.com/wamp-operator/wamp-operator/controllers/routerstate"
)

// three is a cluster of three routers that are as they should be; change makes it another one.
func three(change func(*observation)) observation {
	o := observation{cluster: "demo", desired: 3, hash: "h", view: routerstate.View{
		Hearing: routerstate.Heard, Replicas: map[string]routerstate.Replica{},
	}}
	for i := range 3 {
		name := fmt.Sprintf("demo-%d", i)
		o.pods = append(o.pods, podState{name: name, ready: true})
		o.view.Replicas[name] = serving("h")
	}
	if change != nil {
		change(&o)
	}
	return o
}

func (o *observation) replica(name string, change func(*routerstate.Replica)) {
	r := o.view.Replicas[name]
	state := *r.State
	r.State = &state
	change(&r)
	o.view.Replicas[name] = r
}

// What every condition says, in the situations that there are, and in words that tell what to do.
func TestConditions(t *testing.T) {
	taken := conditions.False(ReasonNameTaken, "Service apps/demo is there already: delete it.")
	tooLarge := conditions.False(ReasonSnapshotTooLarge, "Move some to another WampCluster.")
	for _, c := range []struct {
		name string
		o    observation
		// status and reason of each condition, and words of the message of the condition Ready.
		available, progressing, programmed, consistent, ready, words string
	}{
		{"as it should be", three(nil),
			"True RoutersReady", "False Settled", "True Programmed", "True Agreed", "True Ready", "3 routers act as one dealer"},
		{"nothing there yet", three(func(o *observation) {
			o.pods, o.view = nil, routerstate.View{Hearing: routerstate.Empty}
		}), "False NoRouterReady", "True RollingOut", "False NoRouterReady", "Unknown NotHeardYet", "False NoRouterReady", "see kubectl describe statefulset demo."},
		{"the image cannot be had", three(func(o *observation) {
			for i := range o.pods {
				o.pods[i] = podState{name: o.pods[i].name, trouble: "the image x cannot be had."}
			}
			o.view = routerstate.View{Hearing: routerstate.Empty}
		}), "False NoRouterReady", "True RollingOut", "False NoRouterReady", "Unknown NotHeardYet", "False NoRouterReady", "Pod demo-0: the image x cannot be had"},
		{"one router starts", three(func(o *observation) {
			o.pods[1].ready = false
			delete(o.view.Replicas, "demo-1")
		}), "True RoutersReady", "True RollingOut", "True Programmed", "True Agreed", "False RollingOut", "2 of 3 routers are ready. Pod demo-1 is starting"},
		{"a pod of the old template", three(func(o *observation) { o.outdated = 1 }),
			"True RoutersReady", "True RollingOut", "True Programmed", "True Agreed", "False RollingOut", "1 of 3 routers are still to be replaced."},
		{"a template that nobody has looked at yet", three(func(o *observation) { o.unseen = true }),
			"True RoutersReady", "True RollingOut", "True Programmed", "True Agreed", "False RollingOut", "has still to look at StatefulSet demo"},
		{"one router too many", three(func(o *observation) { o.desired = 2 }),
			"True RoutersReady", "True RollingOut", "True Programmed", "True Agreed", "True Ready", ""},
		{"scaled to zero", three(func(o *observation) {
			o.desired, o.pods, o.view = 0, nil, routerstate.View{Hearing: routerstate.Empty}
		}), "False ScaledToZero", "False Settled", "False NoRouterReady", "True ScaledToZero", "True ScaledToZero", "no router runs"},
		{"on the way to zero", three(func(o *observation) { o.desired = 0 }),
			"True RoutersReady", "True RollingOut", "True Programmed", "True Agreed", "False RollingOut", "3 routers are still to be stopped"},
		{"a snapshot on its way", three(func(o *observation) { o.view.Replicas["demo-2"] = serving("old") }),
			"True RoutersReady", "False Settled", "False Pending", "True Agreed", "False Pending", "has not reached demo-2"},
		{"a snapshot that a router cannot read", three(func(o *observation) {
			o.replica("demo-1", func(r *routerstate.Replica) {
				r.State.Documents = v1alpha1.RouterDocumentsState{Hash: "old", Error: "snapshot.yaml:3: unknown field."}
			})
		}), "True RoutersReady", "False Settled", "False SnapshotRefused", "True Agreed", "False SnapshotRefused", "snapshot.yaml:3: unknown field. Use a router image"},
		{"a router that the operator cannot reach", three(func(o *observation) {
			o.view.Replicas["demo-0"] = routerstate.Replica{Trouble: "connection refused"}
		}), "True RoutersReady", "False Settled", "Unknown RouterUnreachable", "True Agreed", "Unknown RouterUnreachable", "demo-0 on port 9090 (connection refused)"},
		{"a router that was not tried yet", three(func(o *observation) {
			o.view.Replicas["demo-0"] = routerstate.Replica{}
		}), "True RoutersReady", "False Settled", "Unknown NotHeardYet", "True Agreed", "Unknown NotHeardYet", "demo-0"},
		{"the operator has just started", three(func(o *observation) {
			o.view = routerstate.View{Hearing: routerstate.Unheard}
		}), "True RoutersReady", "False Settled", "Unknown NotHeardYet", "Unknown NotHeardYet", "Unknown NotHeardYet", ""},
		{"routers disagree", three(func(o *observation) { o.disagreement = "demo-0 does not see demo-1: let them." }),
			"True RoutersReady", "False Settled", "True Programmed", "False Disagreement", "False Disagreement", "does not see"},
		{"two routers in the minority", three(func(o *observation) {
			for _, i := range []int{0, 2} {
				o.pods[i].ready = false
				o.replica(o.pods[i].name, func(r *routerstate.Replica) { r.State.Minority, r.State.Ready = true, false })
			}
		}), "True RoutersReady", "True RollingOut", "True Programmed", "False Minority", "False RollingOut",
			"1 of 3 routers is ready. 2 of 3 routers cannot reach the majority: demo-0, demo-2; they refuse registrations and rotations until they can. Let the router pods"},
		{"all routers in the minority", three(func(o *observation) {
			o.desired, o.pods = 5, o.pods[:1]
			o.pods[0].ready = false
			o.replica("demo-0", func(r *routerstate.Replica) { r.State.Minority, r.State.Ready = true, false })
		}), "False NoRouterReady", "True RollingOut", "False NoRouterReady", "False Minority", "False NoRouterReady",
			"No router is ready. 1 of 5 routers cannot reach the majority: demo-0;"},
		{"a key on its way", three(func(o *observation) { o.rotation = "The gossip key is being replaced." }),
			"True RoutersReady", "True ReplacingGossipKey", "True Programmed", "True Agreed", "True Ready", ""},
		{"a key on its way while a router starts", three(func(o *observation) {
			o.pods[1].ready, o.rotation = false, "The gossip key is being replaced."
		}), "True RoutersReady", "True RollingOut", "True Programmed", "True Agreed", "False RollingOut", "2 of 3 routers are ready."},
		{"a name is taken", three(func(o *observation) { o.problem = &taken }),
			"True RoutersReady", "False NameTaken", "True Programmed", "True Agreed", "False NameTaken", "delete it"},
		{"the snapshot does not fit", three(func(o *observation) { o.problem = &tooLarge }),
			"True RoutersReady", "False SnapshotTooLarge", "False SnapshotTooLarge", "True Agreed", "False SnapshotTooLarge", "another WampCluster"},
	} {
		for kind, pair := range map[string]struct {
			got  conditions.State
			want string
		}{
			"Available": {available(c.o), c.available}, "Progressing": {progressing(c.o), c.progressing},
			"Programmed": {programmed(c.o), c.programmed}, "Consistent": {consistent(c.o), c.consistent}, "Ready": {ready(c.o), c.ready},
		} {
			if got := string(pair.got.Status) + " " + pair.got.Reason; got != pair.want {
				t.Errorf("%s: %s is %s, want %s", c.name, kind, got, pair.want)
			}
			if pair.got.Message == "" {
				t.Errorf("%s: %s says nothing", c.name, kind)
			}
		}
		if message := ready(c.o).Message; !strings.Contains(message, c.words) {
			t.Errorf("%s: Ready says %q, want %q in it", c.name, message, c.words)
		}
	}
}

func TestDisagreement(t *testing.T) {
	view := func(change func(map[string]*v1alpha1.RouterReplicaState)) routerstate.View {
		states := map[string]*v1alpha1.RouterReplicaState{}
		members := []string{"demo-0", "demo-1", "demo-2"}
		for _, name := range members {
			states[name] = &v1alpha1.RouterReplicaState{Ready: true, ListHash: "l", Members: members}
		}
		change(states)
		v := routerstate.View{Replicas: map[string]routerstate.Replica{}}
		for name, s := range states {
			v.Replicas[name] = routerstate.Replica{Connected: true, Believed: true, State: s}
		}
		return v
	}
	for name, c := range map[string]struct {
		change func(map[string]*v1alpha1.RouterReplicaState)
		words  string
	}{
		"all agree":     {func(map[string]*v1alpha1.RouterReplicaState) {}, ""},
		"another list":  {func(s map[string]*v1alpha1.RouterReplicaState) { s["demo-1"].ListHash = "m" }, "demo-0 and demo-1 hold different callee lists"},
		"a split":       {func(s map[string]*v1alpha1.RouterReplicaState) { s["demo-0"].Members = []string{"demo-0", "demo-2"} }, "demo-0 does not see demo-1"},
		"one way":       {func(s map[string]*v1alpha1.RouterReplicaState) { s["demo-2"].Members = []string{"demo-1", "demo-2"} }, "demo-2 does not see demo-0"},
		"not ready yet": {func(s map[string]*v1alpha1.RouterReplicaState) { *s["demo-1"] = v1alpha1.RouterReplicaState{} }, ""},
	} {
		if got := disagreement(view(c.change)); (got == "") != (c.words == "") || !strings.Contains(got, c.words) {
			t.Errorf("%s: %q, want %q", name, got, c.words)
		}
	}
}

func TestTrouble(t *testing.T) {
	waiting := func(reason, message string) corev1.PodStatus {
		return corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
			Name: resource.ContainerName, Image: "example.com/r:1",
			State:                corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}},
			LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 2}},
		}}}
	}
	for name, c := range map[string]struct {
		status corev1.PodStatus
		want   string
	}{
		"starting": {waiting("ContainerCreating", ""), ""},
		"running":  {corev1.PodStatus{Phase: corev1.PodRunning}, ""},
		"no node": {corev1.PodStatus{Conditions: []corev1.PodCondition{{
			Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: "0/1 nodes are available: 1 Insufficient cpu.",
		}}}, "no node takes it: 0/1 nodes are available: 1 Insufficient cpu."},
		"image":       {waiting("ImagePullBackOff", "Back-off"), "the image example.com/r:1 cannot be had (ImagePullBackOff): Back-off."},
		"crash":       {waiting("CrashLoopBackOff", "back-off 10s"), "the router does not stay up, it ended with exit code 2: see its log."},
		"other cause": {waiting("CreateContainerConfigError", `secret "demo-tls" not found`), `CreateContainerConfigError: secret "demo-tls" not found.`},
		"no message":  {waiting("RunContainerError", ""), "RunContainerError: see kubectl describe pod."},
	} {
		if got, _ := trouble(&corev1.Pod{Status: c.status}); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	long, _ := trouble(&corev1.Pod{Status: waiting("X", strings.Repeat("é", 5000))})
	if len(long) > 600 {
		t.Errorf("a message of %d octets", len(long))
	}
}

// Stalled is what somebody has to change, and not what passes by itself.
func TestStalled(t *testing.T) {
	state := func(reason string) *conditions.State { s := conditions.False(reason, "Do this."); return &s }
	broken := func(o *observation) {
		o.pods[1] = podState{name: "demo-1", trouble: "the image x cannot be had.", stuck: true}
	}
	for name, c := range map[string]struct {
		change func(*observation)
		want   string
	}{
		"as it should be":             {nil, ""},
		"a name is taken":             {func(o *observation) { o.problem = state(ReasonNameTaken) }, ReasonNameTaken},
		"Kubernetes refuses the spec": {func(o *observation) { o.problem = state(ReasonRefused) }, ReasonRefused},
		"the snapshot does not fit":   {func(o *observation) { o.problem = state(ReasonSnapshotTooLarge) }, ReasonSnapshotTooLarge},
		"the API server is away":      {func(o *observation) { o.problem = state(ReasonFailed) }, ""},
		"no cert-manager":             {func(o *observation) { o.uncertified = state(ReasonCertManagerMissing) }, ReasonCertManagerMissing},
		"it has not issued yet":       {func(o *observation) { o.uncertified = state(ReasonCertificateNotIssued) }, ""},
		"no Secret": {func(o *observation) {
			o.files = &conditions.State{Status: metav1.ConditionFalse, Reason: ReasonCertificateMissing, Message: "There is no Secret."}
		}, ReasonCertificateMissing},
		"no pod can be made": {func(o *observation) {
			o.pods, o.refusal = o.pods[:2], "exceeded quota: pods"
		}, ReasonPodRefused},
		"an image":                    {broken, ReasonRouterBroken},
		"an image that was corrected": {func(o *observation) { broken(o); o.decision.action = actionRemove }, ""},
		"a new template nobody saw":   {func(o *observation) { broken(o); o.unseen = true }, ""},
		"no node": {func(o *observation) {
			o.pods[1] = podState{name: "demo-1", trouble: "no node takes it."}
		}, ""},
		"a router starts": {func(o *observation) { o.pods[1].ready = false }, ""},
		"other keys":      {func(o *observation) { o.strangers = "demo-1 has another key." }, ReasonOtherKeys},
		"a disagreement":  {func(o *observation) { o.disagreement = "demo-0 does not see demo-1." }, ""},
	} {
		got := stalled(three(c.change))
		if got.IsTrue() != (c.want != "") || got.IsTrue() && got.Reason != c.want || got.Message == "" {
			t.Errorf("%s: %+v, want %q", name, got, c.want)
		}
	}
}

// A router that crashes again and again is stuck also in the moments in which it runs.
func TestCrashingRouterIsStuck(t *testing.T) {
	status := corev1.ContainerStatus{Name: resource.ContainerName, RestartCount: crashes, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
	pod := &corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{status}}}
	started := func(is bool) (string, bool) {
		pod.Status.ContainerStatuses[0].Started = &is
		return trouble(pod)
	}
	if text, stuck := started(false); text == "" || !stuck {
		t.Errorf("%q %v", text, stuck)
	}
	if text, stuck := started(true); text != "" || stuck {
		t.Errorf("it stands, and %q %v", text, stuck)
	}
	pod.Status.ContainerStatuses[0].RestartCount = 1
	if text, _ := started(false); text != "" {
		t.Errorf("it was started anew once, and %q", text)
	}
}

// A pod that is being deleted counts neither as there nor as outdated.
func TestPodStates(t *testing.T) {
	now := metav1.Now()
	ready := corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}}
	got := podStates([]corev1.Pod{
		{ObjectMeta: metav1.ObjectMeta{Name: "demo-0"}, Status: ready},
		{ObjectMeta: metav1.ObjectMeta{Name: "demo-1", DeletionTimestamp: &now}, Status: ready},
		{ObjectMeta: metav1.ObjectMeta{Name: "demo-2"}},
	}, time.Time{})
	if len(got) != 2 || !got[0].ready || got[1].ready || got[1].name != "demo-2" {
		t.Errorf("%+v", got)
	}
}

// What a router leaves out of what it serves, as it does not know it, is told where people look; the rest is served.
func TestProgrammedWithWarnings(t *testing.T) {
	warn := func(lines string) conditions.State {
		return programmed(three(func(o *observation) {
			replica := o.view.Replicas["demo-1"]
			replica.State.Documents.Warnings = lines
			o.view.Replicas["demo-1"] = replica
		}))
	}
	const all = "Every router that is ready serves the latest snapshot."
	for lines, want := range map[string]string{
		"":                          all,
		"line 3: spec.hold":         all + " demo-1 warns: line 3: spec.hold.",
		"a: no Secret\nb: c\nd: e.": all + " demo-1 warns of 3 things, first: a: no Secret.",
	} {
		if got := warn(lines); !got.IsTrue() || got.Message != want {
			t.Errorf("%q: %+v, want %q", lines, got, want)
		}
	}
}

// A router that has just come is heard before the cluster is ready again, whatever the status said of those
// before it; an operator that has just begun takes nothing back.
func TestReadyWithARouterThatIsNotHeardYet(t *testing.T) {
	silent := func(fresh bool) conditions.State {
		return ready(three(func(o *observation) {
			o.pods[2].fresh = fresh
			delete(o.view.Replicas, "demo-2")
			o.last = map[string]conditions.State{
				v1alpha1.ConditionProgrammed: conditions.True(ReasonProgrammed, ""), v1alpha1.ConditionConsistent: conditions.True(ReasonAgreed, ""),
			}
		}))
	}
	if got := silent(true); got.IsTrue() || got.Reason != ReasonRollingOut || !strings.Contains(got.Message, "demo-2 is ready and has not reported yet") {
		t.Errorf("a router that has just come: %+v", got)
	}
	if got := silent(false); !got.IsTrue() {
		t.Errorf("an operator that has just begun: %+v", got)
	}
}
