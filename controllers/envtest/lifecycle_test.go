package envtest

import (
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
)

// From nothing to a procedure with callees: the objects that are made, the snapshot that is
// published, the nudge, and the columns of kubectl get.
func TestFromClusterToCallees(t *testing.T) {
	w := newWorld(t)
	cluster := w.cluster("demo", 3)
	realm := w.realm("realm1", "realm1", "demo")
	primary := w.procedure("primary", "com.example.primary", "demo", v1alpha1.InvokeFirst)
	rotate := w.procedure("rotate", "com.example.rotate", "demo", v1alpha1.InvokeRoundRobin)
	w.create(primary, realm, cluster, rotate) // the order must not matter

	for _, o := range []client.Object{
		&appsv1.StatefulSet{ObjectMeta: w.meta("demo")},
		&corev1.Service{ObjectMeta: w.meta("demo")},
		&corev1.Service{ObjectMeta: w.meta("demo-headless")},
		&corev1.ConfigMap{ObjectMeta: w.meta("demo-config")},
		&corev1.ConfigMap{ObjectMeta: w.meta("demo-snapshot")},
		&corev1.Secret{ObjectMeta: w.meta("demo-gossip")},
		&corev1.Secret{ObjectMeta: w.meta("demo-admin")},
		&corev1.ServiceAccount{ObjectMeta: w.meta("demo-router")},
		&policyv1.PodDisruptionBudget{ObjectMeta: w.meta("demo")},
		&networkingv1.NetworkPolicy{ObjectMeta: w.meta("demo-router")},
	} {
		w.Eventually(func() error { return admin.Get(w.ctx, client.ObjectKeyFromObject(o), o) }).Should(Succeed())
		w.Expect(metav1.IsControlledBy(o, cluster)).To(BeTrue(), "%T %s has no owner that the garbage collector follows", o, o.GetName())
	}

	w.Eventually(w.condition(primary, v1alpha1.ConditionAccepted)).Should(be(metav1.ConditionTrue, "Accepted"))
	w.Expect(primary.Status.ObservedGeneration).To(Equal(primary.Generation))
	w.Eventually(w.condition(primary, v1alpha1.ConditionProgrammed)).Should(be(metav1.ConditionFalse, "NoRouters"))

	w.startPods("demo", 3)
	w.Eventually(w.condition(primary, v1alpha1.ConditionProgrammed)).Should(be(metav1.ConditionFalse, "Pending"))
	pod := &corev1.Pod{}
	w.Eventually(func() map[string]string {
		w.Expect(admin.Get(w.ctx, w.key("demo-1"), pod)).To(Succeed())
		return pod.Annotations
	}).Should(HaveKeyWithValue(resource.AnnotationSnapshot, HavePrefix(w.snapshot("demo"))))

	w.Eventually(w.served("demo", 3, primary, v1alpha1.ConditionProgrammed)).Should(be(metav1.ConditionTrue, "Programmed"))
	w.Eventually(w.condition(realm, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "Ready"))
	w.Eventually(w.condition(cluster, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "Ready"))
	w.Expect(cluster.Status.Replicas).To(BeEquivalentTo(3))
	w.Expect(cluster.Status.ReadyReplicas).To(BeEquivalentTo(3))
	w.Expect(cluster.Status.Procedures).To(BeEquivalentTo(2))
	w.Expect(cluster.Status.Realms).To(BeEquivalentTo(1))
	w.Eventually(w.condition(primary, v1alpha1.ConditionReady)).Should(be(metav1.ConditionFalse, "NoCallee"))
	w.Expect(primary.Status.ActiveCallee).To(Equal("none"))

	for _, name := range []string{"demo-0", "demo-1", "demo-2"} {
		w.routers.of(name).register(callees("com.example.primary", v1alpha1.InvokeFirst, "demo-2", "demo-0"))
		w.routers.of(name).register(callees("com.example.rotate", v1alpha1.InvokeRoundRobin, "demo-0", "demo-1", "demo-2"))
	}
	w.Eventually(w.active(primary)).Should(Equal("demo-2/100"))
	w.Eventually(w.condition(primary, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "Ready"))
	w.Expect(primary.Status.Callees).To(BeEquivalentTo(2))
	w.Expect(primary.Status.Registration).To(BeEquivalentTo(4711))
	w.Eventually(w.condition(primary, v1alpha1.ConditionRedundant)).Should(be(metav1.ConditionTrue, "StandbysThere"))
	w.Eventually(w.condition(rotate, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "Ready"))
	w.Eventually(w.active(rotate)).Should(Equal("all"))

	// The router of the active callee is gone: the standby is active.
	for _, name := range []string{"demo-0", "demo-1"} {
		p := callees("com.example.primary", v1alpha1.InvokeFirst, "demo-2", "demo-0")
		p.Callees = p.Callees[1:]
		w.routers.of(name).register(p)
	}
	w.routers.of("demo-2").setSilent(true)
	w.deletePod("demo-2")
	w.Eventually(w.active(primary)).Should(Equal("demo-0/101"))
	w.Eventually(w.condition(primary, v1alpha1.ConditionRedundant)).Should(be(metav1.ConditionFalse, "StandbyMissing"))
	w.Eventually(w.condition(cluster, v1alpha1.ConditionReady)).Should(be(metav1.ConditionFalse, "RollingOut"))
	w.Expect(w.condition(cluster, v1alpha1.ConditionAvailable)()).To(be(metav1.ConditionTrue, "RoutersReady"))
}
