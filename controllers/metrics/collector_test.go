package metrics

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// Every metric stands in the documentation, and is of a cluster.
func TestMetricsAreDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "monitoring.md"))
	if err != nil {
		t.Fatal(err)
	}
	described := make(chan *prometheus.Desc, 100)
	new(Collector).Describe(described)
	of := len(described)
	Build{}.Describe(described)
	close(described)
	count, name := 0, regexp.MustCompile(`fqName: "([^"]+)"`)
	for d := range described {
		count++
		found := name.FindStringSubmatch(d.String())
		if found == nil || !strings.Contains(string(page), "`"+found[1]+"`") {
			t.Errorf("docs/monitoring.md does not have %s", d)
		}
		if count <= of && !strings.Contains(d.String(), "wamp_cluster") {
			t.Errorf("%s is of no cluster", d)
		}
	}
	if count != 10 {
		t.Errorf("%d metrics are described", count)
	}
}

// An operator that waits for the lease shows nothing: two would count everything twice.
func TestWhoWaitsShowsNothing(t *testing.T) {
	registry := prometheus.NewRegistry()
	if err := registry.Register(&Collector{Elected: make(chan struct{})}); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil || len(families) > 0 {
		t.Errorf("%d metrics, %v", len(families), err)
	}
}
