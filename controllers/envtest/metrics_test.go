package envtest

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
)

// What the operator shows of a cluster to Prometheus: how many routers it has in which state, whether
// they are heard, what they are told to serve, and how many procedures are ready, however many there are
// without a series for each. It goes when the cluster does.
func TestMetricsOfClusters(t *testing.T) {
	w := newWorld(t)
	cluster := w.cluster("demo", 3)
	w.create(cluster, w.cluster("other", 1), w.realm("realm1", "realm1", "demo"))
	for _, name := range []string{"add", "sub", "mul"} {
		w.create(w.procedure(name, "com.example."+name, "demo", v1alpha1.InvokeFirst))
	}
	w.startPods("demo", 3)
	w.Eventually(func() metav1.Condition {
		w.kubelet("demo", 3)
		return w.condition(cluster, v1alpha1.ConditionProgrammed)()
	}).Should(be(metav1.ConditionTrue, "Programmed"))

	w.Eventually(w.shown("demo")).Should(And(
		HaveKeyWithValue("wamp_operator_cluster_routers wanted", 3.0),
		HaveKeyWithValue("wamp_operator_cluster_routers created", 3.0),
		HaveKeyWithValue("wamp_operator_cluster_routers ready", 3.0),
		HaveKeyWithValue("wamp_operator_cluster_routers programmed", 3.0),
		HaveKeyWithValue("wamp_operator_cluster_condition Programmed", 1.0),
		HaveKeyWithValue("wamp_operator_cluster_condition Stalled", 0.0),
		HaveKeyWithValue("wamp_operator_router_streams open", 3.0),
		HaveKeyWithValue("wamp_operator_router_streams broken", 0.0),
		HaveKeyWithValue("wamp_operator_realms True", 1.0),
		HaveKeyWithValue("wamp_operator_procedures True", 0.0),
		HaveKeyWithValue("wamp_operator_procedures False", 3.0), // nobody has registered them
		HaveKeyWithValue("wamp_operator_snapshot_parts", 1.0),
		HaveKeyWithValue("wamp_operator_snapshot_bytes", BeNumerically(">", 100)),
		HaveKeyWithValue("wamp_operator_snapshot_publish_total", BeNumerically(">=", 1)),
	))
	series := len(w.shown("demo")())
	w.create(w.procedure("div", "com.example.div", "demo", v1alpha1.InvokeFirst))
	w.Eventually(w.shown("demo")).Should(HaveKeyWithValue("wamp_operator_procedures False", 4.0))
	w.Expect(w.shown("demo")()).To(HaveLen(series), "one more procedure is no more series")

	w.routers.of("demo-1").setSilent(true)
	w.Eventually(w.shown("demo")).Should(HaveKeyWithValue("wamp_operator_router_streams broken", 1.0))

	w.Expect(admin.Delete(w.ctx, cluster)).To(Succeed())
	w.Eventually(w.shown("demo")).Should(BeEmpty(), "the series of a deleted cluster go")
	w.Expect(w.shown("other")()).To(HaveLen(series), "and no others")
}

// shown gives the metrics of a cluster as they are collected, by name and further label.
func (w *world) shown(cluster string) func() map[string]float64 {
	return func() map[string]float64 {
		families, err := w.metrics.Gather()
		w.Expect(err).NotTo(HaveOccurred())
		out := map[string]float64{}
		for _, family := range families {
			for _, m := range family.Metric {
				labels, more := map[string]string{}, ""
				for _, l := range m.Label {
					labels[l.GetName()] = l.GetValue()
					if l.GetName() != "namespace" && l.GetName() != resource.LabelMetricsCluster {
						more = l.GetValue()
					}
				}
				if labels["namespace"] == w.namespace && labels[resource.LabelMetricsCluster] == cluster {
					out[strings.TrimSpace(family.GetName()+" "+more)] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
				}
			}
		}
		return out
	}
}
