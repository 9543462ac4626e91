package docs

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router/config"
)

// What the pages show in YAML is taken as it stands: a reader copies it.
func TestPagesShowWhatIsTaken(t *testing.T) {
	pages, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, page := range append(pages, "../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for i, block := range yamlBlock.FindAllStringSubmatch(string(text), -1) {
			if !strings.Contains(block[1], "wamp-operator.io/v1alpha1") {
				continue
			}
			shown++
			for _, document := range bytes.Split([]byte(block[1]), []byte("\n---\n")) {
				checkDocument(t, page, i+1, document)
			}
		}
	}
	if shown < 5 {
		t.Errorf("%d blocks of resources are shown; has their form changed?", shown)
	}
}

func checkDocument(t *testing.T, page string, block int, document []byte) {
	t.Helper()
	var kind struct {
		Kind string `json:"kind"`
	}
	err := yaml.Unmarshal(document, &kind)
	switch {
	case err != nil:
	case kind.Kind == v1alpha1.KindWampCluster:
		err = yaml.UnmarshalStrict(document, &v1alpha1.WampCluster{})
	case kind.Kind == v1alpha1.KindWampProcedure:
		// Its realm is declared elsewhere.
		err = yaml.UnmarshalStrict(document, &v1alpha1.WampProcedure{})
	case kind.Kind == v1alpha1.KindWampRealm || kind.Kind == "Secret":
		_, err = config.ParseDocuments(page, document)
	}
	if err != nil {
		t.Errorf("%s, block %d: %v\n%s", page, block, err, document)
	}
}
