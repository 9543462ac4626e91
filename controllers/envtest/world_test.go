package envtest

import (
	"fmt"

	. "github.com/onsi/gomega"
	gomegatypes "github.com/onsi/gomega/types"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
)

func (w *world) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: w.namespace}
}

func (w *world) create(objects ...client.Object) {
	w.t.Helper()
	for _, o := range objects {
		w.Expect(admin.Create(w.ctx, o)).To(Succeed())
	}
}

func (w *world) cluster(name string, replicas int32) *v1alpha1.WampCluster {
	return &v1alpha1.WampCluster{ObjectMeta: w.meta(name), Spec: v1alpha1.WampClusterSpec{Replicas: ptr.To(replicas)}}
}

func (w *world) realm(name, realm, cluster string) *v1alpha1.WampRealm {
	return &v1alpha1.WampRealm{ObjectMeta: w.meta(name), Spec: v1alpha1.WampRealmSpec{
		ClusterRef: v1alpha1.ClusterReference{Name: cluster}, Realm: realm,
	}}
}

func (w *world) procedure(name, uri, cluster string, invoke v1alpha1.InvocationPolicy) *v1alpha1.WampProcedure {
	return &v1alpha1.WampProcedure{ObjectMeta: w.meta(name), Spec: v1alpha1.WampProcedureSpec{
		ClusterRef: v1alpha1.ClusterReference{Name: cluster}, Realm: "realm1", URI: uri, Invoke: invoke,
	}}
}

// startPods makes router pods as the StatefulSet would, running and ready, and has their routers
// report that they see one another.
func (w *world) startPods(cluster string, n int) {
	w.t.Helper()
	var members []string
	for i := range n {
		members = append(members, fmt.Sprintf("%s-%d", cluster, i))
	}
	token := &corev1.Secret{}
	w.Eventually(func() error {
		return admin.Get(w.ctx, w.key(resource.AdminSecretName(cluster)), token)
	}).Should(Succeed())
	// The controller manager that is not here has seen the StatefulSet, whatever becomes of it.
	set := &appsv1.StatefulSet{}
	w.Eventually(func() error { return admin.Get(w.ctx, w.key(cluster), set) }).Should(Succeed())
	set.Status.ObservedGeneration = 1_000_000
	w.Expect(admin.Status().Update(w.ctx, set)).To(Succeed())
	for _, name := range members {
		f := w.routers.of(name)
		f.mu.Lock()
		f.token = string(token.Data[resource.AdminToken])
		f.state.Members = members
		f.state.ListHash = "same"
		f.mu.Unlock()
		w.startPod(cluster, name)
	}
}

func (w *world) startPod(cluster, name string) {
	w.t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: w.namespace, Labels: resource.Labels(cluster)},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: resource.ContainerName, Image: routerImage}}},
	}
	w.create(pod)
	pod.Status = corev1.PodStatus{
		Phase:      corev1.PodRunning,
		PodIP:      "127.0.0.1",
		PodIPs:     []corev1.PodIP{{IP: "127.0.0.1"}},
		Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
	}
	w.Expect(admin.Status().Update(w.ctx, pod)).To(Succeed())
}

func (w *world) deletePod(name string) {
	w.t.Helper()
	pod := &corev1.Pod{ObjectMeta: w.meta(name)}
	w.Expect(admin.Delete(w.ctx, pod, client.GracePeriodSeconds(0))).To(Succeed())
}

func (w *world) key(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: w.namespace, Name: name}
}

// snapshot gives the hash of the snapshot that is published.
func (w *world) snapshot(cluster string) string {
	secret := &corev1.Secret{}
	parts := w.parts(cluster)
	if len(parts) == 0 || admin.Get(w.ctx, w.key(resource.CredentialsName(cluster)), secret) != nil {
		return ""
	}
	files := map[string][]byte{resource.CredentialsFile: secret.Data[resource.CredentialsFile]}
	for i, part := range parts {
		files[v1alpha1.SnapshotFileName(i)] = part
	}
	return v1alpha1.HashDocuments(files)
}

// parts gives the parts of the snapshot that is published; none when they are not of one snapshot.
func (w *world) parts(cluster string) (parts [][]byte) {
	n := 1
	for i := 0; i < n; i++ {
		cm := &corev1.ConfigMap{}
		if admin.Get(w.ctx, w.key(resource.SnapshotName(cluster, i)), cm) != nil {
			return nil
		}
		parts = append(parts, []byte(cm.Data[v1alpha1.SnapshotFileName(i)]))
		if i == 0 {
			n, _ = v1alpha1.SnapshotParts(parts[0])
		}
	}
	if _, err := v1alpha1.JoinSnapshot(parts); err != nil {
		return nil
	}
	return parts
}

// kubelet lets all pods of a cluster serve what is published, whatever it is at that time.
func (w *world) kubelet(cluster string, n int) {
	w.t.Helper()
	hash := w.snapshot(cluster)
	if hash == "" {
		return // it is being written: routers keep what they have
	}
	for i := range n {
		w.routers.of(fmt.Sprintf("%s-%d", cluster, i)).report(func(s *v1alpha1.RouterReplicaState) { s.Documents.Hash = hash })
	}
}

// served polls a condition while all pods of a cluster serve what is published at that moment:
// for a test that does not care when the last snapshot is written.
func (w *world) served(cluster string, n int, o client.Object, kind string) func() metav1.Condition {
	condition := w.condition(o, kind)
	return func() metav1.Condition {
		w.kubelet(cluster, n)
		return condition()
	}
}

// condition polls a condition of an object; it gives the zero condition when there is none.
func (w *world) condition(o client.Object, kind string) func() metav1.Condition {
	return func() metav1.Condition {
		if err := admin.Get(w.ctx, client.ObjectKeyFromObject(o), o); err != nil {
			return metav1.Condition{Message: err.Error()}
		}
		var conditions []metav1.Condition
		switch o := o.(type) {
		case *v1alpha1.WampCluster:
			conditions = o.Status.Conditions
		case *v1alpha1.WampRealm:
			conditions = o.Status.Conditions
		case *v1alpha1.WampProcedure:
			conditions = o.Status.Conditions
		}
		if c := meta.FindStatusCondition(conditions, kind); c != nil {
			return *c
		}
		return metav1.Condition{}
	}
}

// active polls the active callee of a procedure.
func (w *world) active(p *v1alpha1.WampProcedure) func() string {
	return func() string {
		if err := admin.Get(w.ctx, client.ObjectKeyFromObject(p), p); err != nil {
			return err.Error()
		}
		return p.Status.ActiveCallee
	}
}

func be(status metav1.ConditionStatus, reason string) gomegatypes.GomegaMatcher {
	return And(HaveField("Status", status), HaveField("Reason", reason))
}

// callees makes a procedure's state with callees on these replicas, one session and one stamp
// after the other.
func callees(uri string, invoke v1alpha1.InvocationPolicy, replicas ...string) v1alpha1.RouterProcedureState {
	p := v1alpha1.RouterProcedureState{Realm: "realm1", URI: uri, Match: v1alpha1.MatchExact, Invoke: invoke, Registration: 4711}
	for i, replica := range replicas {
		p.Callees = append(p.Callees, v1alpha1.RouterCalleeState{Replica: replica, Session: uint64(100 + i), Stamp: uint64(1000 + i)})
	}
	return p
}
