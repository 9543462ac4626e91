package snapshot

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	return document{generation: object.GetGeneration(), content: append([]byte(separator), body...), hash: bodyHash(body)}
}

// separator is the line before every document. No line in a document is like it: their strings
// have no line feeds.
const separator = "---\n"

func bodyHash(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:8])
}

// parse gives the hashes of the documents in the content of a snapshot. What does not look like
// one is left out: it is as if no router served it.
func parse(content []byte) map[ObjectKey]string {
	parts := bytes.Split(append([]byte("\n"), content...), []byte("\n"+separator))
	documents := make(map[ObjectKey]string, len(parts))
	for i, body := range parts[1:] {
		if i < len(parts)-2 {
			body = append(body[:len(body):len(body)], '\n') // Split took it
		}
		var object metav1.PartialObjectMetadata
		if err := yaml.Unmarshal(body, &object); err != nil || object.Name == "" {
			continue
		}
		documents[ObjectKey{Kind: object.Kind, NamespacedName: client.ObjectKeyFromObject(&object)}] = bodyHash(body)
	}
	return documents
}
