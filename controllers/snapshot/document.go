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

// clusterDocument tells routers of what size the cluster is, where partitionPolicy makes it matter to
// them; elsewhere nothing, so that scaling is no new snapshot.
func clusterDocument(door Door) []byte {
	if door.Cluster.Spec.PartitionPolicy != v1alpha1.PartitionMajority {
		return nil
	}
	return newDocument(door.Cluster, v1alpha1.KindWampCluster, struct {
		Replicas        int32                    `json:"replicas"`
		PartitionPolicy v1alpha1.PartitionPolicy `json:"partitionPolicy"`
	}{door.Routers, v1alpha1.PartitionMajority}).content
}

// separator is the line before every document. No line in a document is like it: their strings
// have no line feeds.
const separator = "---\n"

func bodyHash(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:8])
}

// written is what stands in the content of a snapshot: the hashes of the documents, and what the
// realms among them refer to.
type written struct {
	documents  map[ObjectKey]string
	references map[ObjectKey][]reference
}

// document stands for a document together with those of the values that it refers to; empty when
// there is no such document.
func (w written) document(values map[place][sha256.Size]byte, key ObjectKey) string {
	hash, refs := w.documents[key], w.references[key]
	if hash == "" || len(refs) == 0 {
		return hash
	}
	all := sha256.New()
	for _, r := range refs {
		if digest, there := values[place{r.secret, r.key}]; there {
			all.Write([]byte{1})
			all.Write(digest[:])
		} else {
			all.Write([]byte{0})
		}
	}
	return hash + " " + hex.EncodeToString(all.Sum(nil)[:8])
}

// parse reads the content of a snapshot. What does not look like a document is left out: it is as
// if no router served it.
func parse(content []byte) written {
	parts := bytes.Split(append([]byte("\n"), content...), []byte("\n"+separator))
	out := written{documents: make(map[ObjectKey]string, len(parts)), references: map[ObjectKey][]reference{}}
	for i, body := range parts[1:] {
		if i < len(parts)-2 {
			body = append(body[:len(body):len(body)], '\n') // Split took it
		}
		var object metav1.PartialObjectMetadata
		if err := yaml.Unmarshal(body, &object); err != nil || object.Name == "" || object.Kind == v1alpha1.KindWampCluster {
			continue // nor is the cluster: its own status does not ask who serves it
		}
		key := ObjectKey{Kind: object.Kind, NamespacedName: client.ObjectKeyFromObject(&object)}
		out.documents[key] = bodyHash(body)
		realm := &v1alpha1.WampRealm{}
		if key.Kind == v1alpha1.KindWampRealm && yaml.Unmarshal(body, realm) == nil {
			if refs := references(realm); len(refs) > 0 {
				out.references[key] = refs
			}
		}
	}
	return out
}
