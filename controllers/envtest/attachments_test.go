package envtest

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
)

// Of two procedures for the same key the older one is served; the younger one says which stands
// in its way, and takes over when that goes.
func TestRivals(t *testing.T) {
	w := newWorld(t)
	w.create(w.cluster("demo", 0), w.realm("realm1", "realm1", "demo"))
	older := w.procedure("zzz-older", "com.example.add", "demo", v1alpha1.InvokeFirst)
	w.create(older)
	w.Eventually(w.condition(older, v1alpha1.ConditionAccepted)).Should(be(metav1.ConditionTrue, "Accepted"))
	nextSecond(older) // ages have whole seconds
	younger := w.procedure("aaa-younger", "com.example.add", "demo", v1alpha1.InvokeLast)
	w.create(younger)
	w.Eventually(w.condition(younger, v1alpha1.ConditionAccepted)).Should(And(
		be(metav1.ConditionFalse, "Conflict"), HaveField("Message", ContainSubstring(w.namespace+"/zzz-older"))))
	w.Expect(w.condition(older, v1alpha1.ConditionAccepted)()).To(be(metav1.ConditionTrue, "Accepted"))
	w.Expect(w.condition(younger, v1alpha1.ConditionReady)()).To(be(metav1.ConditionFalse, "Conflict"))

	w.Expect(admin.Delete(w.ctx, older)).To(Succeed())
	w.Eventually(w.condition(younger, v1alpha1.ConditionAccepted)).Should(be(metav1.ConditionTrue, "Accepted"))
}

// nextSecond returns when the clock shows a later second than that of the object's creation.
func nextSecond(o client.Object) {
	<-time.After(time.Until(o.GetCreationTimestamp().Add(time.Second)))
}

// Whether an object of another namespace is let in is the cluster's decision, and it is made anew
// when the cluster or the labels of the namespace change.
func TestNamespaces(t *testing.T) {
	other := newNamespace(t, nil)
	w := newWorld(t, other)
	cluster := w.cluster("demo", 0)
	w.create(cluster, w.realm("realm1", "realm1", "demo"))
	stranger := w.procedure("stranger", "com.example.add", "demo", v1alpha1.InvokeFirst)
	stranger.Namespace = other
	stranger.Spec.ClusterRef.Namespace = w.namespace
	w.create(stranger)
	w.Eventually(w.condition(stranger, v1alpha1.ConditionAccepted)).Should(And(
		be(metav1.ConditionFalse, "NamespaceNotAllowed"), HaveField("Message", ContainSubstring("from: All"))))

	allow := func(allowed v1alpha1.AllowedNamespaces) {
		w.Expect(admin.Get(w.ctx, w.key("demo"), cluster)).To(Succeed())
		before := cluster.DeepCopy()
		cluster.Spec.AllowedNamespaces = allowed
		w.Expect(admin.Patch(w.ctx, cluster, client.MergeFrom(before))).To(Succeed())
	}
	allow(v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesFromAll})
	w.Eventually(w.condition(stranger, v1alpha1.ConditionAccepted)).Should(be(metav1.ConditionTrue, "Accepted"))

	allow(v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesFromSelector,
		Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "a"}}})
	w.Eventually(w.condition(stranger, v1alpha1.ConditionAccepted)).Should(And(
		be(metav1.ConditionFalse, "NamespaceNotAllowed"), HaveField("Message", ContainSubstring(`"team=a"`))))

	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: other}}
	w.Expect(admin.Patch(w.ctx, namespace, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":{"team":"a"}}}`)))).To(Succeed())
	w.Eventually(w.condition(stranger, v1alpha1.ConditionAccepted)).Should(be(metav1.ConditionTrue, "Accepted"))
}

// A cluster in a namespace that the operator does not look at is not there, as far as it can say.
func TestUnwatchedNamespace(t *testing.T) {
	w := newWorld(t)
	p := w.procedure("p", "com.example.add", "demo", v1alpha1.InvokeFirst)
	p.Spec.ClusterRef.Namespace = "kube-system"
	w.create(p)
	w.Eventually(w.condition(p, v1alpha1.ConditionAccepted)).Should(And(
		be(metav1.ConditionFalse, "ClusterNotFound"), HaveField("Message", ContainSubstring("kube-system/demo"))))
}

// Any of the objects can be deleted at any time: nothing waits for anything, and what is left says
// what it misses.
func TestDeletionInAnyOrder(t *testing.T) {
	w := newWorld(t)
	cluster := w.cluster("demo", 0)
	realm := w.realm("realm1", "realm1", "demo")
	p := w.procedure("p", "com.example.add", "demo", v1alpha1.InvokeFirst)
	w.create(cluster, realm, p)
	w.Eventually(w.condition(p, v1alpha1.ConditionAccepted)).Should(be(metav1.ConditionTrue, "Accepted"))

	gone := func(o client.Object) {
		w.Expect(o.GetFinalizers()).To(BeEmpty())
		w.Expect(admin.Delete(w.ctx, o)).To(Succeed())
		w.Expect(admin.Get(w.ctx, client.ObjectKeyFromObject(o), o)).NotTo(Succeed(), "%s is still there", o.GetName())
	}
	gone(realm)
	w.Eventually(w.condition(p, v1alpha1.ConditionAccepted)).Should(be(metav1.ConditionFalse, "RealmNotDeclared"))
	gone(cluster)
	w.Eventually(w.condition(p, v1alpha1.ConditionAccepted)).Should(be(metav1.ConditionFalse, "ClusterNotFound"))

	w.create(w.realm("realm1", "realm1", "demo"), w.cluster("again", 0))
	// The objects of the first cluster stay here, for want of a garbage collector; one of the same
	// name waits for them to go and says so, and is complete as soon as they are gone.
	second := w.cluster("demo", 0)
	w.create(second)
	w.Eventually(w.condition(p, v1alpha1.ConditionAccepted)).Should(be(metav1.ConditionTrue, "Accepted"))
	w.Eventually(w.condition(second, v1alpha1.ConditionReady)).Should(And(
		be(metav1.ConditionFalse, "NameTaken"), HaveField("Message", ContainSubstring("garbage collector"))))
	for _, o := range owned(w, "demo") {
		w.Expect(client.IgnoreNotFound(admin.Delete(w.ctx, o))).To(Succeed())
	}
	w.Eventually(w.condition(second, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "ScaledToZero"))
	gone(p)
}

// Many procedures applied in a row are a few snapshots, and each of them has a status soon after.
func TestManyProcedures(t *testing.T) {
	const n = 400
	w := newWorld(t)
	w.create(w.cluster("demo", 2), w.realm("realm1", "realm1", "demo"))
	w.startPods("demo", 2)
	w.Eventually(func() string { return w.snapshot("demo") }).ShouldNot(BeEmpty())

	var published atomic.Int64
	watcher, err := client.NewWithWatch(config, client.Options{Scheme: admin.Scheme()})
	w.Expect(err).NotTo(HaveOccurred())
	events, err := watcher.Watch(w.ctx, &corev1.ConfigMapList{}, client.InNamespace(w.namespace))
	w.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(events.Stop)
	go func() {
		for e := range events.ResultChan() {
			if cm, ok := e.Object.(*corev1.ConfigMap); ok && strings.HasSuffix(cm.Name, "-snapshot") {
				published.Add(1)
			}
		}
	}()
	begin := time.Now()
	for i := range n {
		w.create(w.procedure(fmt.Sprintf("p%d", i), fmt.Sprintf("com.example.p%d", i), "demo", v1alpha1.InvokeRoundRobin))
	}
	created := time.Since(begin)
	cluster := w.cluster("demo", 0)
	w.Eventually(func() int32 {
		w.Expect(admin.Get(w.ctx, w.key("demo"), cluster)).To(Succeed())
		return cluster.Status.Procedures
	}).Should(BeEquivalentTo(n))
	w.Eventually(func() (programmed int) {
		w.kubelet("demo", 2) // snapshots are paced: the last may be yet to come
		var list v1alpha1.WampProcedureList
		w.Expect(admin.List(w.ctx, &list, client.InNamespace(w.namespace))).To(Succeed())
		for _, p := range list.Items {
			for _, c := range p.Status.Conditions {
				if c.Type == v1alpha1.ConditionProgrammed && c.Status == metav1.ConditionTrue {
					programmed++
				}
			}
		}
		return programmed
	}).WithTimeout(2 * patient).WithPolling(200 * time.Millisecond).Should(Equal(n))
	t.Logf("%d procedures created in %s, programmed after %s, with %d snapshots", n, created, time.Since(begin), published.Load())
	if limit := int64(8 + time.Since(begin).Seconds()); published.Load() > limit {
		t.Errorf("%d snapshots were written, want at most %d", published.Load(), limit)
	}

	// One procedure more is one snapshot, and nothing is written to the four hundred.
	versions, before := w.versions(), w.snapshot("demo")
	w.create(w.procedure("one-more", "com.example.more", "demo", v1alpha1.InvokeRoundRobin))
	one := w.procedure("one-more", "", "demo", "")
	w.Eventually(w.condition(one, v1alpha1.ConditionProgrammed)).Should(be(metav1.ConditionFalse, "Pending"))
	w.Eventually(func() string { return w.snapshot("demo") }).ShouldNot(Equal(before))
	hash := w.snapshot("demo")
	w.Eventually(func() string {
		w.Expect(admin.Get(w.ctx, w.key("demo"), cluster)).To(Succeed())
		return cluster.Status.SnapshotHash
	}).Should(Equal(hash))
	w.kubelet("demo", 2)
	w.Eventually(w.condition(one, v1alpha1.ConditionProgrammed)).Should(be(metav1.ConditionTrue, "Programmed"))
	for name, version := range w.versions() {
		if before, known := versions[name]; known && before != version {
			t.Fatalf("the status of %s was written though nothing changed in it", name)
		}
	}
}

// versions gives the resource versions of all procedures.
func (w *world) versions() map[string]string {
	var list v1alpha1.WampProcedureList
	w.Expect(admin.List(w.ctx, &list, client.InNamespace(w.namespace))).To(Succeed())
	out := map[string]string{}
	for _, p := range list.Items {
		out[p.Name] = p.ResourceVersion
	}
	return out
}

// owned gives what a cluster owns, by name.
func owned(w *world, cluster string) []client.Object {
	var out []client.Object
	for _, list := range ownedLists() {
		w.Expect(admin.List(w.ctx, list, client.InNamespace(w.namespace), client.MatchingLabels{resource.LabelCluster: cluster})).To(Succeed())
		out = append(out, items(list)...)
	}
	return out
}
