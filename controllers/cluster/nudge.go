package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/controllers/resource"
	"github.com/wamp-operator/wamp-operator/controllers/routerstate"
	"github.com/wamp-operator/wamp-operator/controllers/ssa"
)

// nudge remembers how often a pod was annotated for a snapshot.
type nudge struct {
	hash  string
	times int
	last  time.Time
}

// maxNudges bounds how often a pod is annotated for one snapshot; after that the kubelet's own
// refresh, within a minute or two, has to do.
const maxNudges = 6

// next decides about one pod: the annotation to write, or none, and when to look again (0: when
// something happens). The kubelet may see the pod before it sees the ConfigMap, so that one nudge
// can miss; more of them follow at doubling intervals from 500 ms while the router reports
// another snapshot.
func (n nudge) next(hash string, replica routerstate.Replica, now time.Time) (annotation string, again time.Duration, after nudge) {
	if replica.State == nil || !replica.Connected || replica.State.Documents.Hash == hash {
		return "", 0, n
	}
	if n.hash != hash {
		return hash, 500 * time.Millisecond, nudge{hash: hash, times: 1, last: now}
	}
	if n.times >= maxNudges {
		return "", 0, n
	}
	if wait := 500*time.Millisecond<<(n.times-1) - now.Sub(n.last); wait > 0 {
		return "", wait, n
	}
	after = nudge{hash: hash, times: n.times + 1, last: now}
	return hash + "." + strconv.Itoa(n.times), 500 * time.Millisecond << n.times, after
}

// nudgePods makes the kubelets refresh the snapshot in pods whose routers serve another one.
func (r *Reconciler) nudgePods(ctx context.Context, s *scope) error {
	if s.memory.compiled.TooLarge() {
		return nil
	}
	nudges := make(map[types.UID]nudge, len(s.pods))
	for i := range s.pods {
		pod := &s.pods[i]
		if !pod.DeletionTimestamp.IsZero() {
			continue
		}
		annotation, again, after := s.memory.nudges[pod.UID].next(s.memory.compiled.Hash, s.view.Replicas[pod.Name], s.now)
		if again > 0 {
			s.again(again)
		}
		if annotation != "" {
			if err := r.annotate(ctx, pod, annotation); err != nil {
				return err
			}
			ctrl.LoggerFrom(ctx).V(1).Info("pod nudged", "pod", pod.Name, "annotation", annotation)
		}
		nudges[pod.UID] = after
	}
	s.memory.nudges = nudges
	return nil
}

func (r *Reconciler) annotate(ctx context.Context, pod *corev1.Pod, value string) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid":         pod.UID,
		"annotations": map[string]string{resource.AnnotationSnapshot: value},
	}})
	if err != nil {
		return err
	}
	err = r.Client.Patch(ctx, pod, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(ssa.FieldOwner))
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // it is gone, or another pod has its name: that one mounts what is there now
	}
	if err != nil {
		return fmt.Errorf("annotating pod %s: %w", pod.Name, err)
	}
	return nil
}
