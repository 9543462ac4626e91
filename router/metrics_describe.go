package router

import "github.com/prometheus/client_golang/prometheus"

// DescribeMetrics gives the descriptions of all metrics that a router has of its own, also those that
// have no value until something happens. What alerts and dashboards ask for is checked against it.
func DescribeMetrics(out chan<- *prometheus.Desc) { (&collector{}).Describe(out) }
