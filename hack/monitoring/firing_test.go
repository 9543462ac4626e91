package monitoring

import (
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/promqltest"
)

// A minute is the step of all series here; values are written as promtool has them: 1x9 is a one and nine more.

// good is an hour of an operator and a cluster of three routers that are as they should be.
const good = `load 1m
  up{job="wamp-operator", namespace="sys", pod="op"} 1x60
  leader_election_master_status{job="wamp-operator", namespace="sys", pod="op"} 1x60
  controller_runtime_reconcile_errors_total{job="wamp-operator", namespace="sys", controller="wampcluster"} 7x60
  wamp_operator_cluster_condition{job="wamp-operator", namespace="apps", wamp_cluster="demo", type="Ready"} 1x60
  wamp_operator_cluster_condition{job="wamp-operator", namespace="apps", wamp_cluster="demo", type="Available"} 1x60
  wamp_operator_cluster_condition{job="wamp-operator", namespace="apps", wamp_cluster="demo", type="Stalled"} 0x60
  wamp_operator_router_streams{namespace="apps", wamp_cluster="demo", state="open"} 3x60
  wamp_operator_router_streams{namespace="apps", wamp_cluster="demo", state="broken"} 0x60
  wamp_operator_cluster_routers{namespace="apps", wamp_cluster="demo", state="wanted"} 3x60
  wamp_operator_cluster_routers{namespace="apps", wamp_cluster="demo", state="ready"} 3x60
  wamp_operator_cluster_routers{namespace="apps", wamp_cluster="demo", state="programmed"} 3x60
  wamp_operator_snapshot_parts{namespace="apps", wamp_cluster="demo"} 1x60
  up{namespace="apps", wamp_cluster="demo", pod="demo-0"} 1x60
  up{namespace="apps", wamp_cluster="demo", pod="demo-1"} 1x60
  wamp_router_ready{namespace="apps", wamp_cluster="demo", pod="demo-0"} 1x60
  wamp_router_ready{namespace="apps", wamp_cluster="demo", pod="demo-1"} 1x60
  wamp_router_cluster_members{namespace="apps", wamp_cluster="demo", pod="demo-0"} 2x60
  wamp_router_cluster_members{namespace="apps", wamp_cluster="demo", pod="demo-1"} 2x60
  wamp_router_callees{namespace="apps", wamp_cluster="demo", pod="demo-0", realm="r"} 5x60
  wamp_router_callees{namespace="apps", wamp_cluster="demo", pod="demo-1", realm="r"} 5x60
  wamp_router_documents_info{namespace="apps", wamp_cluster="demo", pod="demo-0", hash="a"} 1x60
  wamp_router_documents_info{namespace="apps", wamp_cluster="demo", pod="demo-1", hash="a"} 1x60
  wamp_router_documents_last_reload_ok{namespace="apps", wamp_cluster="demo", pod="demo-0"} 1x60
  wamp_router_certificate_last_reload_ok{namespace="apps", wamp_cluster="demo", pod="demo-0"} 1x60
  wamp_router_certificate_expiration_timestamp_seconds{namespace="apps", wamp_cluster="demo", pod="demo-0"} 8640000x60
  wamp_router_calls_held{namespace="apps", wamp_cluster="demo", pod="demo-0", realm="r"} 0 3 0 0 2x0 0x55
  wamp_router_calls_total{namespace="apps", wamp_cluster="demo", pod="demo-0", result="ok"} 0+600x60
  wamp_router_calls_timed_out_total{namespace="apps", wamp_cluster="demo", pod="demo-0", realm="r"} 0+2x60
  wamp_router_connections_dropped_total{namespace="apps", wamp_cluster="demo", pod="demo-0", reason="silence"} 0+1x60
  wamp_router_connections_dropped_total{namespace="apps", wamp_cluster="demo", pod="demo-0", reason="stall"} 4x60
  wamp_router_connections_refused_total{namespace="apps", wamp_cluster="demo", pod="demo-0", reason="full"} 0x60
  wamp_router_authentications_total{namespace="apps", wamp_cluster="demo", pod="demo-0", realm="r", method="ticket", result="ok"} 0+30x60
  wamp_router_authentications_total{namespace="apps", wamp_cluster="demo", pod="demo-0", realm="r", method="ticket", result="denied"} 0+1x60
`

// rollout is an hour in which three routers are replaced one after the other, two minutes each.
const rollout = `load 1m
  up{job="wamp-operator", namespace="sys", pod="op"} 1x60
  wamp_operator_cluster_condition{namespace="apps", wamp_cluster="demo", type="Ready"} 1x9 0x5 1x44
  wamp_operator_cluster_condition{namespace="apps", wamp_cluster="demo", type="Available"} 1x60
  wamp_operator_cluster_routers{namespace="apps", wamp_cluster="demo", state="wanted"} 3x60
  wamp_operator_cluster_routers{namespace="apps", wamp_cluster="demo", state="ready"} 3x9 2x5 3x44
  wamp_operator_cluster_routers{namespace="apps", wamp_cluster="demo", state="programmed"} 3x9 2x5 3x44
  wamp_operator_router_streams{namespace="apps", wamp_cluster="demo", state="broken"} 0x9 1x0 0x0 1x0 0x0 1x0 0x44
  up{namespace="apps", wamp_cluster="demo", pod="demo-2"} 1x9 0x1 1x48
  up{namespace="apps", wamp_cluster="demo", pod="demo-1"} 1x11 0x1 1x46
  up{namespace="apps", wamp_cluster="demo", pod="demo-0"} 1x13 0x1 1x44
  wamp_router_ready{namespace="apps", wamp_cluster="demo", pod="demo-2"} 1x9 0x1 1x48
  wamp_router_ready{namespace="apps", wamp_cluster="demo", pod="demo-1"} 1x11 0x1 1x46
  wamp_router_ready{namespace="apps", wamp_cluster="demo", pod="demo-0"} 1x13 0x1 1x44
  wamp_router_cluster_members{namespace="apps", wamp_cluster="demo", pod="demo-2"} 3x9 1x0 3x49
  wamp_router_cluster_members{namespace="apps", wamp_cluster="demo", pod="demo-1"} 3x9 2x0 3x1 1x0 3x46
  wamp_router_cluster_members{namespace="apps", wamp_cluster="demo", pod="demo-0"} 3x9 2x0 3x1 2x0 3x0 1x0 3x44
  wamp_router_callees{namespace="apps", wamp_cluster="demo", pod="demo-1", realm="r"} 9x9 7x0 9x49
  wamp_router_callees{namespace="apps", wamp_cluster="demo", pod="demo-0", realm="r"} 9x10 8x0 9x48
  wamp_router_documents_info{namespace="apps", wamp_cluster="demo", pod="demo-1", hash="a"} 1x20 stale
  wamp_router_documents_info{namespace="apps", wamp_cluster="demo", pod="demo-1", hash="b"} _x20 1x38
  wamp_router_documents_info{namespace="apps", wamp_cluster="demo", pod="demo-0", hash="a"} 1x22 stale
  wamp_router_documents_info{namespace="apps", wamp_cluster="demo", pod="demo-0", hash="b"} _x22 1x36
`

const where = `namespace="apps", wamp_cluster="demo"`

// faults has for each alert the series of an hour in which what it means is so.
var faults = map[string]string{
	"WampOperatorDown":             `up{job="wamp-operator"} 1x9 0x50`,
	"WampOperatorNobodyWorks":      `leader_election_master_status{job="wamp-operator", namespace="sys", pod="a"} 0x60`,
	"WampOperatorReconcileErrors":  `controller_runtime_reconcile_errors_total{job="wamp-operator", namespace="sys", controller="wampcluster"} 0+4x60`,
	"WampClusterDown":              `wamp_router_ready{` + where + `, pod="demo-0"} 0x60`,
	"WampClusterNotReady":          `wamp_operator_cluster_condition{` + where + `, type="Ready"} 0x60`,
	"WampClusterStalled":           `wamp_operator_cluster_condition{` + where + `, type="Stalled"} 1x60`,
	"WampRoutersUnheard":           `wamp_operator_router_streams{` + where + `, state="broken"} 1x60`,
	"WampRoutersServeOldDocuments": `wamp_operator_cluster_routers{` + where + `, state="ready"} 3x60` + "\n  " + `wamp_operator_cluster_routers{` + where + `, state="programmed"} 2x60`,
	"WampSnapshotNearLimit":        `wamp_operator_snapshot_parts{` + where + `} 14x60`,
	"WampRouterDown":               `up{` + where + `, pod="demo-0"} 0x60`,
	"WampRouterNotReady":           `wamp_router_ready{` + where + `, pod="demo-0"} 0x60` + "\n  " + `wamp_router_ready{` + where + `, pod="demo-1"} 1x60`,
	"WampClusterSplit": `wamp_router_ready{` + where + `, pod="demo-0"} 1x60` + "\n  " + `wamp_router_ready{` + where + `, pod="demo-1"} 1x60` + "\n  " +
		`wamp_router_cluster_members{` + where + `, pod="demo-0"} 1x60` + "\n  " + `wamp_router_cluster_members{` + where + `, pod="demo-1"} 2x60`,
	"WampListsDiffer":        `wamp_router_callees{` + where + `, pod="demo-0", realm="r"} 5x60` + "\n  " + `wamp_router_callees{` + where + `, pod="demo-1", realm="r"} 4x60`,
	"WampDocumentsDiffer":    `wamp_router_documents_info{` + where + `, pod="demo-0", hash="a"} 1x60` + "\n  " + `wamp_router_documents_info{` + where + `, pod="demo-1", hash="b"} 1x60`,
	"WampDocumentsRefused":   `wamp_router_documents_last_reload_ok{` + where + `, pod="demo-0"} 0x60`,
	"WampCertificateRefused": `wamp_router_certificate_last_reload_ok{` + where + `, pod="demo-0"} 0x60`,
	"WampCertificateEnds":    `wamp_router_certificate_expiration_timestamp_seconds{` + where + `, pod="demo-0"} 600000x60`,
	"WampCallsWaitForCallee": `wamp_router_calls_held{` + where + `, pod="demo-0", realm="r"} 2x60`,
	"WampCallsTimeOut":       `wamp_router_calls_total{` + where + `, result="ok"} 0+100x60` + "\n  " + `wamp_router_calls_timed_out_total{` + where + `, realm="r"} 0+3x60`,
	"WampClientsTooSlow":     `wamp_router_connections_dropped_total{` + where + `, reason="stall"} 0+1x60`,
	"WampConnectionsRefused": `wamp_router_connections_refused_total{` + where + `, reason="full"} 0+5x60`,
	"WampLogInsFail": `wamp_router_authentications_total{` + where + `, realm="r", method="ticket", result="denied"} 0+30x60` + "\n  " +
		`wamp_router_authentications_total{` + where + `, realm="r", method="ticket", result="ok"} 0+1x60`,
}

// others are further faults that an alert is for, and calm is what it has to let pass.
var others = map[string]string{
	// There are no pods to read metrics of.
	"WampClusterDown": `wamp_operator_cluster_condition{` + where + `, type="Available"} 0x60` + "\n  " + `wamp_operator_cluster_routers{` + where + `, state="wanted"} 3x60`,
}

var calm = map[string]string{
	"WampClusterDown": `wamp_operator_cluster_condition{` + where + `, type="Available"} 0x60` + "\n  " + `wamp_operator_cluster_routers{` + where + `, state="wanted"} 0x60`,
}

// Every alert fires for what it means, and none does for an hour as it should be, nor for a rolling update.
func TestAlertsFire(t *testing.T) {
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr, For string
			}
		}
	}
	read(t, "../../charts/wamp-operator/files/alerts.yaml", &rules)
	seen := map[string]bool{}
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			seen[rule.Alert] = true
			t.Run(rule.Alert, func(t *testing.T) {
				hold, err := time.ParseDuration(rule.For)
				if err != nil {
					t.Fatal(err)
				}
				if faults[rule.Alert] == "" {
					t.Fatal("no series say when it has to fire")
				}
				for _, fault := range []string{faults[rule.Alert], others[rule.Alert]} {
					if fault != "" && !fires(t, "load 1m\n  "+fault+"\n", rule.Expr, hold) {
						t.Errorf("it does not fire for\n%s", fault)
					}
				}
				if series := calm[rule.Alert]; series != "" && fires(t, "load 1m\n  "+series+"\n", rule.Expr, hold) {
					t.Errorf("it fires for\n%s", series)
				}
				for name, series := range map[string]string{"an hour as it should be": good, "a rolling update": rollout} {
					if fires(t, series, rule.Expr, hold) {
						t.Errorf("it fires for %s", name)
					}
				}
			})
		}
	}
	for name := range faults {
		if !seen[name] {
			t.Errorf("there is no alert %s", name)
		}
	}
}

// fires tells whether an expression has had a result with the same labels for as long as an alert waits, in an
// hour that is looked at every minute.
func fires(t *testing.T, series, expression string, hold time.Duration) bool {
	t.Helper()
	storage := promqltest.LoadedStorage(t, series)
	defer func() { _ = storage.Close() }()
	engine := promqltest.NewTestEngine(t, false, 5*time.Minute, promqltest.DefaultMaxSamplesPerQuery)
	var held []string
	since := map[string]time.Time{}
	for at := time.Unix(0, 0); at.Before(time.Unix(3600, 0)); at = at.Add(time.Minute) {
		query, err := engine.NewInstantQuery(t.Context(), storage, nil, expression, at)
		if err != nil {
			t.Fatal(err)
		}
		result := query.Exec(t.Context())
		vector, err := result.Vector()
		if err != nil {
			t.Fatal(err)
		}
		held = held[:0]
		for _, sample := range vector {
			held = append(held, labelsOf(sample))
		}
		query.Close()
		for key := range since {
			if !slices.Contains(held, key) {
				delete(since, key)
			}
		}
		for _, key := range held {
			if _, was := since[key]; !was {
				since[key] = at
			}
			if at.Sub(since[key]) >= hold {
				return true
			}
		}
	}
	return false
}

func labelsOf(sample promql.Sample) string {
	return labels.NewBuilder(sample.Metric).Del(labels.MetricName).Labels().String()
}
