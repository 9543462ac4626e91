package snapshot

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// document is one object as routers read it: nothing of its metadata but the names, so that a new
// label or a new status is no new snapshot.
type document struct {
	generation int64
	content    []byte
	hash       string
}

func newDocument(object client.Object, kind string, spec any) document {
	body, err := yaml.Marshal(struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Metadata   struct {
			Name      string `json:"name"`
			Namespace string `json:"namespace"`
		} `json:"metadata"`
		Spec any `json:"spec"`
	}{
		APIVersion: v1alpha1.GroupVersion.String(),
		Kind:       kind,
		Metadata: struct {
			Name      string `json:"name"`
			Namespace string `json:"namespace"`
		}{object.GetName(), object.GetNamespace()},
		Spec: spec,
	})
	if err != nil {
		// Strings, numbers and lists of them: only a change of the types could make this fail.
		panic(fmt.Sprintf("marshalling a %s: %v", kind, err))
	}
	content := append([]byte("---\n"), body...)
	sum := sha256.Sum256(content)
	return document{generation: object.GetGeneration(), content: content, hash: hex.EncodeToString(sum[:8])}
}
