package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/conditions"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
	"github.com/wamp-operator/wamp-operator/controllers/ssa"
)

// gossipKey is the Secret of the gossip key as it was read or written last.
type gossipKey struct {
	state   keyState
	version string
	checked time.Time
}

// readGossipKey reads what resource.GossipSecret wrote.
func readGossipKey(secret *corev1.Secret) (keyState, error) {
	keys, err := v1alpha1.ParseKeys(secret.Data[resource.GossipKey])
	if err != nil {
		return keyState{}, err
	}
	return keyState{
		keys:    keys,
		request: secret.Annotations[resource.AnnotationKeyRequest],
		next:    secret.Annotations[resource.AnnotationKeyNext],
		done:    secret.Annotations[resource.AnnotationKeyDone],
	}, nil
}

// gossipSecret sees to it that the Secret with the gossip key is there and holds what this operator
// read or wrote last: one that was deleted or changed comes back, so that running routers and new ones
// still agree. What an earlier operator left is taken as it is.
func (r *Reconciler) gossipSecret(ctx context.Context, s *scope) error {
	m := &s.memory.gossip
	known := len(m.state.keys) > 0
	if known && s.now.Sub(m.checked) < r.Resync {
		return nil
	}
	secret := &corev1.Secret{}
	name := types.NamespacedName{Namespace: s.name.Namespace, Name: resource.GossipSecretName(s.name.Name)}
	err := r.Live.Get(ctx, name, secret)
	switch {
	case apierrors.IsNotFound(err):
		state := m.state
		if !known { // a new key is as good as one that was asked for
			state = keyState{keys: [][]byte{resource.NewGossipKey()}, done: requestedKey(s.cluster)}
		}
		return r.writeGossipKey(ctx, s, state, "", "secret created")
	case err != nil:
		return fmt.Errorf("reading Secret %s: %w", name, err)
	case !metav1.IsControlledBy(secret, s.cluster):
		return nameTaken(secret, s.cluster)
	}
	state, err := readGossipKey(secret)
	switch {
	case err == nil && (!known || state.equal(m.state)):
		*m = gossipKey{state: state, version: secret.ResourceVersion, checked: s.now}
		return nil
	case known:
		return r.writeGossipKey(ctx, s, m.state, secret.ResourceVersion, "secret changed by somebody else, written back")
	case len(secret.Data[resource.GossipKey]) == 0:
		return r.writeGossipKey(ctx, s, keyState{keys: [][]byte{resource.NewGossipKey()}, done: requestedKey(s.cluster)},
			secret.ResourceVersion, "secret filled")
	}
	problem := conditions.False(ReasonGossipKeyUnusable, fmt.Sprintf(
		"The key in Secret %s cannot be used: %v. Put back what was there; or delete the Secret and then all router pods: they get a new key.", name, err))
	s.problem = &problem
	return nil
}

func requestedKey(cluster *v1alpha1.WampCluster) string {
	return cluster.Annotations[v1alpha1.AnnotationRotateGossipKey]
}

// writeGossipKey writes the Secret, if it still is as it was read: version is empty where there is none.
func (r *Reconciler) writeGossipKey(ctx context.Context, s *scope, state keyState, version, why string) error {
	desired := resource.GossipSecret(s.cluster, v1alpha1.FormatKeys(state.keys), map[string]string{
		resource.AnnotationKeyRequest: state.request, resource.AnnotationKeyNext: state.next, resource.AnnotationKeyDone: state.done,
	})
	if version != "" {
		desired.WithResourceVersion(version)
	}
	if err := r.Client.Apply(ctx, desired, client.FieldOwner(ssa.FieldOwner), client.ForceOwnership); err != nil {
		// It may be written all the same, or by somebody else: see what is there first. What it held
		// last is still known.
		s.memory.gossip.checked = time.Time{}
		return fmt.Errorf("applying Secret %s/%s: %w", s.name.Namespace, *desired.Name, err)
	}
	s.memory.gossip = gossipKey{state: state, checked: s.now}
	if desired.ResourceVersion != nil {
		s.memory.gossip.version = *desired.ResourceVersion
	}
	ctrl.LoggerFrom(ctx).Info(why, "secret", *desired.Name, "keys", v1alpha1.KeyFingerprints(state.keys))
	return nil
}

// maxKeySteps bounds the steps of one pass: where no router runs nothing has to be waited for.
const maxKeySteps = 4

// rotateKey goes on with the replacement of the gossip key, or begins one that is asked for.
func (r *Reconciler) rotateKey(ctx context.Context, s *scope) error {
	m := &s.memory.gossip
	if len(m.state.keys) == 0 {
		return nil
	}
	routers := keyReports(s)
	for range maxKeySteps {
		var next keyState
		next, s.rotation = nextKeys(m.state, requestedKey(s.cluster), routers, resource.NewGossipKey)
		if next.equal(m.state) {
			break
		}
		why, reason := "replacing the gossip key: next step", ""
		switch {
		case m.state.request == "":
			why, reason = "replacing the gossip key, as the annotation asks for", ReasonReplacingKey
		case next.request == "":
			why, reason = "gossip key replaced", ReasonKeyReplaced
		}
		err := r.writeGossipKey(ctx, s, next, m.version, why)
		var status apierrors.APIStatus
		if apierrors.IsConflict(err) && errors.As(err, &status) {
			s.rotation = "The gossip key is being replaced; somebody else changed its Secret, which is looked at again."
			s.again(time.Second)
			return nil
		}
		if err != nil {
			return err
		}
		if reason != "" {
			s.did(nil, reason, "ReplaceKey", capitalized(why)+".")
		}
		if s.rotation == "" && next.request != "" {
			s.rotation = "The gossip key is being replaced: the next step was just written."
		}
	}
	if names := strangers(m.state, routers); len(names) > 0 {
		s.strangers = fmt.Sprintf(
			"%s cannot use the gossip key that is in Secret %s, so that routers that start from now on do not find them: delete all router pods together, or put the key back that was there.",
			strings.Join(names, ", "), resource.GossipSecretName(s.name.Name))
	}
	return nil
}

// keyReports gives what the routers that run say of their keys. A pod whose container does not run, or
// that is being deleted and not heard any more, is nobody to wait for: what starts reads the Secret
// of its moment.
func keyReports(s *scope) (out []keyReport) {
	for i := range s.pods {
		pod := &s.pods[i]
		replica := s.view.Replicas[pod.Name]
		heard := replica.Connected && replica.State != nil
		if !routerRuns(pod) || (!heard && !pod.DeletionTimestamp.IsZero()) {
			continue
		}
		report := keyReport{name: pod.Name, heard: heard}
		if heard {
			report.keys, report.trouble = replica.State.Keys, replica.State.KeysError
		}
		out = append(out, report)
	}
	return out
}

func routerRuns(pod *corev1.Pod) bool {
	if pod.Status.Phase != corev1.PodRunning || pod.Status.PodIP == "" {
		return false
	}
	for _, c := range pod.Status.ContainerStatuses {
		if c.Name == resource.ContainerName {
			return c.State.Waiting == nil && c.State.Terminated == nil
		}
	}
	return true
}
