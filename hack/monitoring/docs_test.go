package monitoring

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wamp-operator/wamp-operator/router"
)

var update = flag.Bool("update", false, "write docs/metrics.md anew")

// help and labels of a Desc, which tells them only as a text.
var helpOf = regexp.MustCompile(`fqName: "([^"]+)", help: "((?:[^"\\]|\\.)*)".*variableLabels: \{([^}]*)\}`)

// docs/metrics.md lists every metric of the routers and every alert, in their own words. Write it anew with
// go test ./... -run TestDocs -update
func TestDocsListMetricsAndAlerts(t *testing.T) {
	want := page(t)
	const path = "../../docs/metrics.md"
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != want {
		t.Error("docs/metrics.md is not what the routers and the alerts say: cd hack/monitoring && go test ./... -run TestDocs -update")
	}
}

func page(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(`<!-- Written by hack/monitoring from the routers' metrics and the chart's alerts: change those. -->
# Every metric of a router, and every alert

[monitoring.md](monitoring.md) says how they are collected, and has the metrics of the operator.

## Metrics of a router

| metric | labels | says |
|---|---|---|
`)
	descriptions := make(chan *prometheus.Desc)
	go func() { router.DescribeMetrics(descriptions); close(descriptions) }()
	var lines []string
	for d := range descriptions {
		m := helpOf.FindStringSubmatch(d.String())
		if m == nil {
			t.Fatalf("description %s", d)
		}
		if !strings.HasPrefix(m[1], "wamp_") {
			continue // of Go and of the process
		}
		var names []string
		for name := range strings.SplitSeq(m[3], ",") {
			if name = strings.TrimSpace(strings.TrimPrefix(name, "c(")); name != "" {
				names = append(names, "`"+name+"`")
			}
		}
		lines = append(lines, fmt.Sprintf("| `%s` | %s | %s |\n", m[1], strings.Join(names, ", "), cell(strings.ReplaceAll(m[2], `\"`, `"`))))
	}
	slices.Sort(lines)
	b.WriteString(strings.Join(slices.Compact(lines), ""))
	b.WriteString(`
Besides there are those of the Go runtime and of the process (` + "`go_…`, `process_…`" + `).

## Alerts

The chart makes them with ` + "`metrics.prometheusRule.enabled`" + `, kustomize with ` + "`config/prometheus`" + `.

| alert | after | what it means | what to do |
|---|---|---|---|
`)
	var file rules
	read(t, "../../charts/wamp-operator/files/alerts.yaml", &file)
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			fmt.Fprintf(&b, "| `%s` (%s) | %s | %s %s | %s |\n", rule.Alert, rule.Labels["severity"], rule.For,
				cell(rule.Annotations["summary"]), cell(rule.Annotations["description"]), cell(rule.Annotations["runbook"]))
		}
	}
	return b.String()
}

// cell makes a text one cell of a table; what the alert fills in is written as a word.
func cell(text string) string {
	text = regexp.MustCompile(`\{\{ \$labels\.(\w+) \}\}`).ReplaceAllString(text, "<$1>")
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(text)
}
