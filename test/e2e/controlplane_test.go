package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/test/demo"
)

// operatorKilled kills the operator and the router of the active callee at the same moment.
func operatorKilled(t *testing.T, ctx context.Context, s *site) {
	s.Step("The operator is killed while a standby takes over")
	out, err := s.Cluster.Kubectl(ctx, "get", "pods", "-n", demo.OperatorNamespace, "-l", "app.kubernetes.io/name=wamp-operator", "-o", "name")
	must(t, err)
	operator := strings.TrimPrefix(strings.Fields(out)[0], "pod/")
	active, others := s.active(t, ctx)
	var lost time.Time
	s.takeover(t, ctx, operatorTakeover, "com.example.primary", s.addressed(t, ctx, "realm1", others...), func() time.Time {
		s.kill(t, ctx, demo.OperatorNamespace, operator)
		lost = s.kill(t, ctx, s.namespace, active)
		return lost
	})
	s.eventually(t, ctx, time.Minute, "a status that says what the routers hold", func() (bool, string) { return s.statusRight(t, ctx) })
	s.took(t, operatorStatus, time.Since(lost))
}

// apiOutage is how long the API server is away: longer than the operator keeps its lease, and shorter than
// the time after which Kubernetes takes the nodes for lost.
const apiOutage = 12 * time.Second

// apiServerDown kills the API server, and then kills the router of the active callee.
func apiServerDown(t *testing.T, ctx context.Context, s *site) {
	s.Step("The API server is down while a standby takes over")
	active, others := s.active(t, ctx)
	before, callers := s.lives(t, ctx), s.addressed(t, ctx, "realm1", others...)
	kube := func(args ...string) {
		t.Helper()
		s.Command("go run ./hack/kube " + strings.Join(args, " "))
		_, err := s.Cluster.Kube(ctx, args...)
		must(t, err)
	}
	// One that is asked to end takes its address out of its Service, and kube-proxy learns of the new one up
	// to half a minute later: that would be measured.
	kube("stop-component", "-kill", "kube-apiserver")
	stopped, back := time.Now(), false
	t.Cleanup(func() {
		if !back {
			_, _ = s.Cluster.Kube(context.WithoutCancel(ctx), "start-component", "kube-apiserver")
		}
	})
	s.takeover(t, ctx, apiTakeover, "com.example.primary", callers, func() time.Time { return s.kill(t, ctx, s.namespace, active) })
	calm(ctx, time.Until(stopped.Add(apiOutage)))
	kube("start-component", "kube-apiserver")
	back = true
	answers := time.Now()
	s.eventually(t, ctx, time.Minute, "a status that says what the routers hold", func() (bool, string) { return s.statusRight(t, ctx) })
	s.took(t, apiStatus, time.Since(answers))
	calm(ctx, 5*time.Second) // whoever would restart something had time to
	s.figure(t, apiRestarts, restarted(before, s.lives(t, ctx), active))
}
