package chart

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	"github.com/wamp-operator/wamp-operator/controllers"
)

// server is an API server without nodes and controllers. It is started for the first test that wants it.
type server struct {
	config      *rest.Config
	admin       client.Client
	kubeconfig  string
	environment *envtest.Environment
}

var started = sync.OnceValues(start)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	code := m.Run()
	if os.Getenv("KUBEBUILDER_ASSETS") != "" {
		if s, err := started(); err == nil {
			_ = os.Remove(s.kubeconfig)
			if err := s.environment.Stop(); err != nil {
				fmt.Fprintln(os.Stderr, "stopping the API server:", err)
			}
		}
	}
	os.Exit(code)
}

func start() (*server, error) {
	s := &server{environment: &envtest.Environment{}}
	var err error
	if s.config, err = s.environment.Start(); err != nil {
		return nil, err
	}
	user, err := s.environment.AddUser(envtest.User{Name: "admin", Groups: []string{"system:masters"}}, s.config)
	if err != nil {
		return nil, err
	}
	data, err := user.KubeConfig()
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp("", "kubeconfig-*")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	s.kubeconfig = file.Name()
	if _, err := file.Write(data); err != nil {
		return nil, err
	}
	s.config = user.Config()
	s.admin, err = client.New(s.config, client.Options{Scheme: controllers.NewScheme()})
	return s, err
}

func serve(t *testing.T) *server {
	t.Helper()
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		if os.Getenv("WAMP_REQUIRE_HELM") != "" {
			t.Fatal("KUBEBUILDER_ASSETS is not set: it has to name the folder with etcd, kube-apiserver and kubectl; `make chart-lint` sets it")
		}
		t.Skip("KUBEBUILDER_ASSETS does not name a folder with etcd, kube-apiserver and kubectl; `make chart-lint` builds them")
	}
	s, err := started()
	if err != nil {
		t.Fatal("starting the API server: ", err)
	}
	return s
}

// namespace makes a namespace for pods of the Restricted Pod Security Standard alone.
func (s *server) namespace(t *testing.T, name string) {
	t.Helper()
	err := s.admin.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
		"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted",
	}}})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
}

// kubectl gives all that it printed.
func (s *server) kubectl(ctx context.Context, stdin []byte, args ...string) (string, error) {
	command := exec.CommandContext(ctx, filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl"), args...)
	command.Env = append(os.Environ(), "KUBECONFIG="+s.kubeconfig)
	command.Stdin = bytes.NewReader(stdin)
	out, err := command.CombinedOutput()
	return string(out), err
}

// monitoringCRD is as much of a kind of the Prometheus Operator as these tests need.
const monitoringCRD = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %ss.monitoring.coreos.com}
spec:
  group: monitoring.coreos.com
  scope: Namespaced
  names: {kind: %s, plural: %ss}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`

// What the chart renders, and config/default, is taken by an API server that is asked to be strict, and
// no pod would violate the Restricted Pod Security Standard.
func TestServerTakesIt(t *testing.T) {
	s := serve(t)
	for _, namespace := range []string{"wamp-operator-system", "one", "two"} {
		s.namespace(t, namespace)
	}
	for _, kind := range []string{"ServiceMonitor", "PrometheusRule"} {
		lower := strings.ToLower(kind)
		crd := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(fmt.Sprintf(monitoringCRD, lower, kind, lower)), &crd.Object); err != nil {
			t.Fatal(err)
		}
		if err := s.admin.Create(t.Context(), crd); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := s.kubectl(t.Context(), nil, "wait", "--for=condition=Established", "--timeout=20s",
		"crd/servicemonitors.monitoring.coreos.com", "crd/prometheusrules.monitoring.coreos.com"); err != nil {
		t.Fatal(out)
	}
	take := func(t *testing.T, manifests []byte, args ...string) {
		t.Helper()
		out, err := s.kubectl(t.Context(), manifests, append([]string{"apply", "--dry-run=server", "--validate=strict"}, args...)...)
		if err != nil || strings.Contains(out, "violate") {
			t.Errorf("%v\n%s", err, out)
		}
	}
	for name, sets := range combinations {
		t.Run(name, func(t *testing.T) {
			args := []string{"template", "wamp-operator", ".", "--namespace", "wamp-operator-system"}
			for _, set := range sets {
				args = append(args, "--set-json", set)
			}
			manifests, err := helm(t, args...)
			if err != nil {
				t.Fatalf("%s", manifests)
			}
			take(t, manifests, "-f", "-")
		})
	}
	for _, folder := range []string{"default", "prometheus", "grafana"} {
		t.Run("kustomize "+folder, func(t *testing.T) { take(t, nil, "-k", "../../config/"+folder) })
	}
}

// combinations of values that change what is rendered.
var combinations = map[string][]string{
	"defaults":   nil,
	"namespaces": {`watchNamespaces=["one","two"]`, `rbac.aggregate=false`, `metrics.secure=false`},
	"bare": {`metrics.enabled=false`, `crds.install=false`, `networkPolicy.enabled=false`, `resources=null`, `logLevel="debug"`,
		`metrics.serviceMonitor.enabled=true`, `metrics.prometheusRule.enabled=true`, `metrics.dashboard.enabled=true`},
	"all": {`replicas=3`, `image.digest="sha256:` + strings.Repeat("0", 64) + `"`, `imagePullSecrets=["registry"]`,
		`nodeSelector={"disk":"ssd"}`, `tolerations=[{"key":"a","operator":"Exists"}]`, `priorityClassName="system-cluster-critical"`,
		`affinity={"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"a","operator":"Exists"}]}]}}}`,
		`extraArgs=["--log-level=debug"]`, `extraEnv=[{"name":"A","value":"b"}]`, `podLabels={"team":"a"}`, `podAnnotations={"b":"c"}`,
		`networkPolicy.metricsFrom=[{"namespaceSelector":{"matchLabels":{"a":"b"}}}]`, `serviceAccount={"name":"other","annotations":{"a":"b"}}`,
		`metrics.serviceMonitor={"enabled":true,"labels":{"a":"b"},"interval":"30s"}`, `metrics.dashboard={"enabled":true,"annotations":{"a":"b"}}`,
		`metrics.prometheusRule={"enabled":true,"labels":{"a":"b"},"alertLabels":{"team":"a"}}`,
		`cluster={"enabled":true,"spec":{"replicas":2},"realms":{"realm1":{"anonymous":{"role":"guest"}}},"procedures":{"a":{"realm":"realm1","uri":"com.a"}}}`},
	"spread": {`replicas=2`, `podDisruptionBudget.enabled=false`,
		`topologySpreadConstraints=[{"maxSkew":1,"topologyKey":"zone","whenUnsatisfiable":"DoNotSchedule","labelSelector":{"matchLabels":{"a":"b"}}}]`},
}
