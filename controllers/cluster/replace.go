package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
	"github.com/wamp-operator/wamp-operator/controllers/routerstate"
	"github.com/wamp-operator/wamp-operator/controllers/ssa"
)

const (
	// evictionTimeout bounds one eviction: the client waits by itself, and for long, when it is told to
	// come again.
	evictionTimeout = 5 * time.Second
	// budgetWait is the pause before an eviction that the PodDisruptionBudget refused is tried again.
	budgetWait = 2 * time.Second
)

// rollout is what is remembered of the replacement of pods between passes; an operator that has
// forgotten it decides the same a little later.
type rollout struct {
	// agreed names the runs of the routers that have all held the same lists at one moment. Lists
	// that change all the time are hardly ever seen equal; it is enough that they were once.
	agreed string
	// stopped are pods that were told to stop: the cache may not show it yet.
	stopped map[types.UID]bool
	// refused is since when the PodDisruptionBudget refuses an eviction: it learns of a router that is
	// ready a moment after the operator.
	refused time.Time
}

// takeOver makes an existing StatefulSet leave the replacement of pods to the operator. Server-side
// apply does not do it: the parameters of the other strategy have no owner who could give them up.
func (r *Reconciler) takeOver(ctx context.Context, s *scope) error {
	set, err := r.statefulSet(ctx, s)
	if err != nil || set == nil || set.Spec.UpdateStrategy.RollingUpdate == nil || !metav1.IsControlledBy(set, s.cluster) {
		return err
	}
	patch := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"updateStrategy":{"type":"OnDelete","rollingUpdate":null}}}`))
	if err := r.Client.Patch(ctx, set.DeepCopy(), patch, client.FieldOwner(ssa.FieldOwner)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("taking over the replacement of pods from StatefulSet %s: %w", set.Name, err)
	}
	return nil
}

// statefulSet reads the StatefulSet from the cache; nil when there is none.
func (r *Reconciler) statefulSet(ctx context.Context, s *scope) (*appsv1.StatefulSet, error) {
	set := &appsv1.StatefulSet{}
	name := types.NamespacedName{Namespace: s.name.Namespace, Name: resource.StatefulSetName(s.name.Name)}
	if err := r.Client.Get(ctx, name, set); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("reading StatefulSet %s: %w", name, err)
	}
	return set, nil
}

// unseen tells whether Kubernetes has still to look at the StatefulSet: which pods are of its template
// is not known then.
func unseen(set *appsv1.StatefulSet) bool { return set.Status.ObservedGeneration < set.Generation }

// replacePods decides what becomes of the pods of an older template, and does it.
func (r *Reconciler) replacePods(ctx context.Context, s *scope) error {
	set, err := r.statefulSet(ctx, s)
	if err != nil || set == nil || !metav1.IsControlledBy(set, s.cluster) || unseen(set) {
		return err
	}
	if s.decision = decide(r.rolloutView(s, set)); s.decision.action == actionNone || s.decision.action == actionWait {
		return nil
	}
	// The cache may show a template of a moment ago, and a pod would be replaced for nothing.
	live := &appsv1.StatefulSet{}
	if err := r.Live.Get(ctx, client.ObjectKeyFromObject(set), live); err != nil {
		return client.IgnoreNotFound(err)
	}
	if live.UID != set.UID || live.Generation != set.Generation || live.Status.UpdateRevision != set.Status.UpdateRevision {
		s.again(settle)
		return nil
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: s.name.Namespace, Name: s.decision.pod, UID: s.decision.uid}}
	return r.act(ctx, s, pod)
}

// act does what was decided about a pod.
func (r *Reconciler) act(ctx context.Context, s *scope, pod *corev1.Pod) error {
	d := s.decision
	only := metav1.Preconditions{UID: &pod.UID}
	var err error
	if d.action == actionRemove {
		err = r.Client.Delete(ctx, pod, client.Preconditions(only))
	} else {
		bounded, cancel := context.WithTimeout(ctx, evictionTimeout)
		defer cancel()
		err = r.Client.SubResource("eviction").Create(bounded, pod, &policyv1.Eviction{
			DeleteOptions: &metav1.DeleteOptions{Preconditions: &only},
		})
		if apierrors.IsTooManyRequests(err) || err != nil && bounded.Err() != nil && ctx.Err() == nil {
			refused := &s.memory.rollout.refused
			if refused.IsZero() {
				*refused = s.now
			}
			reason := ReasonRoutersSettling
			if s.now.Sub(*refused) >= patience {
				reason = ReasonDisruptionBudget
			}
			s.decision = decision{action: actionWait, pod: d.pod, reason: reason, message: fmt.Sprintf(
				"The PodDisruptionBudget %s does not let %s be stopped yet: if that lasts, see which pods it counts as not healthy.",
				resource.PodDisruptionBudgetName(s.name.Name), d.pod)}
			s.again(budgetWait)
			return nil
		}
	}
	switch {
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
		s.again(settle) // it is gone, or another pod has its name
		return nil
	case err != nil:
		return fmt.Errorf("replacing pod %s (%s): %w", pod.Name, d.action, err)
	}
	s.memory.rollout.stopped[pod.UID], s.memory.rollout.refused = true, time.Time{}
	ctrl.LoggerFrom(ctx).Info("pod is replaced", "pod", pod.Name, "action", string(d.action), "reason", d.message)
	s.did(pod, d.reason, verbs[d.action], d.message)
	if d.action == actionRemove {
		s.again(settle) // there may be more of them, and they do not wait for one another
	}
	return nil
}

// verbs are the actions of events.
var verbs = map[action]string{actionDrain: "Drain", actionRemove: "Remove"}

// rolloutView gathers what is decided from.
func (r *Reconciler) rolloutView(s *scope, set *appsv1.StatefulSet) rolloutView {
	m := &s.memory.rollout
	v := rolloutView{
		desired:  int(resource.Replicas(s.cluster)),
		majority: s.cluster.Spec.PartitionPolicy == v1alpha1.PartitionMajority,
		rotation: s.rotation,
		files:    s.files,
		set:      set.Name,
		refusal:  s.refusal,
	}
	stopped := map[types.UID]bool{}
	for i := range s.pods {
		pod := &s.pods[i]
		if m.stopped[pod.UID] {
			stopped[pod.UID] = true
		}
		v.pods = append(v.pods, rolloutPodOf(s, set, pod, stopped[pod.UID]))
	}
	m.stopped = stopped
	v.disagreement = disagreement(s.view)
	if runs := runsOf(s.view); v.disagreement == "" {
		m.agreed = runs
	} else if lasting := s.patiently(v.disagreement); lasting != "" || m.agreed == runs {
		v.disagreement, v.lasting = lasting, lasting != ""
	}
	return v
}

func rolloutPodOf(s *scope, set *appsv1.StatefulSet, pod *corev1.Pod, stopped bool) rolloutPod {
	text, _ := trouble(pod)
	replica := s.view.Replicas[pod.Name]
	p := rolloutPod{
		name:     pod.Name,
		uid:      pod.UID,
		outdated: isOutdated(set, pod),
		surplus:  surplus(s, pod),
		stopping: stopped || !pod.DeletionTimestamp.IsZero(),
		ready:    isReady(pod),
		running:  routerRuns(pod),
		trouble:  text,
		heard:    replica.Believed && replica.State != nil,
		unheard:  strings.TrimRight(replica.Trouble, "."),
	}
	if p.heard {
		p.current = s.memory.compiled.TooLarge() || replica.State.Documents.Hash == s.memory.compiled.Hash
		p.refused = strings.TrimRight(replica.State.Documents.Error, ".")
		p.keyless = len(replica.State.Keys) == 0
	}
	return p
}

// isOutdated tells whether a pod is of an older template than the StatefulSet's.
func isOutdated(set *appsv1.StatefulSet, pod *corev1.Pod) bool {
	return set.Status.UpdateRevision != "" && pod.Labels[appsv1.StatefulSetRevisionLabel] != set.Status.UpdateRevision
}

// surplus tells whether there are to be fewer routers than the number of this pod.
func surplus(s *scope, pod *corev1.Pod) bool {
	for i := range resource.Replicas(s.cluster) {
		if pod.Name == fmt.Sprintf("%s-%d", resource.StatefulSetName(s.name.Name), i) {
			return false
		}
	}
	return true
}

// runsOf names the runs of the routers that clients may be connected to.
func runsOf(view routerstate.View) string {
	var runs []string
	for _, replica := range view.Replicas {
		if replica.Serving() {
			runs = append(runs, replica.State.Member)
		}
	}
	slices.Sort(runs)
	return strings.Join(runs, " ")
}
