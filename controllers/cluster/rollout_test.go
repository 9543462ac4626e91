package cluster

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/conditions"
)

// fleet is n routers that serve and are of an older template; change makes it another one.
func fleet(n int, change func(*rolloutView)) rolloutView {
	v := rolloutView{desired: n}
	for i := range n {
		v.pods = append(v.pods, rolloutPod{
			name: fmt.Sprintf("demo-%d", i), uid: types.UID(fmt.Sprintf("uid-%d", i)),
			outdated: true, ready: true, running: true, heard: true, current: true,
		})
	}
	if change != nil {
		change(&v)
	}
	return v
}

// What is done about the pods of an older template, in the situations that there are.
func TestDecide(t *testing.T) {
	const image = "the image x cannot be had (ErrImagePull): not found."
	updated := func(v *rolloutView, pods ...int) {
		for _, i := range pods {
			v.pods[i].outdated = false
		}
	}
	down := func(p *rolloutPod) { p.ready, p.running, p.heard = false, false, false }
	for _, c := range []struct {
		name                string
		v                   rolloutView
		action, pod, reason string
		words               string
	}{
		{"nothing to replace", fleet(3, func(v *rolloutView) { updated(v, 0, 1, 2) }), "", "", "", ""},
		{"the last one first", fleet(3, nil), "drain", "demo-2", ReasonDraining, "its router drains"},
		{"then the one before", fleet(3, func(v *rolloutView) { updated(v, 2) }), "drain", "demo-1", ReasonDraining, ""},
		{"a router is being stopped", fleet(3, func(v *rolloutView) { v.pods[2].stopping = true }), "wait", "demo-2", ReasonRouterStopping, ""},
		{"its successor is not there yet", fleet(3, func(v *rolloutView) { v.pods = v.pods[:2] }), "wait", "", ReasonPodMissing, "2 of 3 pods"},
		{"and cannot be made", fleet(3, func(v *rolloutView) { v.pods, v.refusal = v.pods[:2], "exceeded quota: pods" }),
			"wait", "", ReasonPodMissing, "2 of 3 pods are there, and Kubernetes refuses to make another: exceeded quota: pods."},
		{"its successor starts", fleet(3, func(v *rolloutView) { updated(v, 2); down(&v.pods[2]) }), "wait", "demo-2", ReasonRouterStarting, ""},
		{"its successor runs and is not ready", fleet(3, func(v *rolloutView) { updated(v, 2); v.pods[2].ready = false }),
			"wait", "demo-2", ReasonRouterStarting, ""},
		{"the new image cannot be had", fleet(3, func(v *rolloutView) { updated(v, 2); down(&v.pods[2]); v.pods[2].trouble = image }),
			"wait", "demo-2", ReasonRouterBroken, image + " The routers that serve stay as they are until it does: correct the spec"},
		{"and an old router crashes: the new image would not help it", fleet(3, func(v *rolloutView) {
			updated(v, 2)
			down(&v.pods[2])
			down(&v.pods[1])
			v.pods[2].trouble = image
		}), "wait", "demo-2", ReasonRouterBroken, ""},
		{"the image was corrected", fleet(3, func(v *rolloutView) { down(&v.pods[2]); v.pods[2].trouble = image }),
			"remove", "demo-2", ReasonRemoving, "serves nobody"},
		{"and goes back to what the others have", fleet(3, func(v *rolloutView) { updated(v, 0, 1); down(&v.pods[2]) }), "remove", "demo-2", ReasonRemoving, ""},
		{"none ever served: they do not wait for one another", fleet(3, func(v *rolloutView) {
			for i := range v.pods {
				down(&v.pods[i])
			}
			updated(v, 2)
			v.pods[1].stopping = true
		}), "remove", "demo-0", ReasonRemoving, ""},
		{"a router that is not ready goes first", fleet(3, func(v *rolloutView) { v.pods[0].ready = false; v.disagreement = "x" }),
			"drain", "demo-0", ReasonDraining, "it is not ready"},
		{"but not while a new one starts", fleet(3, func(v *rolloutView) { updated(v, 2); v.pods[2].ready, v.pods[0].ready = false, false }),
			"wait", "demo-2", ReasonRouterStarting, ""},
		{"a router is not heard", fleet(3, func(v *rolloutView) { v.pods[0].heard, v.pods[0].unheard = false, "connection refused" }),
			"wait", "demo-0", ReasonRouterNotHeard, "demo-0 (connection refused)"},
		{"a router has still to be heard", fleet(3, func(v *rolloutView) { v.pods[0].heard = false }), "wait", "demo-0", ReasonNotHeardYet, ""},
		{"the new one is behind", fleet(3, func(v *rolloutView) { updated(v, 2); v.pods[2].current = false }), "wait", "demo-2", ReasonPending, ""},
		{"the new one cannot read it", fleet(3, func(v *rolloutView) { updated(v, 2); v.pods[2].current, v.pods[2].refused = false, "line 3" }),
			"wait", "demo-2", ReasonSnapshotRefused, "(line 3)"},
		{"an old one cannot read it: the new one is to", fleet(3, func(v *rolloutView) { v.pods[1].current, v.pods[1].refused = false, "line 3" }),
			"drain", "demo-2", ReasonDraining, ""},
		{"there is no certificate for it", fleet(3, func(v *rolloutView) {
			v.files = &conditions.State{Reason: ReasonCertificateMissing, Message: "There is no Secret."}
		}), "wait", "", ReasonCertificateMissing, "There is no Secret."},
		{"one that hangs for that says so", fleet(3, func(v *rolloutView) {
			updated(v, 2)
			v.pods[2].ready = false
			v.files = &conditions.State{Reason: ReasonCertificateMissing, Message: "There is no Secret."}
		}), "wait", "", ReasonCertificateMissing, "There is no Secret."},
		{"the certificate has ended, for old and new", fleet(3, func(v *rolloutView) { v.files = &conditions.State{Reason: ReasonCertificateExpired} }),
			"drain", "demo-2", ReasonDraining, ""},
		{"lists differ", fleet(3, func(v *rolloutView) { v.disagreement, v.lasting = "demo-0 does not see demo-1.", true }),
			"wait", "", ReasonListsDiffer, "does not see demo-1"},
		{"lists differ for a moment", fleet(3, func(v *rolloutView) { v.disagreement = "demo-0 does not see demo-1." }), "wait", "", ReasonRoutersSettling, ""},
		{"a key is being replaced", fleet(3, func(v *rolloutView) { v.rotation = "The key." }), "wait", "", ReasonReplacingKey, "The key."},
		{"which waits for an old router that knows no keys", fleet(3, func(v *rolloutView) { v.rotation, v.pods[1].keyless = "The key.", true }),
			"drain", "demo-2", ReasonDraining, ""},
		{"one that is removed anyway does not count", fleet(4, func(v *rolloutView) {
			v.majority = true
			v.pods[3].ready = false
			updated(v, 3)
			v.pods[3].surplus = true
			v.desired = 3
		}),
			"drain", "demo-2", ReasonDraining, ""},
		{"one of two routers: there is no other way", fleet(2, func(v *rolloutView) { v.majority = true }), "drain", "demo-1", ReasonDraining, ""},
		{"one router alone", fleet(1, func(v *rolloutView) { v.majority = true }), "drain", "demo-0", ReasonDraining, ""},
		{"what is removed anyway is left alone", fleet(3, func(v *rolloutView) { v.desired = 2; v.pods[2].surplus = true }), "drain", "demo-1", ReasonDraining, ""},
	} {
		d := decide(c.v)
		if string(d.action) != c.action || d.pod != c.pod || d.reason != c.reason || !strings.Contains(d.message, c.words) {
			t.Errorf("%s: %+v, want %s %s %s %q", c.name, d, c.action, c.pod, c.reason, c.words)
		}
		if d.action != actionNone && d.message == "" {
			t.Errorf("%s: nothing is said", c.name)
		}
		if (d.action == actionDrain || d.action == actionRemove) && d.uid == "" {
			t.Errorf("%s: the pod is named without its UID", c.name)
		}
	}
}

// With fewer ready than there should be, nothing that serves is stopped where that costs the majority.
func TestMajorityIsKept(t *testing.T) {
	v := fleet(5, func(v *rolloutView) { v.majority = true })
	v.pods[0].surplus, v.pods[1].surplus = true, true // as good as absent
	v.desired = 3
	if d := decide(v); d.action != actionDrain {
		t.Errorf("%+v: two of three are a majority", d)
	}
	v.desired = 5
	if d := (rolloutView{desired: 5, majority: true}).hold(nil, nil, v.pods[:3]); d == nil || d.reason != ReasonMajorityAtRisk {
		t.Errorf("%+v: two of five are none", d)
	}
}

// From any state of pods, and whatever fails meanwhile, a rollout ends with all pods replaced, and never
// stops a router that serves while another one is not ready.
func TestRolloutEnds(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		n := 1 + random.IntN(5)
		v := fleet(n, func(v *rolloutView) {
			v.majority = random.IntN(2) == 0
			for i := range v.pods {
				p := &v.pods[i]
				p.ready = random.IntN(3) > 0
				p.running = p.ready || random.IntN(2) == 0
				p.outdated = random.IntN(4) > 0
			}
		})
		steps := 0
		for ; steps < 200; steps++ {
			d := decide(v)
			if d.action == actionNone {
				break
			}
			serving, starting := 0, 0
			for _, p := range v.pods {
				if p.ready && !p.stopping {
					serving++
				}
				if p.stopping || !p.outdated && !p.ready {
					starting++
				}
			}
			for i := range v.pods {
				p := &v.pods[i]
				switch {
				case p.name == d.pod && d.action == actionDrain:
					if p.ready && (serving < n || starting > 0) {
						t.Fatalf("seed %d: %+v of %+v", seed, d, v.pods)
					}
					p.stopping, p.ready = true, false
				case p.name == d.pod && d.action == actionRemove:
					if p.ready || p.running {
						t.Fatalf("seed %d: %+v of %+v", seed, d, v.pods)
					}
					p.stopping = true
				case random.IntN(2) == 0: // time goes by
					if p.stopping {
						*p = rolloutPod{name: p.name, uid: "new", heard: true, current: true}
					} else if !p.outdated {
						p.running, p.ready = true, true
					}
				}
			}
		}
		if steps == 200 {
			t.Fatalf("seed %d: it does not end: %+v of %+v", seed, decide(v), v.pods)
		}
	}
}

// Ordinary steps are not the reason of a condition; what people have to know of is one, and an event
// once.
func TestWaitingIsToldOnce(t *testing.T) {
	o := three(func(o *observation) {
		o.outdated = 2
		o.decision = decision{action: actionWait, reason: ReasonRouterStarting, message: "Pod demo-2 is starting."}
	})
	if got := progressing(o); got.Reason != ReasonRollingOut || got.Message != "2 of 3 routers are still to be replaced. Pod demo-2 is starting." {
		t.Errorf("%+v", got)
	}
	o.decision = decision{action: actionWait, reason: ReasonRouterBroken, message: "Pod demo-2: image."}
	got := progressing(o)
	if got.Reason != ReasonRouterBroken || !got.IsTrue() {
		t.Errorf("%+v", got)
	}
	condition := func(reason string) []metav1.Condition {
		return []metav1.Condition{{Type: v1alpha1.ConditionProgressing, Reason: reason, Message: "m"}}
	}
	if e, ok := waitingEvent(condition(ReasonRollingOut), condition(ReasonRouterBroken)); !ok || e.Type != corev1.EventTypeWarning || e.Note != "m" || e.Action == "" {
		t.Errorf("%+v %v", e, ok)
	}
	for _, quiet := range [][2]string{{ReasonRouterBroken, ReasonRouterBroken}, {ReasonRouterBroken, ReasonRollingOut}, {ReasonRollingOut, ReasonSettled}, {ReasonSettled, ReasonReplacingKey}} {
		if e, ok := waitingEvent(condition(quiet[0]), condition(quiet[1])); ok {
			t.Errorf("%v: %+v", quiet, e)
		}
	}
}
