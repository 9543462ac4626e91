package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
	"github.com/wamp-operator/wamp-operator/controllers/routerstate"
	"github.com/wamp-operator/wamp-operator/controllers/ssa"
)

// nudges of one pod: for the snapshot, for the keys, and for the Secrets of the port for clients.
type nudges struct{ snapshot, keys, listener nudge }

// nudge remembers how often a pod was annotated for one state of a volume, which hash stands for.
type nudge struct {
	hash  string
	times int
	last  time.Time
}

// maxNudges bounds how often a pod is annotated for one state; after that the kubelet's own
// refresh, within a minute or two, has to do.
const maxNudges = 6

// next decides about one pod: the annotation to write, or none, and when to look again (0: when
// something happens). The kubelet may see the pod before it sees the ConfigMap, so that one nudge
// can miss; more of them follow at doubling intervals from 500 ms while the router is behind.
func (n nudge) next(hash string, behind bool, now time.Time) (annotation string, again time.Duration, after nudge) {
	if !behind {
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

// behindSnapshot and behindKeys tell of a router that is heard that it has something else than what was
// published. One that reports no keys takes none without a restart.
func behindSnapshot(hash string, replica routerstate.Replica) bool {
	return replica.State != nil && replica.Connected && replica.State.Documents.Hash != hash
}

func behindKeys(keys []string, replica routerstate.Replica) bool {
	return len(keys) > 0 && replica.State != nil && replica.Connected && len(replica.State.Keys) > 0 && !slices.Equal(replica.State.Keys, keys)
}

// nudgePods makes the kubelets refresh the snapshot and the keys in pods whose routers have others.
func (r *Reconciler) nudgePods(ctx context.Context, s *scope) error {
	keys := v1alpha1.KeyFingerprints(s.memory.gossip.state.keys)
	secrets, changed := s.memory.listener.state()
	after := make(map[types.UID]nudges, len(s.pods))
	for i := range s.pods {
		pod := &s.pods[i]
		if !pod.DeletionTimestamp.IsZero() {
			continue
		}
		replica, next := s.view.Replicas[pod.Name], s.memory.nudges[pod.UID]
		annotations := map[string]string{}
		nudge := func(n *nudge, name, hash string, behind bool) {
			annotation, again, after := n.next(hash, behind, s.now)
			*n = after
			if again > 0 {
				s.again(again)
			}
			if annotation != "" {
				annotations[name] = annotation
			}
		}
		hash := s.memory.compiled.Hash
		nudge(&next.snapshot, resource.AnnotationSnapshot, hash, !s.memory.compiled.TooLarge() && behindSnapshot(hash, replica))
		nudge(&next.keys, resource.AnnotationKeys, strings.Join(keys, "-"), behindKeys(keys, replica))
		// Routers do not tell which certificate they have, so a pod gets all the nudges that there are.
		nudge(&next.listener, resource.AnnotationListener, secrets, secrets != "" && pod.CreationTimestamp.Time.Before(changed))
		if len(annotations) > 0 {
			if err := r.annotate(ctx, pod, annotations); err != nil {
				return err
			}
			ctrl.LoggerFrom(ctx).V(1).Info("pod nudged", "pod", pod.Name, "annotations", annotations)
		}
		after[pod.UID] = next
	}
	s.memory.nudges = after
	return nil
}

func (r *Reconciler) annotate(ctx context.Context, pod *corev1.Pod, annotations map[string]string) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid":         pod.UID,
		"annotations": annotations,
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
