package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/test/chaos/client"
)

// outOfService is how people tell Kubernetes that a node will not come back with its pods, so that those of
// a StatefulSet are created elsewhere.
const outOfService = "node.kubernetes.io/out-of-service"

// nodeKilled takes the power from a node: all of its processes end and nothing comes from it any more. Its
// router is replaced on the other node, and then the node boots again.
func nodeKilled(t *testing.T, ctx context.Context, s *site) {
	s.Step("A node loses its power, under load")
	s.operators(t, ctx, 2)
	there, here := s.spread(t, ctx, 1)
	const procedure = "com.example.powerless"
	s.standby(t, ctx, procedure, there[0], here[0])
	var routers []client.Router
	for _, p := range s.pods(t, ctx) {
		if p.Spec.NodeName != further {
			routers = append(routers, client.Router{Name: p.Name, Address: clientPort(p.Status.PodIP)})
		}
	}
	calls := s.trafficAt(t, ctx, routers, nil)
	kube := func(args ...string) {
		t.Helper()
		s.Command("go run ./hack/kube " + args[0] + " " + args[1])
		_, err := s.Cluster.Kube(context.WithoutCancel(ctx), args...)
		must(t, err)
	}
	node := func(args ...string) {
		t.Helper()
		_, err := s.Cluster.Kubectl(context.WithoutCancel(ctx), args...)
		must(t, err)
	}
	dead, tainted := false, false
	t.Cleanup(func() {
		if dead {
			kube("start-node", further)
		}
		if tainted {
			node("taint", "node", further, outOfService+"-")
		}
	})
	s.takeover(t, ctx, powerTakeover, procedure, s.addressed(t, ctx, "realm1", here...), func() time.Time {
		at := time.Now()
		dead = true
		kube("kill-node", further)
		return at
	})
	s.missed(t, ctx)

	tainted = true
	begin := time.Now()
	s.Command("kubectl taint node " + further + " " + outOfService + "=nodeshutdown:NoExecute")
	node("taint", "node", further, outOfService+"=nodeshutdown:NoExecute")
	s.whole(t, ctx, 3, 2*time.Minute)
	s.took(t, powerReplaced, time.Since(begin))
	calls.end(t, ctx, powerFailed)
	for _, p := range s.pods(t, ctx) {
		if p.Spec.NodeName == further {
			t.Errorf("%s is on the node that is gone", p.Name)
		}
	}

	before := s.lives(t, ctx)
	kube("start-node", further)
	dead = false
	s.do(t, ctx, "wait", "--for=condition=Ready", "--timeout=60s", "node/"+further)
	node("taint", "node", further, outOfService+"-")
	tainted = false
	s.operators(t, ctx, 1)
	s.whole(t, ctx, 3, time.Minute)
	if n := restarted(before, s.lives(t, ctx)); n != 0 {
		t.Errorf("%v routers were restarted when the node was back", n)
	}
	s.calleesBack(t, ctx)
}
