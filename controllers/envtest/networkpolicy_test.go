package envtest

import (
	"testing"

	. "github.com/onsi/gomega"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// The NetworkPolicy comes and goes with its mode, follows the spec, and comes back when somebody
// deletes it.
func TestNetworkPolicy(t *testing.T) {
	w := newWorld(t)
	cluster := w.cluster("demo", 0)
	w.create(cluster)
	policy := &networkingv1.NetworkPolicy{}
	there := func() error { return admin.Get(w.ctx, w.key("demo-router"), policy) }
	gone := WithTransform(apierrors.IsNotFound, BeTrue())
	w.Eventually(there).Should(Succeed())
	w.Expect(metav1.IsControlledBy(policy, cluster)).To(BeTrue())

	w.patch(cluster, `{"spec":{"networkPolicy":{"clients":[{"ipBlock":{"cidr":"10.0.0.0/8"}}]}}}`)
	clients := func() []networkingv1.NetworkPolicyPeer {
		w.Expect(there()).To(Succeed())
		return policy.Spec.Ingress[len(policy.Spec.Ingress)-1].From
	}
	w.Eventually(clients).Should(Equal([]networkingv1.NetworkPolicyPeer{{IPBlock: &networkingv1.IPBlock{CIDR: "10.0.0.0/8"}}}))

	// What somebody opens by hand is closed again.
	w.patch(policy, `{"spec":{"ingress":[{}]}}`)
	w.Eventually(func() int { w.Expect(there()).To(Succeed()); return len(policy.Spec.Ingress) }).Should(Equal(3))
	w.Expect(admin.Delete(w.ctx, policy)).To(Succeed())
	w.Eventually(there).Should(Succeed())

	w.patch(cluster, `{"spec":{"networkPolicy":{"mode":"None"}}}`)
	w.Eventually(there).Should(gone)
	w.Eventually(w.condition(cluster, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "ScaledToZero"))
	w.patch(cluster, `{"spec":{"networkPolicy":{"mode":"Managed"}}}`)
	w.Eventually(there).Should(Succeed())
}

// With mode: None a NetworkPolicy of somebody else stays, whatever its name is.
func TestNetworkPolicyOfSomebodyElse(t *testing.T) {
	w := newWorld(t)
	mine := &networkingv1.NetworkPolicy{ObjectMeta: w.meta("demo-router")}
	cluster := w.cluster("demo", 0)
	cluster.Spec.NetworkPolicy.Mode = v1alpha1.NetworkPolicyNone
	w.create(mine, cluster)
	w.Eventually(w.condition(cluster, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "ScaledToZero"))
	w.Expect(admin.Get(w.ctx, w.key("demo-router"), mine)).To(Succeed())

	w.patch(cluster, `{"spec":{"networkPolicy":{"mode":"Managed"}}}`)
	w.Eventually(w.condition(cluster, v1alpha1.ConditionReady)).Should(And(
		be(metav1.ConditionFalse, "NameTaken"), HaveField("Message", ContainSubstring("NetworkPolicy "+w.namespace+"/demo-router"))))
}

// What Kubernetes finds wrong in a peer is said in the status: the schema does not look into it.
func TestNetworkPolicyThatIsRefused(t *testing.T) {
	w := newWorld(t)
	cluster := w.cluster("demo", 0)
	cluster.Spec.NetworkPolicy.Clients = []networkingv1.NetworkPolicyPeer{{IPBlock: &networkingv1.IPBlock{CIDR: "10.0.0.0/99"}}}
	w.create(cluster)
	w.Eventually(w.condition(cluster, v1alpha1.ConditionReady)).Should(And(
		be(metav1.ConditionFalse, "Refused"), HaveField("Message", ContainSubstring("10.0.0.0/99"))))
}
