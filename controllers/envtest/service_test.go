package envtest

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// A Service can be made one for load balancers and back again.
func TestServiceForLoadBalancers(t *testing.T) {
	w := newWorld(t)
	cluster := w.cluster("demo", 0)
	cluster.Spec.Service = v1alpha1.ServiceShape{Type: corev1.ServiceTypeLoadBalancer,
		ExternalTrafficPolicy: corev1.ServiceExternalTrafficPolicyLocal, LoadBalancerClass: "example.com/internal"}
	w.create(cluster)
	service := &corev1.Service{}
	spec := func() corev1.ServiceSpec {
		if err := admin.Get(w.ctx, w.key("demo"), service); err != nil {
			return corev1.ServiceSpec{}
		}
		return service.Spec
	}
	w.Eventually(spec).Should(And(HaveField("Type", corev1.ServiceTypeLoadBalancer),
		HaveField("ExternalTrafficPolicy", corev1.ServiceExternalTrafficPolicyLocal),
		HaveField("LoadBalancerClass", HaveValue(Equal("example.com/internal")))))

	w.patch(cluster, `{"spec":{"service":{"type":"ClusterIP","externalTrafficPolicy":null,"loadBalancerClass":null}}}`)
	w.Eventually(spec).Should(And(HaveField("Type", corev1.ServiceTypeClusterIP), HaveField("ExternalTrafficPolicy", BeEmpty()),
		HaveField("LoadBalancerClass", BeNil()), HaveField("HealthCheckNodePort", BeZero())))
	w.Eventually(w.condition(cluster, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "ScaledToZero"))
}

// Two families are taken where the Kubernetes cluster has them; asking for what it has not is a
// condition that says so. The API server of these tests has IPv4 alone.
func TestServiceFamilies(t *testing.T) {
	w := newWorld(t)
	cluster := w.cluster("demo", 0)
	cluster.Spec.Service.IPFamilyPolicy = corev1.IPFamilyPolicyPreferDualStack
	w.create(cluster)
	for _, name := range []string{"demo", "demo-headless"} {
		service := &corev1.Service{}
		w.Eventually(func() error { return admin.Get(w.ctx, w.key(name), service) }).Should(Succeed())
		w.Expect(service.Spec.IPFamilyPolicy).To(HaveValue(Equal(corev1.IPFamilyPolicyPreferDualStack)), name)
		w.Expect(service.Spec.IPFamilies).To(Equal([]corev1.IPFamily{corev1.IPv4Protocol}), name)
	}
	w.patch(cluster, `{"spec":{"service":{"ipFamilyPolicy":"RequireDualStack"}}}`)
	w.Eventually(w.condition(cluster, v1alpha1.ConditionReady)).Should(And(
		be(metav1.ConditionFalse, "Refused"), HaveField("Message", ContainSubstring("ipFamilyPolicy"))))
	w.patch(cluster, `{"spec":{"service":{"ipFamilyPolicy":null}}}`)
	w.Eventually(w.condition(cluster, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "ScaledToZero"))
}
