// Package monitoring checks that the alerts and the dashboard ask only for metrics, and for labels of
// them, that the operator and the routers have.
package monitoring
