package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// scale changes the number of routers while calls go on.
func scale(t *testing.T, ctx context.Context, s *site) {
	s.Step("3 to 5, 5 to 2, 2 to 3 routers, under load")
	calls := s.traffic(t, ctx, nil)
	for _, replicas := range []int{5, 2, 3} {
		begin := time.Now()
		s.do(t, ctx, "scale", "wampcluster/"+s.cluster, fmt.Sprintf("--replicas=%d", replicas))
		s.whole(t, ctx, replicas, 2*time.Minute)
		s.took(t, scaleTime, time.Since(begin))
		calm(ctx, 2*time.Second)
	}
	s.autoscaled(t, ctx)
	calls.end(t, ctx, scaleFailed)
	s.calleesBack(t, ctx)
}

// autoscaled lets a HorizontalPodAutoscaler bring the routers within its bounds: it does so by the scale
// subresource alone, whether or not anybody measures pods.
func (s *site) autoscaled(t *testing.T, ctx context.Context) {
	t.Helper()
	var c v1alpha1.WampCluster
	s.get(t, ctx, "wampcluster/"+s.cluster, &c)
	if selected, all := s.kubectl(t, ctx, "get", "pods", "-l", c.Status.Selector, "-o", "name"), s.pods(t, ctx); c.Status.Selector == "" || len(strings.Fields(selected)) != len(all) {
		t.Fatalf("the selector %q of the scale subresource finds %q, and there are %d routers", c.Status.Selector, selected, len(all))
	}
	scaled := func(replicas int, command ...string) {
		t.Helper()
		begin := time.Now()
		s.do(t, ctx, command...)
		s.whole(t, ctx, replicas, time.Minute)
		s.took(t, autoscaleTime, time.Since(begin))
	}
	t.Cleanup(func() {
		s.kubectl(t, context.WithoutCancel(ctx), "delete", "hpa", s.cluster, "--ignore-not-found", "--timeout=15s")
	})
	scaled(4, "autoscale", "wampcluster/"+s.cluster, "--min=4", "--max=5", "--cpu=80%")
	s.eventually(t, ctx, 20*time.Second, "an autoscaler that knows of 4 routers and their selector", func() (bool, string) {
		var hpa autoscalingv2.HorizontalPodAutoscaler
		s.get(t, ctx, "hpa/"+s.cluster, &hpa)
		reasons := map[autoscalingv2.HorizontalPodAutoscalerConditionType]string{}
		for _, condition := range hpa.Status.Conditions {
			reasons[condition.Type] = condition.Reason
		}
		// Nobody measures pods here; without a selector it would not have come to ask.
		ok := hpa.Status.CurrentReplicas == 4 && reasons[autoscalingv2.ScalingActive] == "FailedGetResourceMetric"
		return ok, fmt.Sprintf("%d replicas, %v", hpa.Status.CurrentReplicas, reasons)
	})
	scaled(3, "patch", "hpa", s.cluster, "--type=merge", "-p", `{"spec":{"minReplicas":2,"maxReplicas":3}}`)
	s.do(t, ctx, "delete", "hpa", s.cluster)
}

// calleesBack waits until each router has its callee of the demonstration again.
func (s *site) calleesBack(t *testing.T, ctx context.Context) {
	t.Helper()
	s.kubectl(t, ctx, "wait", "--for=jsonpath={.status.callees}=3", "--timeout=60s", "wampprocedure/rotate", "wampprocedure/primary")
}
