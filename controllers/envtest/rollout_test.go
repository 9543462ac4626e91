package envtest

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// pods gives the UID and the image of each router pod.
func (w *world) pods(cluster string, n int) (uids map[string]types.UID, images map[string]string) {
	uids, images = map[string]types.UID{}, map[string]string{}
	for i := range n {
		pod := &corev1.Pod{}
		name := fmt.Sprintf("%s-%d", cluster, i)
		if admin.Get(w.ctx, w.key(name), pod) == nil {
			uids[name], images[name] = pod.UID, pod.Spec.Containers[0].Image
		}
	}
	return uids, images
}

func (w *world) imagesOf(cluster string, n int) func() map[string]string {
	return func() map[string]string {
		_, images := w.pods(cluster, n)
		return images
	}
}

func all(n int, image string) map[string]string {
	out := map[string]string{}
	for i := range n {
		out[fmt.Sprintf("demo-%d", i)] = image
	}
	return out
}

// ready waits until a cluster is ready in its present generation.
func (w *world) ready(cluster *v1alpha1.WampCluster) {
	w.t.Helper()
	w.Eventually(func() metav1.Condition {
		c := w.condition(cluster, v1alpha1.ConditionReady)()
		if c.ObservedGeneration != cluster.Generation {
			return metav1.Condition{}
		}
		return c
	}).Should(be(metav1.ConditionTrue, "Ready"))
}

// The operator replaces the pods one after the other, the last one first; not while the routers do not
// agree; an operator that is started in the middle goes on; and an image that cannot be had costs one
// pod, which a corrected image replaces at once.
func TestRollout(t *testing.T) {
	const second, third = "example.com/wamp-router:2", "example.com/wamp-router:3"
	w := newWorld(t)
	k := w.startKubernetes("com.example.add")
	cluster := w.cluster("demo", 3)
	w.create(cluster, w.realm("realm1", "realm1", "demo"))
	w.ready(cluster)
	w.Expect(cluster.Status.UpdatedReplicas).To(BeEquivalentTo(3))

	w.patch(cluster, `{"spec":{"image":"`+second+`"}}`)
	w.Eventually(func() int32 {
		w.Expect(admin.Get(w.ctx, w.key("demo"), cluster)).To(Succeed())
		return cluster.Status.UpdatedReplicas
	}).Should(BeNumerically("<", 3))
	w.stop()
	w.startOperator()
	w.Eventually(w.imagesOf("demo", 3)).Should(Equal(all(3, second)))
	w.ready(cluster)
	w.Eventually(func() int32 {
		w.Expect(admin.Get(w.ctx, w.key("demo"), cluster)).To(Succeed())
		return cluster.Status.UpdatedReplicas
	}).Should(BeEquivalentTo(3))

	// An image that cannot be had: one pod is lost, the others stay.
	before, _ := w.pods("demo", 3)
	w.patch(cluster, `{"spec":{"image":"`+brokenImage+`"}}`)
	w.Eventually(w.condition(cluster, v1alpha1.ConditionProgressing)).Should(And(be(metav1.ConditionTrue, "RouterBroken"),
		HaveField("Message", And(ContainSubstring("2 of 3 routers are still to be replaced. Pod demo-2 was replaced and serves nobody: the image "+brokenImage+" cannot be had (ErrImagePull): not found."),
			ContainSubstring("The routers that serve stay as they are until it does: correct the spec")))))
	w.Eventually(w.condition(cluster, v1alpha1.ConditionStalled)).Should(And(be(metav1.ConditionTrue, "RouterBroken"),
		HaveField("Message", ContainSubstring("demo-2"))))
	w.Consistently(func() types.UID { uids, _ := w.pods("demo", 2); return uids["demo-1"] }).WithTimeout(time.Second).Should(Equal(before["demo-1"]))

	w.patch(cluster, `{"spec":{"image":"`+third+`"}}`)
	w.Eventually(func() string { return w.imagesOf("demo", 3)()["demo-2"] }).Should(Equal(third))
	w.Eventually(w.imagesOf("demo", 3)).Should(Equal(all(3, third)))
	w.ready(cluster)
	w.Expect(w.condition(cluster, v1alpha1.ConditionStalled)()).To(be(metav1.ConditionFalse, "NotStalled"))

	// Routers that do not agree are left alone.
	k.stop()
	before, _ = w.pods("demo", 3)
	w.routers.of("demo-1").report(func(s *v1alpha1.RouterReplicaState) { s.Members, s.Member = []string{"demo-1"}, "demo-1-again" })
	w.patch(cluster, `{"spec":{"image":"`+second+`"}}`)
	set := &appsv1.StatefulSet{}
	w.Eventually(func() string { return w.template("demo").Spec.Containers[0].Image }).Should(Equal(second))
	w.Expect(admin.Get(w.ctx, w.key("demo"), set)).To(Succeed())
	set.Status.ObservedGeneration, set.Status.UpdateRevision = set.Generation, "another"
	w.Expect(admin.Status().Update(w.ctx, set)).To(Succeed())
	w.Eventually(w.condition(cluster, v1alpha1.ConditionProgressing)).Should(And(be(metav1.ConditionTrue, "ListsDiffer"),
		HaveField("Message", ContainSubstring("3 of 3 routers are still to be replaced. The routers do not agree: demo-1 does not see demo-0"))))
	after, _ := w.pods("demo", 3)
	w.Expect(after).To(Equal(before))
	w.routers.of("demo-1").report(func(s *v1alpha1.RouterReplicaState) { s.Members = []string{"demo-0", "demo-1", "demo-2"} })
	w.Eventually(func() map[string]types.UID { uids, _ := w.pods("demo", 3); return uids }).Should(Not(HaveKey("demo-2")))
}

// A StatefulSet of an operator that left the replacement to Kubernetes is taken over: no pod is touched,
// and what somebody else wrote into its template stays.
func TestStatefulSetIsTakenOver(t *testing.T) {
	w := newWorld(t)
	w.startKubernetes()
	cluster := w.cluster("demo", 2)
	w.create(cluster, w.realm("realm1", "realm1", "demo"))
	w.ready(cluster)
	w.stop()
	set := &appsv1.StatefulSet{ObjectMeta: w.meta("demo")}
	w.patch(set, `{"spec":{"updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"partition":0}},"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"then"}}}}}`)
	w.Eventually(func() bool {
		w.Expect(admin.Get(w.ctx, w.key("demo"), set)).To(Succeed())
		return set.Status.ObservedGeneration == set.Generation && set.Status.UpdatedReplicas == 2
	}).Should(BeTrue())
	before, _ := w.pods("demo", 2)
	revision := set.Status.UpdateRevision

	w.startOperator()
	w.Eventually(func() appsv1.StatefulSetUpdateStrategy {
		w.Expect(admin.Get(w.ctx, w.key("demo"), set)).To(Succeed())
		return set.Spec.UpdateStrategy
	}).Should(Equal(appsv1.StatefulSetUpdateStrategy{Type: appsv1.OnDeleteStatefulSetStrategyType}))
	w.ready(cluster)
	w.Consistently(func() map[string]types.UID { uids, _ := w.pods("demo", 2); return uids }).WithTimeout(time.Second).Should(Equal(before))
	w.Expect(admin.Get(w.ctx, w.key("demo"), set)).To(Succeed())
	w.Expect(set.Status.UpdateRevision).To(Equal(revision))
}

// Another version of the operator with the same router image touches nothing; with another router image
// of its own the routers are replaced, of clusters that name none.
func TestUpgradeOfTheOperator(t *testing.T) {
	w := newWorld(t)
	w.startKubernetes()
	cluster, named := w.cluster("demo", 2), w.cluster("named", 1)
	named.Spec.Image = "example.com/mine:1"
	w.create(cluster, named)
	w.ready(cluster)
	w.ready(named)
	generation := func(name string) int64 {
		set := &appsv1.StatefulSet{}
		w.Expect(admin.Get(w.ctx, w.key(name), set)).To(Succeed())
		return set.Generation
	}
	demo, other := generation("demo"), generation("named")
	before, _ := w.pods("demo", 2)

	w.stop()
	w.userAgent = "wamp-operator/v9.9.9"
	w.startOperator()
	w.patch(cluster, `{"spec":{"service":{"port":80}}}`) // it is at work when this is done
	w.ready(cluster)
	w.Expect(generation("demo")).To(Equal(demo))
	after, _ := w.pods("demo", 2)
	w.Expect(after).To(Equal(before))

	w.stop()
	w.image = "example.com/wamp-router:9.9.9"
	w.startOperator()
	w.Eventually(w.imagesOf("demo", 2)).Should(Equal(all(2, w.image)))
	w.ready(cluster)
	w.Expect(generation("named")).To(Equal(other))
}
