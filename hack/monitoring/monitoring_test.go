package monitoring

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/yaml"

	_ "github.com/wamp-operator/wamp-operator/controllers" // with what controller-runtime registers
	operator "github.com/wamp-operator/wamp-operator/controllers/metrics"
	"github.com/wamp-operator/wamp-operator/router"
)

// target are the labels that Prometheus adds to what it reads, by the ServiceMonitor and the PodMonitors.
var target = []string{"job", "namespace", "pod", "instance", "container", "endpoint", "service", "wamp_cluster"}

// description has what a Desc tells only as a text.
var description = regexp.MustCompile(`fqName: "([^"]+)".*variableLabels: \{([^}]*)\}`)

// exposed has the labels of every metric by name.
func exposed(t *testing.T) map[string][]string {
	t.Helper()
	registry, ok := metrics.Registry.(prometheus.Collector)
	if !ok {
		t.Fatal("the operator's registry does not describe its metrics")
	}
	known := map[string][]string{"up": {}}
	for _, describe := range []func(chan<- *prometheus.Desc){
		router.DescribeMetrics, (&operator.Collector{}).Describe, operator.Build{}.Describe, registry.Describe,
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}).Describe, collectors.NewGoCollector().Describe,
	} {
		descriptions := make(chan *prometheus.Desc)
		go func() { describe(descriptions); close(descriptions) }()
		for d := range descriptions {
			m := description.FindStringSubmatch(d.String())
			if m == nil {
				t.Fatalf("description %s", d)
			}
			var names []string
			for name := range strings.SplitSeq(m[2], ",") {
				names = append(names, strings.TrimSpace(strings.TrimPrefix(name, "c(")))
			}
			known[m[1]] = names
			known[m[1]+"_bucket"] = append([]string{"le"}, names...) // when it is a histogram
		}
	}
	return known
}

// check parses an expression and looks for every name in it among those that there are.
func check(t *testing.T, where, expression string, known map[string][]string) {
	t.Helper()
	// What Grafana puts in stands for a duration or a pattern.
	expression = strings.NewReplacer("$__rate_interval", "5m", "$namespace", ".*", "$cluster", ".*").Replace(expression)
	parsed, err := parser.ParseExpr(expression)
	if err != nil {
		t.Errorf("%s: %v in\n%s", where, err, expression)
		return
	}
	allowed := slices.Clone(target)
	var grouping []string
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			names, there := known[n.Name]
			if !there {
				t.Errorf("%s: nothing has the metric %q", where, n.Name)
			}
			allowed = append(allowed, names...)
			for _, m := range n.LabelMatchers {
				if m.Name != labels.MetricName && !slices.Contains(target, m.Name) && !slices.Contains(names, m.Name) {
					t.Errorf("%s: %s has no label %q", where, n.Name, m.Name)
				}
			}
		case *parser.AggregateExpr:
			grouping = append(grouping, n.Grouping...)
		}
		return nil
	})
	for _, label := range grouping {
		if !slices.Contains(allowed, label) {
			t.Errorf("%s: groups by %q, which none of its metrics has", where, label)
		}
	}
}

type rules struct {
	Groups []struct {
		Rules []struct {
			Alert, Expr, For    string
			Labels, Annotations map[string]string
		}
	}
}

// labelUse finds the labels that an annotation is filled with.
var labelUse = regexp.MustCompile(`\$labels\.(\w+)`)

// Every alert can fire, and says what it means and what to do.
func TestAlerts(t *testing.T) {
	var file rules
	read(t, "../../charts/wamp-operator/files/alerts.yaml", &file)
	known, seen := exposed(t), map[string]bool{}
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			check(t, rule.Alert, rule.Expr, known)
			if seen[rule.Alert] || rule.Alert == "" {
				t.Errorf("two alerts %q", rule.Alert)
			}
			seen[rule.Alert] = true
			if rule.For == "" || !slices.Contains([]string{"critical", "warning"}, rule.Labels["severity"]) {
				t.Errorf("%s: for %q, severity %q", rule.Alert, rule.For, rule.Labels["severity"])
			}
			for _, about := range []string{"summary", "description", "runbook"} {
				if rule.Annotations[about] == "" {
					t.Errorf("%s has no %s", rule.Alert, about)
				}
			}
			for _, text := range rule.Annotations {
				for _, use := range labelUse.FindAllStringSubmatch(text, -1) {
					if left := remaining(t, rule.Expr); left != nil && !slices.Contains(left, use[1]) {
						t.Errorf("%s: the label %s does not come out of its expression", rule.Alert, use[1])
					}
				}
			}
		}
	}
	if len(seen) == 0 {
		t.Error("there are no alerts")
	}
}

// remaining are the labels that the outermost aggregation leaves; nil when there is none.
func remaining(t *testing.T, expression string) (names []string) {
	t.Helper()
	parsed, err := parser.ParseExpr(expression)
	if err != nil {
		return nil
	}
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		if n, ok := node.(*parser.AggregateExpr); ok && names == nil {
			names = n.Grouping
		}
		return nil
	})
	return names
}

// Every panel of the dashboard can show something.
func TestDashboard(t *testing.T) {
	data, err := os.ReadFile("../../charts/wamp-operator/files/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			ID          int
			Type, Title string
			Targets     []struct{ Expr, LegendFormat string }
		}
		Templating struct {
			List []struct{ Name, Definition string }
		}
	}
	if err := json.Unmarshal(data, &dashboard); err != nil {
		t.Fatal(err)
	}
	known, ids := exposed(t), map[int]bool{}
	for _, panel := range dashboard.Panels {
		if ids[panel.ID] {
			t.Errorf("two panels with the id %d", panel.ID)
		}
		ids[panel.ID] = true
		if panel.Type != "row" && len(panel.Targets) == 0 {
			t.Errorf("%s shows nothing", panel.Title)
		}
		for _, target := range panel.Targets {
			check(t, panel.Title, target.Expr, known)
			left := remaining(t, strings.NewReplacer("$__rate_interval", "5m").Replace(target.Expr))
			for _, use := range regexp.MustCompile(`{{(\w+)}}`).FindAllStringSubmatch(target.LegendFormat, -1) {
				if !slices.Contains(left, use[1]) {
					t.Errorf("%s: the label %s does not come out of %s", panel.Title, use[1], target.Expr)
				}
			}
		}
	}
	for _, v := range dashboard.Templating.List {
		if m := regexp.MustCompile(`^label_values\((\w+)`).FindStringSubmatch(v.Definition); m != nil {
			check(t, v.Name, m[1], known)
		}
	}
}

// Every metric of the routers and of the operator's own is looked at somewhere, or left out on purpose.
func TestNothingForgotten(t *testing.T) {
	var asked strings.Builder
	for _, path := range []string{"../../charts/wamp-operator/files/dashboard.json", "../../charts/wamp-operator/files/alerts.yaml"} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		asked.Write(data)
	}
	leftOut := []string{
		"wamp_operator_events_left_out_total", // an event says it too
		"wamp_router_limit",                   // what is configured
		"wamp_router_retained_events",         // their memory is shown
		"wamp_router_history_events",          // likewise
		"wamp_router_sessions_refused_total",  // rare, and in the log with the name
	}
	for name := range exposed(t) {
		own := strings.HasPrefix(name, "wamp_") && !strings.HasSuffix(name, "_bucket")
		if own && !slices.Contains(leftOut, name) && !strings.Contains(asked.String(), name) {
			t.Errorf("neither an alert nor the dashboard asks for %s", name)
		}
	}
}

func read(t *testing.T, path string, out any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, out); err != nil {
		t.Fatal(err)
	}
}
