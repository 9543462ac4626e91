package chart

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// effects has for each value what to set it to, what has to be set for it to matter, and where what it
// does shows: an object, and a piece of its text; with ! a piece that must be gone, or the whole object.
var effects = map[string]struct{ set, with, object, text string }{
	"image.repository":                   {`"example.com/o"`, "", "Deployment wamp-operator", "image: example.com/o:"},
	"image.tag":                          {`"1.2.3"`, "", "Deployment wamp-operator", "wamp-operator:1.2.3"},
	"image.digest":                       {`"` + digest + `"`, "", "Deployment wamp-operator", "wamp-operator:0.1.0@" + digest},
	"image.pullPolicy":                   {`"Always"`, "", "Deployment wamp-operator", "imagePullPolicy: Always"},
	"router.image.repository":            {`"example.com/r"`, "", "Deployment wamp-operator", "--router-image=example.com/r:"},
	"router.image.tag":                   {`"1.2.3"`, "", "Deployment wamp-operator", "wamp-router:1.2.3"},
	"router.image.digest":                {`"` + digest + `"`, "", "Deployment wamp-operator", "wamp-router:0.1.0@" + digest},
	"imagePullSecrets":                   {`["registry"]`, "", "Deployment wamp-operator", "imagePullSecrets:\n      - name: registry"},
	"watchNamespaces":                    {`["one"]`, "", "Deployment wamp-operator", "--watch-namespaces=one"},
	"logLevel":                           {`"debug"`, "", "Deployment wamp-operator", "--log-level=debug"},
	"crds.install":                       {`false`, "", "!CustomResourceDefinition wampclusters.wamp-operator.io", ""},
	"crds.keep":                          {`false`, "", "CustomResourceDefinition wampclusters.wamp-operator.io", "!helm.sh/resource-policy"},
	"serviceAccount.name":                {`"other"`, "", "Deployment wamp-operator", "serviceAccountName: other"},
	"serviceAccount.annotations":         {`{"a":"b"}`, "", "ServiceAccount wamp-operator", "annotations:\n    a: b"},
	"rbac.aggregate":                     {`false`, "", "!ClusterRole wamp-operator-edit", ""},
	"replicas":                           {`3`, "", "Deployment wamp-operator", "replicas: 3"},
	"podDisruptionBudget.enabled":        {`false`, "replicas=2", "!PodDisruptionBudget wamp-operator", ""},
	"resources":                          {`{"limits":{"cpu":"1"}}`, "", "Deployment wamp-operator", "cpu: \"1\""},
	"nodeSelector":                       {`{"disk":"ssd"}`, "", "Deployment wamp-operator", "nodeSelector:\n        disk: ssd"},
	"tolerations":                        {`[{"key":"a"}]`, "", "Deployment wamp-operator", "tolerations:\n      - key: a"},
	"affinity":                           {`{"podAffinity":{}}`, "", "Deployment wamp-operator", "affinity:\n        podAffinity: {}"},
	"topologySpreadConstraints":          {`[{"maxSkew":2,"topologyKey":"zone","whenUnsatisfiable":"DoNotSchedule"}]`, "replicas=2", "Deployment wamp-operator", "topologyKey: zone"},
	"priorityClassName":                  {`"high"`, "", "Deployment wamp-operator", "priorityClassName: high"},
	"podLabels":                          {`{"team":"a"}`, "", "Deployment wamp-operator", "team: a"},
	"podAnnotations":                     {`{"b":"c"}`, "", "Deployment wamp-operator", "b: c"},
	"extraArgs":                          {`["--a=b"]`, "", "Deployment wamp-operator", "- --a=b"},
	"extraEnv":                           {`[{"name":"A","value":"b"}]`, "", "Deployment wamp-operator", "- name: A\n          value: b"},
	"probes.liveness":                    {`{"failureThreshold":7}`, "", "Deployment wamp-operator", "failureThreshold: 7"},
	"probes.readiness":                   {`{"failureThreshold":8}`, "", "Deployment wamp-operator", "failureThreshold: 8"},
	"networkPolicy.enabled":              {`false`, "", "!NetworkPolicy wamp-operator", ""},
	"networkPolicy.metricsFrom":          {`[{"podSelector":{}}]`, "", "NetworkPolicy wamp-operator", "podSelector: {}"},
	"metrics.enabled":                    {`false`, "", "!Service wamp-operator-metrics", ""},
	"metrics.port":                       {`9999`, "", "Deployment wamp-operator", "--metrics-bind-address=:9999"},
	"metrics.secure":                     {`false`, "", "!ClusterRole wamp-operator-metrics-reader", ""},
	"metrics.serviceMonitor.enabled":     {`true`, "", "ServiceMonitor wamp-operator", "scheme: https"},
	"metrics.serviceMonitor.labels":      {`{"a":"b"}`, "metrics.serviceMonitor.enabled=true", "ServiceMonitor wamp-operator", "a: b"},
	"metrics.serviceMonitor.interval":    {`"7s"`, "metrics.serviceMonitor.enabled=true", "ServiceMonitor wamp-operator", "interval: 7s"},
	"metrics.prometheusRule.enabled":     {`true`, "", "PrometheusRule wamp-operator", "alert: WampClusterDown"},
	"metrics.prometheusRule.labels":      {`{"a":"b"}`, "metrics.prometheusRule.enabled=true", "PrometheusRule wamp-operator", "a: b"},
	"metrics.prometheusRule.alertLabels": {`{"team":"a"}`, "metrics.prometheusRule.enabled=true", "PrometheusRule wamp-operator", "severity: critical\n        team: a"},
	"metrics.dashboard.enabled":          {`true`, "", "ConfigMap wamp-operator-dashboard", "wamp_router_calls_total"},
	"metrics.dashboard.labels":           {`{"a":"b"}`, "metrics.dashboard.enabled=true", "ConfigMap wamp-operator-dashboard", "a: b"},
	"metrics.dashboard.annotations":      {`{"a":"b"}`, "metrics.dashboard.enabled=true", "ConfigMap wamp-operator-dashboard", "a: b"},
	"cluster.enabled":                    {`true`, "", "Job wamp-operator-cluster", "--configmap=wamp-operator-system/wamp-operator-cluster"},
	"cluster.name":                       {`"demo"`, "cluster.enabled=true", "ConfigMap wamp-operator-cluster", "name: demo"},
	"cluster.spec":                       {`{"replicas":5}`, "cluster.enabled=true", "ConfigMap wamp-operator-cluster", "replicas: 5"},
	"cluster.realms":                     {`{"r":{}}`, "cluster.enabled=true", "ConfigMap wamp-operator-cluster", "realm: r"},
	"cluster.procedures":                 {`{"p":{"uri":"com.p"}}`, "cluster.enabled=true", "ConfigMap wamp-operator-cluster", "uri: com.p"},
}

const digest = "sha256:0123456789012345678901234567890123456789012345678901234567890123"

// Every value has an effect, and one that is tested.
func TestEveryValue(t *testing.T) {
	data, err := os.ReadFile("values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var values map[string]any
	if err := yaml.Unmarshal(data, &values); err != nil {
		t.Fatal(err)
	}
	tested := map[string]bool{}
	leaves(values, "", func(path string) {
		for known := range effects {
			if path == known || strings.HasPrefix(path, known+".") {
				tested[known] = true
				return
			}
		}
		t.Errorf("%s is in values.yaml and not among the effects that are tested", path)
	})
	for _, path := range slices.Sorted(maps.Keys(effects)) {
		e := effects[path]
		if !tested[path] {
			t.Errorf("%s is not in values.yaml", path)
			continue
		}
		t.Run(path, func(t *testing.T) {
			var with []string
			if e.with != "" {
				with = []string{"--set", e.with}
			}
			without := text(t, strings.TrimPrefix(e.object, "!"), with...)
			have := text(t, strings.TrimPrefix(e.object, "!"), append(with, "--set-json", path+"="+e.set)...)
			switch {
			case strings.HasPrefix(e.object, "!"):
				if without == "" || have != "" {
					t.Errorf("%s: before\n%s\nafter\n%s", e.object, without, have)
				}
			case strings.HasPrefix(e.text, "!"):
				if gone := e.text[1:]; !strings.Contains(without, gone) || strings.Contains(have, gone) {
					t.Errorf("%q is still there:\n%s", gone, have)
				}
			case strings.Contains(without, e.text) || !strings.Contains(have, e.text):
				t.Errorf("%q is not what it changes:\n%s", e.text, have)
			}
		})
	}
}

func leaves(values map[string]any, prefix string, visit func(string)) {
	for key, v := range values {
		if m, ok := v.(map[string]any); ok && len(m) > 0 {
			leaves(m, prefix+key+".", visit)
		} else {
			visit(prefix + key)
		}
	}
}

// rendered keeps what flags give: half of the renderings are of the same few.
var rendered = map[string][]*unstructured.Unstructured{}

// text renders one object as YAML; nothing when there is none.
func text(t *testing.T, object string, flags ...string) string {
	t.Helper()
	objects, known := rendered[strings.Join(flags, " ")]
	if !known {
		out, err := helm(t, append([]string{"template", "wamp-operator", ".", "--namespace", "wamp-operator-system"}, flags...)...)
		if err != nil {
			t.Fatalf("%s", out)
		}
		objects = split(t, out)
		rendered[strings.Join(flags, " ")] = objects
	}
	i := slices.IndexFunc(objects, func(u *unstructured.Unstructured) bool { return u.GetKind()+" "+u.GetName() == object })
	if i < 0 {
		return ""
	}
	data, err := yaml.Marshal(objects[i].Object)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// One operator has no budget and no spread; without a memory limit there is nothing to tell Go.
func TestSingle(t *testing.T) {
	if find(t, render(t), "PodDisruptionBudget", "wamp-operator", nil) {
		t.Error("a single operator has a PodDisruptionBudget: its node could not be drained")
	}
	single, two := text(t, "Deployment wamp-operator"), text(t, "Deployment wamp-operator", "--set", "replicas=2")
	if strings.Contains(single, "topologySpread") || !strings.Contains(two, "topologySpread") {
		t.Errorf("spread of one:\n%s", single)
	}
	if !strings.Contains(single, "GOMEMLIMIT") || strings.Contains(text(t, "Deployment wamp-operator", "--set", "resources.limits=null"), "GOMEMLIMIT") {
		t.Error("GOMEMLIMIT does not follow limits.memory")
	}
}

// A WampCluster where nobody looks after it is refused.
func TestClusterOutsideWatchNamespaces(t *testing.T) {
	out, err := helm(t, "template", "wamp-operator", ".", "--namespace", "here", "--set", "cluster.enabled=true,watchNamespaces={there}")
	if err == nil || !strings.Contains(string(out), "watchNamespaces does not name") {
		t.Errorf("%v\n%s", err, out)
	}
}
