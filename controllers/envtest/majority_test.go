package envtest

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
)

// With partitionPolicy Majority the routers are told how many they are, those that still have to be
// stopped included; the condition names those that are cut off; and nothing of it restarts a pod.
func TestMajority(t *testing.T) {
	w := newWorld(t)
	cluster := w.cluster("demo", 3)
	w.create(cluster, w.realm("realm1", "realm1", "demo"))
	w.startPods("demo", 3)
	w.Eventually(w.served("demo", 3, cluster, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "Ready"))
	template, snapshot := w.template("demo"), w.snapshot("demo")

	told := func() string { // what the snapshot says of the cluster
		cm := &corev1.ConfigMap{}
		w.Expect(admin.Get(w.ctx, w.key(resource.SnapshotName("demo", 0)), cm)).To(Succeed())
		for _, part := range strings.Split(cm.Data[resource.SnapshotFile], "---\n") {
			if strings.Contains(part, "kind: WampCluster\n") {
				_, spec, _ := strings.Cut(part, "spec:\n")
				return spec
			}
		}
		return ""
	}
	w.Expect(told()).To(BeEmpty())
	w.patch(cluster, `{"spec":{"partitionPolicy":"Majority"}}`)
	w.Eventually(told).Should(Equal("  partitionPolicy: Majority\n  replicas: 3\n"))
	w.patch(cluster, `{"spec":{"replicas":2}}`)
	w.Eventually(w.served("demo", 3, cluster, v1alpha1.ConditionProgressing)).Should(be(metav1.ConditionTrue, "RollingOut"))
	w.Expect(told()).To(ContainSubstring("replicas: 3"), "the third router still counts")
	w.deletePod("demo-2")
	w.Eventually(told).Should(ContainSubstring("replicas: 2"))
	w.Eventually(w.served("demo", 2, cluster, v1alpha1.ConditionReady)).ShouldNot(HaveField("Reason", "Pending"))

	w.routers.of("demo-1").report(func(s *v1alpha1.RouterReplicaState) { s.Minority, s.Ready = true, false })
	w.Eventually(w.condition(cluster, v1alpha1.ConditionConsistent)).Should(And(be(metav1.ConditionFalse, "Minority"),
		HaveField("Message", HavePrefix("1 of 2 routers cannot reach the majority: demo-1;"))))
	w.routers.of("demo-1").report(func(s *v1alpha1.RouterReplicaState) { s.Minority, s.Ready = false, true })
	w.Eventually(w.condition(cluster, v1alpha1.ConditionConsistent)).ShouldNot(HaveField("Reason", "Minority"))

	w.patch(cluster, `{"spec":{"replicas":3,"partitionPolicy":"Available"}}`)
	w.Eventually(func() string { return w.snapshot("demo") }).Should(Equal(snapshot), "without a majority there is nothing to tell")
	w.Expect(w.template("demo")).To(Equal(template))
}
