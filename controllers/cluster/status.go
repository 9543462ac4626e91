package cluster

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	applyconfiguration "github.com/wamp-operator/wamp-operator/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/conditions"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
	"github.com/wamp-operator/wamp-operator/controllers/ssa"
)

// status is the status of a cluster as observed; a pure function.
func status(cluster *v1alpha1.WampCluster, s *scope, o observation) v1alpha1.WampClusterStatus {
	out := v1alpha1.WampClusterStatus{
		ObservedGeneration: cluster.Generation,
		Replicas:           int32(len(o.pods)),
		ReadyReplicas:      o.ready(),
		Selector:           labels.SelectorFromSet(resource.Selector(cluster.Name)).String(),
		UpdatedReplicas:    o.updated,
		SnapshotHash:       o.hash,
	}
	if o.unseen {
		out.UpdatedReplicas = min(cluster.Status.UpdatedReplicas, out.Replicas)
	}
	if compiled := s.memory.compiled; compiled != nil {
		out.Realms, out.Procedures = int32(compiled.Realms), int32(compiled.Procedures)
	}
	if done := s.memory.gossip.state.done; done != "" {
		out.GossipKey = &v1alpha1.GossipKeyStatus{Rotated: done}
	}
	for _, hash := range o.view.ServingHashes() {
		if hash == o.hash {
			out.ProgrammedReplicas++
		}
	}
	if o.last != nil {
		out.ProgrammedReplicas = cluster.Status.ProgrammedReplicas
	}
	out.Conditions = conditions.Merge(cluster.Status.Conditions, cluster.Generation, s.now,
		conditions.Typed{Type: v1alpha1.ConditionAvailable, State: available(o)},
		conditions.Typed{Type: v1alpha1.ConditionProgressing, State: progressing(o)},
		conditions.Typed{Type: v1alpha1.ConditionProgrammed, State: programmed(o)},
		conditions.Typed{Type: v1alpha1.ConditionConsistent, State: consistent(o)},
		conditions.Typed{Type: v1alpha1.ConditionStalled, State: stalled(o)},
		conditions.Typed{Type: v1alpha1.ConditionReady, State: ready(o)},
	)
	return out
}

// tell makes events of what was done in a pass.
func (r *Reconciler) tell(s *scope) {
	for _, d := range s.deeds {
		conditions.Emit(r.Events, s.cluster, d.about, d.Event)
	}
}

// writeStatus writes the status if it is different from what is there, and tells of it.
func (r *Reconciler) writeStatus(ctx context.Context, s *scope) error {
	r.tell(s)
	next := status(s.cluster, s, r.observation(ctx, s))
	if equality.Semantic.DeepEqual(next, s.cluster.Status) {
		return nil
	}
	// With the version that was read: a transition that was written already is not one any more.
	desired := applyconfiguration.WampCluster(s.cluster.Name, s.cluster.Namespace).
		WithUID(s.cluster.UID).
		WithResourceVersion(s.cluster.ResourceVersion).
		WithStatus(ssa.Convert[applyconfiguration.WampClusterStatusApplyConfiguration](next))
	err := r.Client.Status().Apply(ctx, desired, client.FieldOwner(ssa.StatusFieldOwner), client.ForceOwnership)
	switch {
	case apierrors.IsConflict(err):
		s.again(settle) // the cache is a moment behind
		return nil
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("writing the status: %w", err)
	}
	conditions.EmitChanges(r.Events, s.cluster, s.cluster.Status.Conditions, next.Conditions)
	if e, new := waitingEvent(s.cluster.Status.Conditions, next.Conditions); new {
		conditions.Emit(r.Events, s.cluster, nil, e)
	}
	return nil
}

// waitingEvent tells that the replacement of pods has come to wait for something that people have to
// know of. That a key is being replaced, and what keeps it from going on at all, is told by itself.
func waitingEvent(before, after []metav1.Condition) (conditions.Event, bool) {
	was, is := meta.FindStatusCondition(before, v1alpha1.ConditionProgressing), meta.FindStatusCondition(after, v1alpha1.ConditionProgressing)
	if is == nil || (decision{reason: is.Reason}).ordinary() || is.Reason == ReasonReplacingKey || toldByStalled(is.Reason) || was != nil && was.Reason == is.Reason {
		return conditions.Event{}, false
	}
	kind := corev1.EventTypeNormal
	if is.Reason == ReasonRouterBroken {
		kind = corev1.EventTypeWarning
	}
	return conditions.Event{Type: kind, Reason: is.Reason, Action: "Wait", Note: is.Message}, true
}

func toldByStalled(reason string) bool {
	return reason == ReasonCertificateMissing || reason == ReasonCertificateInvalid
}

func (r *Reconciler) observation(ctx context.Context, s *scope) observation {
	o := observation{
		cluster: s.name.Name,
		desired: resource.Replicas(s.cluster),
		pods:    podStates(s.pods, s.memory.began),
		view:    s.view,
		problem: s.problem,

		uncertified: s.certificate,
		files:       s.files,
		refusal:     s.refusal,

		rotation:  s.rotation,
		strangers: s.strangers,
	}
	if s.memory.compiled != nil {
		o.hash = s.memory.compiled.Hash
	}
	if set, err := r.statefulSet(ctx, s); err == nil && set != nil {
		o.unseen = unseen(set)
		o.updated, o.outdated = byTemplate(s, set)
	}
	o.decision = s.decision
	o.disagreement = s.patiently(disagreement(s.view))
	if o.listening() && s.cluster.Status.SnapshotHash == o.hash && s.cluster.Status.ObservedGeneration == s.cluster.Generation {
		o.last = map[string]conditions.State{}
		for _, c := range s.cluster.Status.Conditions {
			o.last[c.Type] = conditions.State{Status: c.Status, Reason: c.Reason, Message: c.Message}
		}
	}
	return o
}

// byTemplate counts the pods of the latest template and those of older ones.
func byTemplate(s *scope, set *appsv1.StatefulSet) (updated int32, outdated int) {
	for i := range s.pods {
		switch pod := &s.pods[i]; {
		case !pod.DeletionTimestamp.IsZero():
		case isOutdated(set, pod):
			outdated++
		default:
			updated++
		}
	}
	return updated, outdated
}

// patiently lets a disagreement pass until it has lasted.
func (s *scope) patiently(disagreement string) string {
	m := s.memory
	if disagreement == "" {
		m.disagreeSince = s.now
		return ""
	}
	if m.disagreeSince.IsZero() {
		m.disagreeSince = s.now
	}
	if wait := patience - s.now.Sub(m.disagreeSince); wait > 0 {
		s.again(wait)
		return ""
	}
	return disagreement
}
