package resource

import (
	"encoding/json"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

const image = "example.com/wamp-router:1"

// demo is a cluster as the API server gives it back, with every default filled in.
func demo() *v1alpha1.WampCluster {
	return &v1alpha1.WampCluster{
		ObjectMeta: metav1.ObjectMeta{Name: "demo", Namespace: "apps", UID: "demo-uid", Generation: 1},
		Spec: v1alpha1.WampClusterSpec{
			Replicas:          ptr.To[int32](3),
			Listener:          v1alpha1.Listener{Port: 8080},
			AllowedNamespaces: v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesFromSame},
			Service:           v1alpha1.ServiceShape{Type: "ClusterIP"},
		},
	}
}

// as turns an apply configuration into the type of the API, which is easier to look into.
func as[T any](t *testing.T, desired any) T {
	t.Helper()
	var out T
	data, err := json.Marshal(desired)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
