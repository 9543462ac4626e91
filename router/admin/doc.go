// Package admin is the administration port of a router: /healthz and /readyz for probes,
// /metrics for Prometheus, and /v1/state, the stream that the operator and kubectl read.
package admin
