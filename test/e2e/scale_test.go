package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"
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
	calls.end(t, ctx, scaleFailed)
	s.calleesBack(t, ctx)
}

// calleesBack waits until each router has its callee of the demonstration again.
func (s *site) calleesBack(t *testing.T, ctx context.Context) {
	t.Helper()
	s.kubectl(t, ctx, "wait", "--for=jsonpath={.status.callees}=3", "--timeout=60s", "wampprocedure/rotate", "wampprocedure/primary")
}
