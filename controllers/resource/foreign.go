package resource

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// foreign begins an object of another project's kind. Their Go types are not worth the modules that
// they would bring along: what is written of them are a few fields.
func foreign(kind schema.GroupVersionKind, cluster *v1alpha1.WampCluster, name string, spec map[string]any) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	object.SetGroupVersionKind(kind)
	object.SetNamespace(cluster.Namespace)
	object.SetName(name)
	object.SetLabels(Labels(cluster.Name))
	owner := ownerReference(cluster)
	_ = unstructured.SetNestedSlice(object.Object, []any{map[string]any{
		"apiVersion":         *owner.APIVersion,
		"kind":               *owner.Kind,
		"name":               *owner.Name,
		"uid":                string(*owner.UID),
		"controller":         *owner.Controller,
		"blockOwnerDeletion": *owner.BlockOwnerDeletion,
	}}, "metadata", "ownerReferences") // metadata is a map: it cannot fail
	return object
}

// plain is a map of strings as unstructured objects have it.
func plain(in map[string]string) map[string]any {
	out := make(map[string]any, len(in))
	for key, value := range in {
		out[key] = value
	}
	return out
}
