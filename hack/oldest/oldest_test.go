package oldest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/install"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
)

// scheme knows the kinds of Kubernetes 1.31 itself.
var scheme = func() *runtime.Scheme {
	s := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(s))
	install.Install(s)
	return s
}()

// decode refuses fields that Kubernetes 1.31 does not know.
func decode(t *testing.T, document []byte) runtime.Object {
	t.Helper()
	serializer := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Yaml: true, Strict: true})
	object, kind, err := serializer.Decode(document, nil, nil)
	if err != nil {
		t.Errorf("%v: %v\n%.400s", kind, err, document)
	}
	return object
}

func documents(t *testing.T, data []byte, visit func([]byte)) {
	t.Helper()
	n := 0
	for reader := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data))); ; {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains("\n"+string(document), "\nkind:") {
			visit(document)
			n++
		}
	}
	if n == 0 {
		t.Error("there are no objects")
	}
}

// The API server of 1.31 takes the definitions: every word of the schemas, and every rule, with what it
// may cost, by that version's own code.
func TestDefinitions(t *testing.T) {
	files, err := filepath.Glob("../../config/crd/wamp-operator.io_*.yaml")
	if err != nil || len(files) != 3 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		object := decode(t, data)
		if object == nil {
			continue
		}
		v1 := object.(*apiextensionsv1.CustomResourceDefinition)
		apiextensionsv1.SetDefaults_CustomResourceDefinition(v1)
		apiextensionsv1.SetDefaults_CustomResourceDefinitionSpec(&v1.Spec)
		crd := &apiextensions.CustomResourceDefinition{}
		if err := apiextensionsv1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(v1, crd, nil); err != nil {
			t.Fatal(err)
		}
		crd.Status.StoredVersions = []string{"v1alpha1"}
		for _, problem := range validation.ValidateCustomResourceDefinition(context.Background(), crd) {
			t.Errorf("%s: %v", filepath.Base(file), problem)
		}
	}
}

// Kubernetes 1.31 knows every field of what the chart installs.
func TestChart(t *testing.T) {
	helm := os.Getenv("HELM")
	if helm == "" {
		if os.Getenv("WAMP_REQUIRE_HELM") != "" {
			t.Fatal("HELM is not set: it has to name the helm program; `make test-oldest` sets it")
		}
		t.Skip("HELM does not name the helm program; `make test-oldest` builds one")
	}
	rendered, err := exec.Command(helm, "template", "wamp-operator", "../../charts/wamp-operator", "--kube-version", "1.31.0",
		"--set", "replicas=2,cluster.enabled=true,metrics.dashboard.enabled=true").Output()
	if err != nil {
		t.Fatal(err)
	}
	documents(t, rendered, func(document []byte) { decode(t, document) })
	if out, err := exec.Command(helm, "template", "wamp-operator", "../../charts/wamp-operator", "--kube-version", "1.30.9").CombinedOutput(); err == nil {
		t.Errorf("helm installs it on 1.30: %.200s", out)
	}
}

// Kubernetes 1.31 knows every field of what the operator makes for a WampCluster.
func TestObjects(t *testing.T) {
	command := exec.Command("go", "run", "./hack/objects")
	command.Dir = "../.."
	command.Env = append(os.Environ(), "GOFLAGS=") // of the other module
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	documents(t, out, func(document []byte) { decode(t, document) })
}
