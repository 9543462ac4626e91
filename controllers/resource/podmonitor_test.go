package resource

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

func TestPodMonitor(t *testing.T) {
	cluster := demo()
	if !WantsPodMonitor(cluster) {
		t.Error("a WampCluster that says nothing gets none")
	}
	type endpoint struct {
		Port, Path, Interval string
		Relabelings          []struct {
			SourceLabels []string
			TargetLabel  string
		}
	}
	type monitor struct {
		metav1.TypeMeta   `json:",inline"`
		metav1.ObjectMeta `json:"metadata"`
		Spec              struct {
			Selector            metav1.LabelSelector
			PodMetricsEndpoints []endpoint
		}
	}
	m := as[monitor](t, PodMonitor(cluster))
	if m.Kind != "PodMonitor" || m.APIVersion != "monitoring.coreos.com/v1" || m.Name != "demo-router" {
		t.Errorf("%s %s %s", m.APIVersion, m.Kind, m.Name)
	}
	if m.Spec.Selector.MatchLabels[LabelCluster] != "demo" || len(m.Spec.PodMetricsEndpoints) != 1 {
		t.Fatalf("%+v", m.Spec)
	}
	e := m.Spec.PodMetricsEndpoints[0]
	if e.Port != PortNameAdmin || e.Path != "/metrics" || e.Interval != "" || e.Relabelings[0].TargetLabel != "wamp_cluster" {
		t.Errorf("endpoint %+v", e)
	}

	cluster.Spec.Monitoring = v1alpha1.Monitoring{Labels: map[string]string{"release": "prometheus", LabelCluster: "other"},
		Interval: &metav1.Duration{Duration: 90 * time.Second}}
	m = as[monitor](t, PodMonitor(cluster))
	if m.Labels["release"] != "prometheus" || m.Labels[LabelCluster] != "demo" || m.Spec.PodMetricsEndpoints[0].Interval != "90s" {
		t.Errorf("%v %+v", m.Labels, m.Spec.PodMetricsEndpoints)
	}
	cluster.Spec.Monitoring.PodMonitor = v1alpha1.PodMonitorNone
	if WantsPodMonitor(cluster) {
		t.Error("podMonitor: None gets one")
	}
}

// Prometheus reads no fractions.
func TestPrometheusDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Second: "1s", 90 * time.Second: "90s", time.Hour: "3600s", 1500 * time.Millisecond: "1500ms",
	} {
		if got := prometheusDuration(d); got != want {
			t.Errorf("%s is written %s, want %s", d, got, want)
		}
	}
}
