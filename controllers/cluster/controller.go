package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/conditions"
	"github.com/wamp-operator/wamp-operator/controllers/routerstate"
	"github.com/wamp-operator/wamp-operator/controllers/secrets"
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
	"github.com/wamp-operator/wamp-operator/controllers/ssa"
)

// +kubebuilder:rbac:groups=wamp-operator.io,resources=wampclusters,verbs=get;list;watch
// +kubebuilder:rbac:groups=wamp-operator.io,resources=wampclusters/status,verbs=patch
// +kubebuilder:rbac:groups=wamp-operator.io,resources=wamprealms;wampprocedures,verbs=get;list;watch
// +kubebuilder:rbac:groups=apps,resources=statefulsets,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=policy,resources=poddisruptionbudgets,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=monitoring.coreos.com,resources=podmonitors,verbs=get;create;patch;delete
// +kubebuilder:rbac:groups=cert-manager.io,resources=certificates,verbs=get;create;patch;delete
// +kubebuilder:rbac:groups="",resources=services;configmaps;serviceaccounts,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;watch;create;patch
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch;patch;delete
// +kubebuilder:rbac:groups="",resources=pods/eviction,verbs=create
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
// +kubebuilder:rbac:groups="",resources=events,verbs=list
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get;list;watch

// Reconciler reconciles WampClusters.
type Reconciler struct {
	// Client reads from the cache; Live reads from the API server what is not cached.
	Client client.Client
	Live   client.Reader
	// Book is where decisions and snapshots are recorded for the other reconcilers.
	Book    *snapshot.Book
	Watcher *routerstate.Watcher
	Secrets *secrets.Watcher
	Events  events.EventRecorder
	// Image is the router image of clusters that name none.
	Image string
	// Resync is how often a cluster is looked at when nothing happens: the Secrets that it owns
	// are not watched, and a deleted one is found by it. Default one minute.
	Resync time.Duration
	// Now is the clock.
	Now func() time.Time

	applier  *ssa.Applier
	foreign  *ssa.Foreign
	memories memories
}

// scope is one pass.
type scope struct {
	name    types.NamespacedName
	cluster *v1alpha1.WampCluster
	memory  *memory
	now     time.Time

	pods []corev1.Pod
	view routerstate.View
	// problem is what stands in the way and does not go away by trying again at once.
	problem *conditions.State
	// certificate is what is still to be done about a certificate that cert-manager issues.
	certificate *conditions.State
	// files is what is wrong with what the port for clients is made of.
	files *conditions.State
	// refusal is why Kubernetes makes no pod of the StatefulSet, in its words.
	refusal string
	requeue time.Duration
	// rotation says how far the replacement of the gossip key is, while it is under way; strangers
	// names routers that have other keys than the Secret.
	rotation, strangers string
	// decision is what becomes of the pods of an older template, and deeds what was done in this pass, of
	// which an event tells.
	decision decision
	deeds    []deed
}

// deed is something that the operator did to a pod, or to an object that it owns.
type deed struct {
	about client.Object
	conditions.Event
}

// did notes a deed.
func (s *scope) did(about client.Object, reason, action, note string) {
	s.deeds = append(s.deeds, deed{about, conditions.Event{Type: corev1.EventTypeNormal, Reason: reason, Action: action, Note: note}})
}

// again asks for another pass after d at the latest.
func (s *scope) again(d time.Duration) {
	if s.requeue == 0 || d < s.requeue {
		s.requeue = d
	}
}

// Reconcile brings one cluster nearer to its spec.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	cluster := &v1alpha1.WampCluster{}
	if err := r.Client.Get(ctx, request.NamespacedName, cluster); err != nil {
		if apierrors.IsNotFound(err) {
			r.forget(request.NamespacedName)
			return ctrl.Result{}, nil
		}
		return ctrl.Result{}, fmt.Errorf("reading WampCluster %s: %w", request.NamespacedName, err)
	}
	if !cluster.DeletionTimestamp.IsZero() {
		// The garbage collector is at work; making things anew would only be in its way.
		r.forget(request.NamespacedName)
		return ctrl.Result{}, nil
	}

	s := &scope{
		name:    request.NamespacedName,
		cluster: cluster,
		memory:  r.memories.of(request.NamespacedName, cluster.UID),
		now:     r.Now(),
	}
	if s.memory.began.IsZero() {
		s.memory.began = s.now
	}
	s.again(r.Resync)
	err := r.phases(ctx, s)
	var taken *ssa.NameTakenError
	if errors.As(err, &taken) {
		// Nothing says when the other object goes away: look again now and then.
		state := conditions.False(ReasonNameTaken, capitalized(taken.Error())+".")
		s.problem, err = &state, nil
		s.again(5 * time.Second)
	}
	if refused := ssa.Refused(err); refused != nil {
		// Trying again at once would not help; a corrected spec wakes this reconciler.
		state := conditions.False(ReasonRefused, fmt.Sprintf(
			"Kubernetes refuses what comes of the spec: %v. Correct the spec of this WampCluster.", refused))
		s.problem, err = &state, nil
	}
	if failing := s.failing(err); err != nil && failing < patience {
		// One request that fails says nothing of the cluster; the status stays as it is.
		r.tell(s)
		return ctrl.Result{}, err
	}
	if err != nil && s.problem == nil {
		state := conditions.False(ReasonFailed, fmt.Sprintf("The operator failed and tries again: %v.", err))
		s.problem = &state
	}
	if statusErr := r.writeStatus(ctx, s); statusErr != nil {
		err = errors.Join(err, statusErr)
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: s.requeue}, nil
}

// failing takes note of how a pass ended, and says for how long passes have failed.
func (s *scope) failing(err error) time.Duration {
	since := &s.memory.failingSince
	if err == nil {
		*since = time.Time{}
	} else if since.IsZero() {
		*since = s.now
	}
	if since.IsZero() {
		return 0
	}
	return s.now.Sub(*since)
}

// phases runs the phases in order. The owned objects come last: what becomes of a realm, and what
// is heard from routers that run, does not depend on whether a Service can be made. What was
// published is known before the first router reports that it serves it. Pods are replaced at the very
// end: by then the StatefulSet is as the spec says.
func (r *Reconciler) phases(ctx context.Context, s *scope) error {
	for _, phase := range []func(context.Context, *scope) error{
		r.observe,
		r.compile,
		r.credentials,
		r.publish,
		r.listen,
		r.rotateKey,
		r.nudgePods,
		r.takeOver,
		r.objects,
		r.listener,
		r.missingPods,
		r.replacePods,
	} {
		if err := phase(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reconciler) forget(name types.NamespacedName) {
	r.Watcher.Forget(name)
	r.Secrets.Forget(name)
	r.Book.Forget(name)
	if uid, known := r.memories.forget(name); known {
		r.applier.Forget(uid)
		r.foreign.Forget(uid)
	}
}
