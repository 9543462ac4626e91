package e2e

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/test/app"
	"github.com/wamp-operator/wamp-operator/test/demo"
)

// further is the node that is lost and drained. The first one has the way to this machine, and the pod
// of the demonstration.
const first, further = "node1", "node2"

// spread sees to it that so many routers are on the further node, and gives these and the others.
func (s *site) spread(t *testing.T, ctx context.Context, want int) (there, here []string) {
	t.Helper()
	move := func(pod, from string) {
		t.Helper()
		_, err := s.Cluster.Kubectl(ctx, "cordon", from)
		must(t, err)
		s.kubectl(t, ctx, "delete", "pod", pod, "--timeout=60s")
		s.whole(t, ctx, 3, time.Minute)
		_, err = s.Cluster.Kubectl(ctx, "uncordon", from)
		must(t, err)
	}
	for {
		there, here = nil, nil
		for _, p := range s.pods(t, ctx) {
			if p.Spec.NodeName == further {
				there = append(there, p.Name)
			} else {
				here = append(here, p.Name)
			}
		}
		switch {
		case len(there) < want:
			move(here[0], first)
		case len(there) > want:
			move(there[0], further)
		default:
			return there, here
		}
	}
}

// nodeLost cuts the network of a node: whoever is there falls silent at the same moment, without a reset.
func nodeLost(t *testing.T, ctx context.Context, s *site) {
	s.Step("A node is lost")
	s.operators(t, ctx, 2) // one may be on that node
	there, here := s.spread(t, ctx, 1)
	const procedure = "com.example.elsewhere"
	s.standby(t, ctx, procedure, there[0], here[0])
	link := func(state string) {
		t.Helper()
		s.Command("go run ./hack/kube enter ip link set " + further + " " + state)
		_, err := s.Cluster.Kube(context.WithoutCancel(ctx), "enter", "ip", "link", "set", further, state)
		must(t, err)
	}
	down := false
	t.Cleanup(func() {
		if down {
			link("up")
		}
	})
	callers := s.addressed(t, ctx, "realm1", here...)
	s.takeover(t, ctx, nodeTakeover, procedure, callers, func() time.Time {
		at := time.Now()
		link("down")
		down = true
		return at
	})

	// What Kubernetes makes of it: the node is not ready after a while, nor are its routers; the operator
	// of the other node says so when it has the lease.
	s.missed(t, ctx)
	link("up")
	down = false
	begin := time.Now()
	// First that the routers agree, which needs no Kubernetes, then that it knows.
	s.eventually(t, ctx, time.Minute, "routers that agree after the node is back", func() (bool, string) {
		states, err := s.states(ctx)
		if err != nil {
			return false, err.Error()
		}
		seen := disagree(states, 3)
		return seen == "", seen
	})
	s.took(t, nodeWhole, time.Since(begin))
	s.whole(t, ctx, 3, time.Minute)
	s.operators(t, ctx, 1)
	s.calleesBack(t, ctx)
}

// standby lets a callee of policy first stay at a router that is about to be lost, and its standby at another.
func (s *site) standby(t *testing.T, ctx context.Context, procedure, lost, kept string) {
	t.Helper()
	var all []app.Callee
	for _, c := range []struct{ name, router string }{{"lost", lost}, {"kept", kept}} {
		all = append(all, app.Callee{Name: c.name, Router: c.router, Logger: slog.New(slog.DiscardHandler), Procedures: []app.Procedure{{URI: procedure, Invoke: "first"}}})
	}
	s.stay(t, ctx, s.addressed(t, ctx, "realm1"), all, "at the router of the lost node and at another")
}

// missed waits until Kubernetes misses the further node, and the WampCluster its router.
func (s *site) missed(t *testing.T, ctx context.Context) {
	t.Helper()
	s.do(t, ctx, "wait", "--for=condition=Ready=Unknown", "--timeout=120s", "node/"+further)
	s.eventually(t, ctx, time.Minute, "a WampCluster that is not Ready without its node", func() (bool, string) {
		var c v1alpha1.WampCluster
		s.get(t, ctx, "wampcluster/"+s.cluster, &c)
		for _, condition := range c.Status.Conditions {
			if condition.Type == v1alpha1.ConditionReady {
				return condition.Status == "False" && c.Status.ReadyReplicas == 2, fmt.Sprintf("%d ready: %s", c.Status.ReadyReplicas, condition.Message)
			}
		}
		return false, "no condition Ready"
	})
}

// operators has this many operators run.
func (s *site) operators(t *testing.T, ctx context.Context, n int) {
	t.Helper()
	deployment := "deployment/" + demo.Release
	_, err := s.Cluster.Kubectl(ctx, "scale", "-n", demo.OperatorNamespace, deployment, fmt.Sprintf("--replicas=%d", n))
	must(t, err)
	_, err = s.Cluster.Kubectl(ctx, "rollout", "status", "-n", demo.OperatorNamespace, deployment, "--timeout=60s")
	must(t, err)
}

// drainNode drains a node with routers on it while calls go on.
func drainNode(t *testing.T, ctx context.Context, s *site) {
	s.Step("kubectl drain of a node with two of three routers, under load")
	there, here := s.spread(t, ctx, 2)
	s.Say("on %s: %v, elsewhere: %v", further, there, here)
	before := s.lives(t, ctx)
	var staying []*stayer
	for _, library := range javascript {
		staying = append(staying, s.staysAt(t, ctx, library, "com.example.drained."+library, there))
	}
	calls := s.traffic(t, ctx, nil)
	unready := s.unready(t, ctx, 3)
	begin := time.Now()
	t.Cleanup(func() { _, _ = s.Cluster.Kubectl(context.WithoutCancel(ctx), "uncordon", first, further) })
	s.Command("kubectl drain " + further + " --ignore-daemonsets --delete-emptydir-data")
	_, err := s.Cluster.Kubectl(ctx, "drain", further, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=180s")
	must(t, err)
	s.took(t, drainTime, time.Since(begin))
	s.whole(t, ctx, 3, time.Minute)
	s.figure(t, drainUnready, float64(unready()))
	for _, c := range staying {
		s.again(t, ctx, c, 2)
	}
	calls.end(t, ctx, drainFailed)
	for _, p := range s.pods(t, ctx) {
		if p.Spec.NodeName == further {
			t.Errorf("%s is on the drained node", p.Name)
		}
	}
	if n := restarted(before, s.lives(t, ctx), there...); n != 0 {
		t.Errorf("the drain restarted %v routers of the other node", n)
	}
	_, err = s.Cluster.Kubectl(ctx, "uncordon", further)
	must(t, err)
	s.calleesBack(t, ctx)
}
