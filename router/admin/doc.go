// Package admin is the administration port of a router: /healthz and /readyz for probes,
// /metrics for Prometheus, /v1/state, the stream that the operator and kubectl wamp read, and
// /v1/links and /v1/callees, which kubectl wamp asks for one replica's links and one procedure.
package admin
