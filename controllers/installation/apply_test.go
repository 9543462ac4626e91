package installation

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func owner(text string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "it"}, Data: map[string]string{ManifestsKey: text}}
}

// What is referred to comes first, and all of it is in the namespace of its owner. (The tests of the
// chart apply manifests with an API server.)
func TestManifests(t *testing.T) {
	const head = "apiVersion: wamp-operator.io/v1alpha1\nkind: "
	have, err := manifests(owner(head + "WampProcedure\nmetadata: {name: p}\n---\n---\n" + head + "WampRealm\nmetadata: {name: r, namespace: apps}\n---\n" + head + "WampCluster\nmetadata: {name: c}\n"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, object := range have {
		names = append(names, object.GetNamespace()+"/"+object.GetName())
	}
	if strings.Join(names, " ") != "apps/c apps/r apps/p" {
		t.Errorf("order %v", names)
	}
}

// A manifest that cannot be meant is refused with its place, before anything is applied.
func TestManifestsRefused(t *testing.T) {
	const head = "apiVersion: wamp-operator.io/v1alpha1\nkind: "
	for says, text := range map[string]string{
		"document 2 of manifests.yaml has the kind Secret of v1":      head + "WampCluster\nmetadata: {name: c}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\n",
		"document 1 of manifests.yaml has no metadata.name":           head + "WampRealm\n",
		"WampRealm r is for the namespace other: an owner has to be":  head + "WampRealm\nmetadata: {name: r, namespace: other}\n",
		"document 1 of manifests.yaml: error converting YAML to JSON": "a: b: c\n",
	} {
		if _, err := manifests(owner(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}
