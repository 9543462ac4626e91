package envtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
)

// kubernetes does in a world what is missing beside the API server: the garbage collector, the
// controllers of StatefulSets and PodDisruptionBudgets, and kubelets whose pods are ready at once. Its
// routers see each other, serve what is mounted, and each has a callee of every URI in uris.
type kubernetes struct {
	*world
	uris []string
	stop func()
	// slow: what routers have mounted reaches them when their pod is new or gets another annotation, and at
	// no other time, as if a kubelet looked by itself but rarely.
	slow    bool
	mounted map[types.UID]mount
}

// lookPause is how long it rests before it looks around again.
const lookPause = 100 * time.Millisecond

// mount is what a router has mounted, and the annotations of its pod at that time.
type mount struct {
	annotations, hash string
	keys              []string
}

// startKubernetes works until the end of the test, or until stop is called.
func (w *world) startKubernetes(uris ...string) *kubernetes {
	k := &kubernetes{world: w, uris: uris}
	k.start()
	return k
}

// start works until the end of the test, or until stop is called.
func (k *kubernetes) start() {
	w := k.world
	ctx, cancel := context.WithCancel(w.ctx)
	k.mounted = map[types.UID]mount{}
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil {
			if err := k.step(ctx); err != nil && ctx.Err() == nil {
				w.t.Errorf("Kubernetes of the test: %v", err)
				return
			}
			w.looks.Add(1)
			select {
			case <-ctx.Done():
			case <-time.After(lookPause):
			}
		}
	})
	k.stop = func() { cancel(); running.Wait() }
	w.t.Cleanup(k.stop)
}

func (k *kubernetes) step(ctx context.Context) error {
	if err := k.collect(ctx); err != nil {
		return err
	}
	sets := &appsv1.StatefulSetList{}
	if err := admin.List(ctx, sets, client.InNamespace(k.namespace)); err != nil {
		return err
	}
	for i := range sets.Items {
		pods, err := k.roll(ctx, &sets.Items[i])
		if err == nil {
			err = k.budget(ctx, &sets.Items[i], pods)
		}
		// Somebody else was quicker: the next step sees what came of it.
		if err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) && !apierrors.IsAlreadyExists(err) {
			return err
		}
		k.run(ctx, sets.Items[i].Name, pods)
	}
	return nil
}

// collect deletes what has lost its owner.
func (k *kubernetes) collect(ctx context.Context) error {
	alive := map[types.UID]bool{}
	// Owners are read after what they own: what is made meanwhile is not taken for an orphan.
	var owned []client.Object
	for _, list := range append(ownedLists(), &corev1.PodList{}) {
		if err := admin.List(ctx, list, client.InNamespace(k.namespace)); err != nil {
			return err
		}
		owned = append(owned, items(list)...)
	}
	for _, list := range []client.ObjectList{&v1alpha1.WampClusterList{}, &appsv1.StatefulSetList{}} {
		if err := admin.List(ctx, list, client.InNamespace(k.namespace)); err != nil {
			return err
		}
		for _, o := range items(list) {
			alive[o.GetUID()] = true
		}
	}
	for _, o := range owned {
		owner := metav1.GetControllerOf(o)
		if owner == nil || alive[owner.UID] {
			continue
		}
		uid := o.GetUID()
		err := admin.Delete(ctx, o, client.Preconditions{UID: &uid}, client.GracePeriodSeconds(0))
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			return err
		}
	}
	return nil
}

// roll makes the pods of a StatefulSet what it says.
func (k *kubernetes) roll(ctx context.Context, set *appsv1.StatefulSet) ([]corev1.Pod, error) {
	template, err := json.Marshal(set.Spec.Template)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(template)
	revision := set.Name + "-" + hex.EncodeToString(sum[:5])
	var list corev1.PodList
	if err := admin.List(ctx, &list, client.InNamespace(k.namespace), client.MatchingLabels(resource.Selector(set.Name))); err != nil {
		return nil, err
	}
	there, outdated := map[int]bool{}, (*corev1.Pod)(nil)
	var pods []corev1.Pod
	for i := range list.Items {
		pod := &list.Items[i]
		ordinal, err := strconv.Atoi(strings.TrimPrefix(pod.Name, set.Name+"-"))
		if err != nil {
			return nil, err
		}
		if int32(ordinal) >= *set.Spec.Replicas {
			return nil, admin.Delete(ctx, pod, client.GracePeriodSeconds(0))
		}
		there[ordinal], pods = true, append(pods, *pod)
		if pod.Labels[appsv1.StatefulSetRevisionLabel] != revision {
			outdated = pod
		}
	}
	for ordinal := range int(*set.Spec.Replicas) {
		if !there[ordinal] {
			pod, err := k.pod(ctx, set, ordinal, revision)
			if err != nil {
				return nil, err
			}
			pods = append(pods, *pod)
		}
	}
	if outdated != nil && set.Spec.UpdateStrategy.Type == appsv1.RollingUpdateStatefulSetStrategyType {
		return nil, admin.Delete(ctx, outdated, client.GracePeriodSeconds(0))
	}
	before := set.Status.DeepCopy()
	set.Status.ObservedGeneration, set.Status.UpdateRevision = set.Generation, revision
	set.Status.Replicas, set.Status.ReadyReplicas = int32(len(pods)), int32(len(pods))
	set.Status.UpdatedReplicas = 0
	for i := range pods {
		if pods[i].Labels[appsv1.StatefulSetRevisionLabel] == revision {
			set.Status.UpdatedReplicas++
		}
	}
	if reflect.DeepEqual(before, &set.Status) {
		return pods, nil
	}
	return pods, admin.Status().Update(ctx, set)
}

// pod makes a pod that runs and is ready.
func (k *kubernetes) pod(ctx context.Context, set *appsv1.StatefulSet, ordinal int, revision string) (*corev1.Pod, error) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: fmt.Sprintf("%s-%d", set.Name, ordinal), Namespace: set.Namespace,
		Labels: set.Spec.Template.DeepCopy().Labels, Annotations: set.Spec.Template.DeepCopy().Annotations,
		OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(set, appsv1.SchemeGroupVersion.WithKind("StatefulSet"))},
	}, Spec: set.Spec.Template.Spec}
	pod.Labels[appsv1.StatefulSetRevisionLabel] = revision
	if err := admin.Create(ctx, pod); err != nil {
		return nil, err
	}
	pod.Status = corev1.PodStatus{
		Phase: corev1.PodRunning, PodIP: "127.0.0.1", PodIPs: []corev1.PodIP{{IP: "127.0.0.1"}},
		Conditions:        []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
		ContainerStatuses: []corev1.ContainerStatus{{Name: resource.ContainerName, Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}},
	}
	if pod.Spec.Containers[0].Image == brokenImage {
		pod.Status = corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{{
			Name: resource.ContainerName, Image: brokenImage,
			State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull", Message: "not found"}},
		}}}
	}
	return pod, admin.Status().Update(ctx, pod)
}

// brokenImage is an image that cannot be had.
const brokenImage = "example.com/wamp-router:missing"

// budget lets one pod be evicted when all are there.
func (k *kubernetes) budget(ctx context.Context, set *appsv1.StatefulSet, pods []corev1.Pod) error {
	budget := &policyv1.PodDisruptionBudget{}
	if err := admin.Get(ctx, k.key(resource.PodDisruptionBudgetName(set.Name)), budget); err != nil {
		return err
	}
	before := budget.Status.DeepCopy()
	n := int32(len(pods))
	budget.Status.ObservedGeneration, budget.Status.DisruptedPods = budget.Generation, nil
	budget.Status.ExpectedPods, budget.Status.CurrentHealthy, budget.Status.DesiredHealthy = n, n, max(0, n-1)
	budget.Status.DisruptionsAllowed = min(1, n)
	if reflect.DeepEqual(before, &budget.Status) {
		return nil
	}
	return admin.Status().Update(ctx, budget)
}

// run lets the routers in the pods report what they have mounted, and whom they see.
func (k *kubernetes) run(_ context.Context, cluster string, pods []corev1.Pod) {
	var names []string
	for i := range pods {
		names = append(names, pods[i].Name)
	}
	slices.Sort(names)
	token := &corev1.Secret{}
	if err := admin.Get(k.ctx, k.key(resource.AdminSecretName(cluster)), token); err != nil && !apierrors.IsNotFound(err) && !errors.Is(err, context.Canceled) {
		k.t.Errorf("reading the token: %v", err)
	}
	hash, keys := k.snapshot(cluster), k.gossipKeys(cluster)
	for i := range pods {
		hash, keys := k.refresh(&pods[i], hash, keys)
		f := k.routers.of(pods[i].Name)
		f.mu.Lock()
		f.token = string(token.Data[resource.AdminToken])
		next := f.state
		next.Members, next.ListHash = names, strings.Join(names, " ")
		if hash != "" {
			next.Documents.Hash = hash
		}
		if keys != nil {
			next.Keys = keys
		}
		news := !reflect.DeepEqual(next, f.state)
		f.mu.Unlock()
		if !news {
			continue
		}
		for _, uri := range k.uris {
			f.register(k.calleesOf(cluster, uri, names))
		}
		f.report(func(s *v1alpha1.RouterReplicaState) { *s = next })
	}
}

// refresh gives what a router has mounted when that is published and those are the keys.
func (k *kubernetes) refresh(pod *corev1.Pod, hash string, keys []string) (string, []string) {
	if !k.slow {
		return hash, keys
	}
	annotations := fmt.Sprint(pod.Annotations)
	if m, known := k.mounted[pod.UID]; known && m.annotations == annotations || hash == "" {
		return m.hash, m.keys
	}
	k.mounted[pod.UID] = mount{annotations, hash, keys}
	return hash, keys
}

// calleesOf gives what the routers of a cluster say of a URI: all have a callee, or none has.
func (w *world) calleesOf(cluster, uri string, routers []string) v1alpha1.RouterProcedureState {
	if _, gone := w.gone.Load(cluster + " " + uri); gone {
		routers = nil
	}
	return callees(uri, v1alpha1.InvokeFirst, routers...)
}
