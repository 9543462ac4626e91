package cluster

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/controllers/resource"
	"github.com/wamp-operator/wamp-operator/controllers/routerstate"
)

// observe reads the router pods and what their routers report.
func (r *Reconciler) observe(ctx context.Context, s *scope) error {
	var pods corev1.PodList
	if err := r.Client.List(ctx, &pods, client.InNamespace(s.name.Namespace), client.MatchingLabels(resource.Selector(s.name.Name))); err != nil {
		return fmt.Errorf("listing pods: %w", err)
	}
	s.pods = pods.Items
	slices.SortFunc(s.pods, func(a, b corev1.Pod) int {
		return cmp.Or(cmp.Compare(len(a.Name), len(b.Name)), cmp.Compare(a.Name, b.Name))
	})
	s.view = r.Watcher.View(s.name)
	return nil
}

// listen reads the state of every router that runs, those that are being stopped included: they
// have callees until the end.
func (r *Reconciler) listen(_ context.Context, s *scope) error {
	var targets []routerstate.Target
	for i := range s.pods {
		pod := &s.pods[i]
		if pod.Status.Phase == corev1.PodRunning && pod.Status.PodIP != "" {
			targets = append(targets, routerstate.Target{Replica: pod.Name, UID: pod.UID, IP: pod.Status.PodIP})
		}
	}
	r.Watcher.Watch(s.name, targets, string(s.memory.admin.value))
	s.view = r.Watcher.View(s.name)
	return nil
}
