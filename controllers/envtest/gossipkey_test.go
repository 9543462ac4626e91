package envtest

import (
	"encoding/base64"
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
)

// gossipKeys gives the fingerprints of the keys in the Secret, none when it cannot be read.
func (w *world) gossipKeys(cluster string) []string {
	secret := &corev1.Secret{}
	if admin.Get(w.ctx, w.key(resource.GossipSecretName(cluster)), secret) != nil {
		return nil
	}
	keys, err := v1alpha1.ParseKeys(secret.Data[resource.GossipKey])
	if err != nil {
		return nil
	}
	return v1alpha1.KeyFingerprints(keys)
}

// bringKeys lets these routers use the keys that are in the Secret now.
func (w *world) bringKeys(cluster string, routers ...int) {
	w.t.Helper()
	keys := w.gossipKeys(cluster)
	for _, i := range routers {
		w.routers.of(fmt.Sprintf("%s-%d", cluster, i)).report(func(s *v1alpha1.RouterReplicaState) { s.Keys = keys })
	}
}

func (w *world) rotated(cluster *v1alpha1.WampCluster) func() string {
	return func() string {
		if err := admin.Get(w.ctx, w.key(cluster.Name), cluster); err != nil || cluster.Status.GossipKey == nil {
			return ""
		}
		return cluster.Status.GossipKey.Rotated
	}
}

func (w *world) requestKey(cluster *v1alpha1.WampCluster, value string) {
	w.t.Helper()
	w.patch(cluster, `{"metadata":{"annotations":{"`+v1alpha1.AnnotationRotateGossipKey+`":"`+value+`"}}}`)
}

// The key is replaced step by step, each when all routers have done the one before, across a restart
// of the operator, an edit by hand, a pod that goes, and a second request; no pod is restarted for it.
func TestGossipKeyIsReplacedOnRequest(t *testing.T) {
	w := newWorld(t)
	cluster := w.cluster("demo", 3)
	w.create(cluster)
	w.startPods("demo", 3)
	w.Eventually(func() []string { return w.gossipKeys("demo") }).Should(HaveLen(1))
	old := w.gossipKeys("demo")[0]
	w.bringKeys("demo", 0, 1, 2)
	w.kubelet("demo", 3)
	w.Eventually(w.served("demo", 3, cluster, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "Ready"))
	template := w.template("demo")

	w.requestKey(cluster, "first")
	keys := func() []string { return w.gossipKeys("demo") }
	w.Eventually(keys).Should(HaveLen(2))
	fresh := keys()[1]
	w.Expect(keys()).To(Equal([]string{old, fresh}))
	w.bringKeys("demo", 1)
	w.Eventually(w.condition(cluster, v1alpha1.ConditionProgressing)).Should(And(be(metav1.ConditionTrue, "ReplacingGossipKey"),
		HaveField("Message", "The gossip key is being replaced and waits for routers to accept the new key: demo-0, demo-2.")))
	w.Expect(cluster.Status.GossipKey).To(BeNil())
	pod := &corev1.Pod{}
	w.Eventually(func() map[string]string {
		w.Expect(admin.Get(w.ctx, w.key("demo-0"), pod)).To(Succeed())
		return pod.Annotations
	}).Should(HaveKeyWithValue(resource.AnnotationKeys, HavePrefix(old+"-"+fresh)))

	w.stop()
	w.startOperator()
	w.bringKeys("demo", 0)
	w.Eventually(w.condition(cluster, v1alpha1.ConditionProgressing)).Should(HaveField("Message", HaveSuffix("accept the new key: demo-2.")))
	w.Expect(keys()).To(Equal([]string{old, fresh}), "a step was taken before all routers were ready for it")
	w.bringKeys("demo", 2)
	w.Eventually(keys).Should(Equal([]string{fresh, old}))

	w.requestKey(cluster, "second")
	theirs := base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte("a key of others "))))
	secret := &corev1.Secret{ObjectMeta: w.meta(resource.GossipSecretName("demo"))}
	w.patch(secret, `{"data":{"key":"`+theirs+`"}}`)
	w.Eventually(keys).Should(Equal([]string{fresh, old}), "what was edited by hand comes back")
	w.bringKeys("demo", 0, 1)
	w.deletePod("demo-2")
	w.Eventually(keys).Should(Equal([]string{fresh}))
	w.Expect(w.rotated(cluster)()).To(BeEmpty())
	w.bringKeys("demo", 0, 1)
	w.Eventually(w.rotated(cluster)).Should(Equal("first"))

	w.Eventually(func() string {
		w.bringKeys("demo", 0, 1)
		return w.rotated(cluster)()
	}).Should(Equal("second"))
	w.Expect(keys()).To(HaveLen(1))
	w.Expect(keys()).NotTo(ContainElements(old))
	w.Expect(keys()).NotTo(ContainElements(fresh))
	w.Expect(w.template("demo")).To(Equal(template))
	w.Eventually(w.condition(cluster, v1alpha1.ConditionProgressing)).ShouldNot(HaveField("Reason", "ReplacingGossipKey"))
}

// Where no router runs there is nobody to wait for; a cluster that is made with a request has a new key
// anyway; and a pod whose router does not run is not waited for either.
func TestGossipKeyWithoutRouters(t *testing.T) {
	w := newWorld(t)
	cluster := w.cluster("demo", 0)
	cluster.Annotations = map[string]string{v1alpha1.AnnotationRotateGossipKey: "at once"}
	w.create(cluster)
	w.Eventually(w.rotated(cluster)).Should(Equal("at once"))
	before := w.gossipKeys("demo")
	w.Expect(before).To(HaveLen(1))
	w.requestKey(cluster, "again")
	w.Eventually(w.rotated(cluster)).Should(Equal("again"))
	w.Expect(w.gossipKeys("demo")).To(HaveLen(1))
	w.Expect(w.gossipKeys("demo")).NotTo(Equal(before))

	w.patch(cluster, `{"spec":{"replicas":1}}`)
	set := &appsv1.StatefulSet{}
	w.Eventually(func() int32 {
		w.Expect(admin.Get(w.ctx, w.key("demo"), set)).To(Succeed())
		return *set.Spec.Replicas
	}).Should(BeEquivalentTo(1))
	w.startPods("demo", 1)
	pod := &corev1.Pod{}
	w.Expect(admin.Get(w.ctx, w.key("demo-0"), pod)).To(Succeed())
	running := pod.DeepCopy()
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: resource.ContainerName, Image: "x", ImageID: "x",
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}}}
	pod.Status.Conditions = nil
	w.Expect(admin.Status().Patch(w.ctx, pod, client.MergeFrom(running))).To(Succeed()) // the operator annotates it meanwhile
	w.requestKey(cluster, "past a pod that does not start")
	w.Eventually(w.rotated(cluster)).Should(Equal("past a pod that does not start"))
}

// Routers whose keys are not those of the Secret are told of, with what to do.
func TestGossipKeyThatRoutersDoNotHave(t *testing.T) {
	w := newWorld(t)
	cluster := w.cluster("demo", 1)
	w.create(cluster)
	w.startPods("demo", 1)
	w.routers.of("demo-0").report(func(s *v1alpha1.RouterReplicaState) { s.Keys = []string{"0123456789abcdef"} })
	w.Eventually(w.served("demo", 1, cluster, v1alpha1.ConditionConsistent)).Should(And(be(metav1.ConditionFalse, "OtherKeys"),
		HaveField("Message", HavePrefix("demo-0 cannot use the gossip key that is in Secret demo-gossip"))))
	w.bringKeys("demo", 0)
	w.Eventually(w.served("demo", 1, cluster, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "Ready"))
}
