package e2e

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// watch is told of each change of some objects as it happens. Stop it with the function that it returns.
func watch[T any](t *testing.T, ctx context.Context, s *site, changed func(event string, object *T), args ...string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	cmd := s.Cluster.Command(ctx, "kubectl", append([]string{"get", "-n", s.namespace, "--watch", "--output-watch-events", "-o", "json"}, args...)...)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	ended := make(chan error, 1)
	go func() {
		changes := json.NewDecoder(out)
		for {
			var change struct {
				Type   string
				Object T
			}
			if err := changes.Decode(&change); err != nil {
				ended <- err
				return
			}
			changed(change.Type, &change.Object)
		}
	}()
	return func() {
		t.Helper()
		var early error
		select {
		case early = <-ended:
		default:
		}
		cancel()
		_ = cmd.Wait()
		if early != nil {
			t.Errorf("the watch of %v ended: %v", args, early)
		}
	}
}

// unready follows the pods of the routers; worst gives the most that were not ready at the same time.
func (s *site) unready(t *testing.T, ctx context.Context, replicas int) (worst func() int) {
	t.Helper()
	type seen struct{ most, known int }
	reports := make(chan seen, 1)
	reports <- seen{}
	there := map[string]bool{}
	stop := watch(t, ctx, s, func(event string, p *corev1.Pod) {
		there[p.Name] = event != "DELETED" && ready(p)
		n := 0
		for _, ok := range there {
			if ok {
				n++
			}
		}
		now := <-reports
		now.known = max(now.known, n)
		if now.known >= replicas { // the watch begins with the pods that there are, one by one
			now.most = max(now.most, replicas-n)
		}
		reports <- now
	}, "pods", "-l", "wamp-operator.io/cluster="+s.cluster)
	s.eventually(t, ctx, 10*time.Second, "all routers in the watch", func() (bool, string) {
		now := <-reports
		reports <- now
		return now.known >= replicas, ""
	})
	return func() int {
		t.Helper()
		stop()
		now := <-reports
		reports <- now
		return now.most
	}
}
