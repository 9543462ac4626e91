package metrics

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
)

var buildDesc = prometheus.NewDesc("wamp_operator_build_info",
	"The version of the operator and of the Go that it was built with; always 1.", []string{"version", "goversion"}, nil)

// Build tells which version runs; every operator does, also one that waits for the lease.
type Build struct{ Version string }

// Describe implements prometheus.Collector.
func (b Build) Describe(out chan<- *prometheus.Desc) { out <- buildDesc }

// Collect implements prometheus.Collector.
func (b Build) Collect(out chan<- prometheus.Metric) {
	out <- prometheus.MustNewConstMetric(buildDesc, prometheus.GaugeValue, 1, b.Version, runtime.Version())
}
