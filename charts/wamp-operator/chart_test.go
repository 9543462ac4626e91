// Package chart tests the Helm chart: what it renders, and that it installs what config/ does.
package chart

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// helm runs helm, which `make chart-lint` puts into HELM.
func helm(t *testing.T, args ...string) ([]byte, error) {
	t.Helper()
	program := os.Getenv("HELM")
	if program == "" {
		if os.Getenv("WAMP_REQUIRE_HELM") != "" {
			t.Fatal("HELM is not set: it has to name the helm program; `make chart-lint` sets it")
		}
		t.Skip("HELM does not name the helm program; `make chart-lint` builds one")
	}
	command := exec.CommandContext(t.Context(), program, args...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	return append(out, stderr.Bytes()...), err
}

func render(t *testing.T, sets ...string) []*unstructured.Unstructured {
	t.Helper()
	args := []string{"template", "wamp-operator", ".", "--namespace", "wamp-operator-system"}
	for _, s := range sets {
		args = append(args, "--set", s)
	}
	out, err := helm(t, args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return split(t, out)
}

func split(t *testing.T, data []byte) (objects []*unstructured.Unstructured) {
	t.Helper()
	for _, part := range strings.Split("\n"+string(data), "\n---") {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(part), &u.Object); err != nil {
			t.Fatalf("%v in\n%s", err, part)
		}
		if len(u.Object) > 0 {
			objects = append(objects, u)
		}
	}
	return objects
}

// find gives the object of that kind and name; it fails where there is none, unless out is nil.
func find(t *testing.T, objects []*unstructured.Unstructured, kind, name string, out any) bool {
	t.Helper()
	for _, u := range objects {
		if u.GetKind() == kind && u.GetName() == name {
			if out != nil {
				if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, out); err != nil {
					t.Fatal(err)
				}
			}
			return true
		}
	}
	if out != nil {
		t.Fatalf("there is no %s %s", kind, name)
	}
	return false
}

var crds = []string{"wampclusters.wamp-operator.io", "wamprealms.wamp-operator.io", "wampprocedures.wamp-operator.io"}

// CRDs are in the release, so that an upgrade upgrades them, and are kept unless told otherwise.
func TestCRDs(t *testing.T) {
	for _, name := range crds {
		for _, c := range []struct {
			set       string
			there     bool
			keptByDef bool
		}{{"crds.keep=true", true, true}, {"crds.keep=false", true, false}, {"crds.install=false", false, false}} {
			objects := render(t, c.set)
			if find(t, objects, "CustomResourceDefinition", name, nil) != c.there {
				t.Errorf("%s: %s there: %v", c.set, name, !c.there)
			}
			for _, u := range objects {
				if kept := u.GetAnnotations()["helm.sh/resource-policy"] == "keep"; u.GetName() == name && kept != c.keptByDef {
					t.Errorf("%s: %s is kept: %v", c.set, name, kept)
				}
			}
		}
	}
}

// deletable is what the operator may delete: objects that a WampCluster can do without, and pods that
// its StatefulSet makes anew.
var deletable = []string{"networkpolicies", "podmonitors", "certificates", "pods"}

// The operator gets and watches Secrets by name, and never lists them; it deletes little.
func TestNarrowRights(t *testing.T) {
	var role rbacv1.ClusterRole
	find(t, render(t), "ClusterRole", "wamp-operator", &role)
	for _, rule := range role.Rules {
		for _, verb := range []string{"*", "delete", "deletecollection", "update", "escalate", "bind", "impersonate"} {
			optional := verb == "delete" && !slices.ContainsFunc(rule.Resources, func(r string) bool { return !slices.Contains(deletable, r) })
			if slices.Contains(rule.Verbs, verb) && !optional {
				t.Errorf("the operator may %s %v", verb, rule.Resources)
			}
		}
		if slices.Contains(rule.Resources, "secrets") && (slices.Contains(rule.Verbs, "list") || len(rule.Resources) > 1) {
			t.Errorf("rule %v", rule)
		}
	}
}

// The chart's copies of generated files are the generated files.
func TestGeneratedFiles(t *testing.T) {
	copies, err := filepath.Glob("files/crds/*.yaml")
	if err != nil || len(copies) != len(crds) {
		t.Fatalf("%d CRDs, %v", len(copies), err)
	}
	for _, path := range copies {
		have, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join("../../config/crd", filepath.Base(path)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(have, want) {
			t.Errorf("%s is not what config/crd has: run make manifests", path)
		}
	}
}

// All pods run in a namespace that enforces the Restricted Pod Security Standard. (TestServerTakesIt
// asks an API server about the standard; this is what goes beyond.)
func TestReadOnlyRoot(t *testing.T) {
	objects := render(t, "cluster.enabled=true")
	var deployment appsv1.Deployment
	var job batchv1.Job
	var pod corev1.Pod
	find(t, objects, "Deployment", "wamp-operator", &deployment)
	find(t, objects, "Job", "wamp-operator-cluster", &job)
	find(t, objects, "Pod", "wamp-operator-test", &pod)
	for _, spec := range []corev1.PodSpec{deployment.Spec.Template.Spec, job.Spec.Template.Spec, pod.Spec} {
		if s := spec.SecurityContext; !*s.RunAsNonRoot || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
			t.Errorf("security context %+v", s)
		}
		for _, c := range spec.Containers {
			if s := c.SecurityContext; *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || !slices.Contains(s.Capabilities.Drop, "ALL") || c.Resources.Limits.Memory().IsZero() {
				t.Errorf("container %+v", c)
			}
		}
	}
}

// With a list of namespaces the operator has roles in these, and of the cluster it reads the
// names and labels of namespaces alone.
func TestNamespaces(t *testing.T) {
	objects := render(t, "watchNamespaces={one,two}")
	for _, namespace := range []string{"one", "two"} {
		n := 0
		for _, u := range objects {
			if u.GetNamespace() == namespace && (u.GetKind() == "Role" || u.GetKind() == "RoleBinding") {
				n++
			}
		}
		if n != 2 {
			t.Errorf("%d roles and bindings in %s", n, namespace)
		}
	}
	var role rbacv1.ClusterRole
	find(t, objects, "ClusterRole", "wamp-operator", &role)
	if len(role.Rules) != 1 || !slices.Equal(role.Rules[0].Resources, []string{"namespaces"}) || slices.Contains(role.Rules[0].Verbs, "create") {
		t.Errorf("rules %+v", role.Rules)
	}
	var deployment appsv1.Deployment
	find(t, objects, "Deployment", "wamp-operator", &deployment)
	if !slices.Contains(deployment.Spec.Template.Spec.Containers[0].Args, "--watch-namespaces=one,two") {
		t.Errorf("args %v", deployment.Spec.Template.Spec.Containers[0].Args)
	}
}

// Values that cannot be meant are refused by the schema.
func TestSchemaRefuses(t *testing.T) {
	for set, says := range map[string]string{
		"image.tagg=1":                            "tagg",
		"logLevel=loud":                           "logLevel",
		"replicas=-1":                             "replicas",
		"metrics.port=80":                         "port",
		"metrics.port=8081":                       "port",
		"metrics=null":                            "metrics",
		"image.repository=null":                   "repository",
		"router=null":                             "router",
		"watchNamespaces={a,B c}":                 "watchNamespaces/1",
		"image.pullPolicy=Whenever":               "pullPolicy",
		"crds.keep=maybe":                         "keep",
		"image.digest=abc":                        "digest",
		"extraArgs={leader-elect}":                "extraArgs/0",
		"extraEnv[0].nam=A":                       "nam",
		"affinity.pod=a":                          "pod",
		"cluster.name=Demo":                       "cluster/name",
		"metrics.serviceMonitor.interval=soon":    "interval",
		"cluster.realms.realm1.clusterRef.name=a": "clusterRef",
		"networkPolicy.metricsFrom[0].pods=a":     "pods",
	} {
		out, err := helm(t, "template", "wamp-operator", ".", "--set", set)
		if err == nil || !strings.Contains(string(out), says) {
			t.Errorf("%s is not refused: %v\n%.300s", set, err, out)
		}
	}
}
