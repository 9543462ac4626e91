package chart

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// kustomize renders a folder of config/.
func kustomize(t *testing.T, folder string) []*unstructured.Unstructured {
	t.Helper()
	serve(t) // says how to have kubectl when it is not there
	out, err := exec.CommandContext(t.Context(), filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl"), "kustomize", "../../config/"+folder).Output()
	if err != nil {
		t.Fatal(err)
	}
	return split(t, out)
}

// documented takes the differences away that the chart's README tells: labels that say which release
// and version an object is of, what keeps the definitions, and the pod of helm test. A Namespace is
// what `helm install --create-namespace` makes.
func documented(objects []*unstructured.Unstructured) map[string]string {
	texts := map[string]string{}
	for _, u := range objects {
		if u.GetAnnotations()["helm.sh/hook"] != "" || u.GetKind() == "Namespace" {
			continue
		}
		annotations := u.GetAnnotations()
		delete(annotations, "helm.sh/resource-policy")
		u.SetAnnotations(annotations)
		strip(u.Object, "")
		data, err := yaml.Marshal(u.Object)
		if err != nil {
			panic(err)
		}
		texts[u.GetKind()+" "+u.GetName()] = string(data)
	}
	return texts
}

// strip removes labels of the release wherever there are labels, and those that all objects have.
func strip(at any, key string) {
	switch at := at.(type) {
	case map[string]any:
		if key == "labels" || key == "matchLabels" || key == "selector" {
			for _, label := range []string{"app.kubernetes.io/instance", "app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart"} {
				delete(at, label)
			}
		}
		for k, v := range at {
			strip(v, k)
		}
		if meta, ok := at["metadata"].(map[string]any); ok {
			if labels, ok := meta["labels"].(map[string]any); ok && len(labels) == 0 {
				delete(meta, "labels")
			}
		}
	case []any:
		for _, v := range at {
			strip(v, "")
		}
	}
}

// The chart and kustomize install the same, but for what the chart's README tells.
func TestSameAsKustomize(t *testing.T) {
	for _, c := range []struct{ folder, sets string }{
		{"default", ""},
		{"prometheus", "metrics.serviceMonitor.enabled=true,metrics.prometheusRule.enabled=true"},
		{"grafana", "metrics.dashboard.enabled=true"},
	} {
		want := documented(kustomize(t, c.folder))
		have := documented(render(t))
		if c.sets != "" {
			more := documented(render(t, strings.Split(c.sets, ",")...))
			maps.DeleteFunc(more, func(name, _ string) bool { return have[name] != "" })
			have = more
		}
		names := slices.Sorted(maps.Keys(want))
		if !slices.Equal(names, slices.Sorted(maps.Keys(have))) {
			t.Errorf("config/%s has %q, the chart %q", c.folder, names, slices.Sorted(maps.Keys(have)))
			continue
		}
		for name, text := range want {
			if have[name] != text {
				t.Errorf("%s differs: %s", name, difference(text, have[name]))
			}
		}
	}
}

// difference shows the first line that differs.
func difference(want, have string) string {
	w, h := strings.Split(want, "\n"), strings.Split(have, "\n")
	for i := range w {
		if i >= len(h) || w[i] != h[i] {
			return fmt.Sprintf("config/ has\n%s\nthe chart\n%s", strings.Join(w[max(0, i-3):min(len(w), i+3)], "\n"), strings.Join(h[max(0, i-3):min(len(h), i+3)], "\n"))
		}
	}
	return "the chart has more"
}
