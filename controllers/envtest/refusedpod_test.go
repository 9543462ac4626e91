package envtest

import (
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// Why Kubernetes does not make a pod stands in the WampCluster, in Kubernetes's words: nobody looks for the
// StatefulSet's events at night. The operator may read them with the role that an installation gives it.
func TestRefusedPod(t *testing.T) {
	w := newWorld(t)
	cluster := w.cluster("demo", 2)
	w.create(cluster, w.realm("realm1", "realm1", "demo"))
	w.startPods("demo", 1)
	set := &appsv1.StatefulSet{}
	w.Expect(admin.Get(w.ctx, w.key("demo"), set)).To(Succeed())
	w.Eventually(w.condition(cluster, v1alpha1.ConditionReady)).Should(HaveField("Message", ContainSubstring("see kubectl describe statefulset demo.")))
	w.create(&corev1.Event{
		ObjectMeta:     w.meta("demo.1"),
		InvolvedObject: corev1.ObjectReference{APIVersion: "apps/v1", Kind: "StatefulSet", Namespace: w.namespace, Name: "demo", UID: set.UID},
		Type:           corev1.EventTypeWarning, Reason: "FailedCreate", LastTimestamp: metav1.Now(),
		Message: `create Pod demo-1 in StatefulSet demo failed error: pods "demo-1" is forbidden: no PriorityClass with name nonesuch was found`,
	})
	const says = "1 of 2 pods are there, and Kubernetes refuses to make another: create Pod demo-1 in StatefulSet demo failed error: "
	w.Eventually(w.condition(cluster, v1alpha1.ConditionStalled)).Should(And(
		be(metav1.ConditionTrue, "PodRefused"), HaveField("Message", HavePrefix(says))))
	w.Expect(w.condition(cluster, v1alpha1.ConditionReady)()).To(HaveField("Message", ContainSubstring("no PriorityClass with name nonesuch was found.")))
	w.startPod("demo", "demo-1")
	w.Eventually(w.condition(cluster, v1alpha1.ConditionStalled)).Should(HaveField("Status", metav1.ConditionFalse))
}
