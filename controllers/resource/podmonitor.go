package resource

import (
	"fmt"
	"maps"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// PodMonitorKind is a kind of the Prometheus Operator.
var PodMonitorKind = schema.GroupVersionKind{Group: "monitoring.coreos.com", Version: "v1", Kind: "PodMonitor"}

// LabelMetricsCluster is the label that the metrics of routers get, with the name of the WampCluster.
// Not "cluster": that is what many call the Kubernetes cluster.
const LabelMetricsCluster = "wamp_cluster"

// WantsPodMonitor tells whether the cluster has a PodMonitor where there is that kind.
func WantsPodMonitor(cluster *v1alpha1.WampCluster) bool {
	return cluster.Spec.Monitoring.PodMonitor != v1alpha1.PodMonitorNone
}

// PodMonitor lets a Prometheus read /metrics on the administration port of every router, which asks
// for no token.
func PodMonitor(cluster *v1alpha1.WampCluster) *unstructured.Unstructured {
	endpoint := map[string]any{
		"port": PortNameAdmin,
		"path": "/metrics",
		"relabelings": []any{map[string]any{
			"sourceLabels": []any{"__meta_kubernetes_pod_label_wamp_operator_io_cluster"},
			"targetLabel":  LabelMetricsCluster,
		}},
	}
	if interval := cluster.Spec.Monitoring.Interval; interval != nil {
		endpoint["interval"] = prometheusDuration(interval.Duration)
	}
	object := foreign(PodMonitorKind, cluster, PodMonitorName(cluster.Name), map[string]any{
		"selector":            map[string]any{"matchLabels": plain(Selector(cluster.Name))},
		"podMetricsEndpoints": []any{endpoint},
	})
	labels := maps.Clone(cluster.Spec.Monitoring.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, Labels(cluster.Name))
	object.SetLabels(labels)
	return object
}

// prometheusDuration writes a duration without fractions, which Prometheus does not read.
func prometheusDuration(d time.Duration) string {
	if d%time.Second != 0 {
		return fmt.Sprintf("%dms", d.Milliseconds())
	}
	return fmt.Sprintf("%ds", int64(d.Seconds()))
}
