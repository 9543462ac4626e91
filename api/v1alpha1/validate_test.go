package v1alpha1

import (
	"bytes"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"
)

type document interface {
	Default()
	Validate() error
	GetName() string
	GetAnnotations() map[string]string
}

// read gives the realms and procedures of a file, and the clusters that a router may have to refuse.
func read(t *testing.T, path string) (out []document) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range bytes.Split(data, []byte("\n---\n")) {
		var kind struct {
			Kind     string `json:"kind"`
			Metadata struct {
				Annotations map[string]string `json:"annotations"`
			} `json:"metadata"`
		}
		if err := yaml.Unmarshal(part, &kind); err != nil {
			t.Fatal(err)
		}
		if kind.Metadata.Annotations["only"] == "server" {
			continue // Go may not even hold such a value
		}
		var d document
		switch kind.Kind {
		case KindWampRealm:
			d = &WampRealm{}
		case KindWampProcedure:
			d = &WampProcedure{}
		case KindWampCluster:
			d = &WampCluster{}
		default:
			continue
		}
		if err := yaml.Unmarshal(part, d); err != nil {
			t.Fatalf("%v in\n%s", err, part)
		}
		if says := d.GetAnnotations()["says"]; kind.Kind == KindWampCluster && says != "" &&
			!strings.HasPrefix(says, "spec.replicas|") && !strings.HasPrefix(says, "spec.partitionPolicy|") {
			continue // routers do not read that
		}
		out = append(out, d)
	}
	return out
}

// A router that reads files refuses what the API server refuses, at the same path and in the same
// words. The test of the API server in controllers/envtest reads the same file.
func TestValidateRefusesWhatTheServerRefuses(t *testing.T) {
	n := 0
	for _, d := range read(t, "testdata/refused.yaml") {
		annotations := d.GetAnnotations()
		n++
		d.Default()
		err := d.Validate()
		if err == nil {
			t.Errorf("%s is not refused", d.GetName())
			continue
		}
		path, says, found := strings.Cut(annotations["says"], "|")
		if !found {
			path, says = "", path
		}
		if v := annotations["validate"]; v != "" {
			says = v
		}
		if !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s is refused with %q, want %q at %s", d.GetName(), err, says, path)
		}
		var all utilerrors.Aggregate
		if !errors.As(err, &all) {
			t.Fatalf("%s: the error is a %T, want an Aggregate", d.GetName(), err)
		}
		for _, e := range all.Errors() {
			var at *field.Error
			if !errors.As(e, &at) || at.Field == "" || at.Detail == "" {
				t.Errorf("%s: %#v names no field or says nothing", d.GetName(), e)
			}
		}
	}
	if n < 20 {
		t.Fatalf("only %d documents were checked", n)
	}
}

func TestValidateAcceptsWhatMakesSense(t *testing.T) {
	for _, d := range read(t, "testdata/accepted.yaml") {
		d.Default()
		if err := d.Validate(); err != nil {
			t.Errorf("%s is refused: %v", d.GetName(), err)
		}
	}
}

// Lengths are bounded in characters, not octets, as the schema has it.
func TestValidateLengths(t *testing.T) {
	p := &WampProcedure{}
	p.Name, p.Spec.ClusterRef.Name, p.Spec.Realm = "p", "demo", "realm1"
	p.Default()
	p.Spec.URI = strings.Repeat("ü", MaxURILength)
	if err := p.Validate(); err != nil {
		t.Errorf("a URI of %d characters is refused: %v", MaxURILength, err)
	}
	p.Spec.URI += "x"
	if err := p.Validate(); err == nil || !strings.Contains(err.Error(), "write at most 255") {
		t.Errorf("a URI of %d characters: %v", MaxURILength+1, err)
	}
}

// Default twice is Default once, and it fills in every default of the schema.
func TestDefault(t *testing.T) {
	p := &WampProcedure{}
	p.Default()
	once := p.DeepCopy()
	p.Default()
	if !reflect.DeepEqual(p, once) {
		t.Error("Default is not idempotent")
	}
	if s := p.Spec; s.Match != MatchExact || s.Invoke != InvokeSingle || s.Enforcement != EnforceRequire || *s.Standbys != 1 {
		t.Errorf("defaults of a procedure: %+v", s)
	}
	zero := int32(0)
	p.Spec.Standbys = &zero
	p.Default()
	if *p.Spec.Standbys != 0 {
		t.Error("standbys: 0 was overwritten")
	}
	r := &WampRealm{}
	r.Spec.Roles = []Role{{Name: "a", Permissions: []Permission{{URI: "com.example"}}}}
	r.Default()
	if r.Spec.Roles[0].Permissions[0].Match != PatternExact {
		t.Error("the match of a permission has no default")
	}
}
