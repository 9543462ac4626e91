package installation

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

const (
	// LabelAppliedFrom has the name of the ConfigMap that an object was applied from.
	LabelAppliedFrom = "wamp-operator.io/applied-from"
	// fieldOwner of what Apply sets. A field that the manifests leave out is anybody's, for example
	// spec.replicas for an autoscaler.
	fieldOwner = client.FieldOwner("wamp-operator-apply")
)

// kinds that Apply takes, in the order in which it applies them.
var kinds = []string{"WampCluster", "WampRealm", "WampProcedure"}

// ManifestsKey is the key of the ConfigMap that has all manifests. They are one value, since helm leaves
// keys in a ConfigMap that came with an upgrade that failed.
const ManifestsKey = "manifests.yaml"

// Apply makes the objects whose manifests are in a ConfigMap in its namespace, and deletes
// those that it made of an earlier content. The ConfigMap owns them: Kubernetes deletes them after it.
// say is told of each object.
//
// It waits, until the context ends, for the kinds to be served.
func Apply(ctx context.Context, c client.Client, name types.NamespacedName, say func(string)) error {
	owner := &corev1.ConfigMap{}
	if err := until(ctx, func(ctx context.Context) error { return c.Get(ctx, name, owner) }); err != nil {
		return fmt.Errorf("reading the ConfigMap %s: %w", name, err)
	}
	wanted, err := manifests(owner)
	if err != nil {
		return refusal(err.Error())
	}
	for _, object := range wanted {
		what := object.GetKind() + " " + object.GetName()
		if err := until(ctx, func(ctx context.Context) error { return apply(ctx, c, owner, object.DeepCopy()) }); err != nil {
			return fmt.Errorf("applying %s: %w", what, err)
		}
		say(what + " applied")
	}
	// Last, so that a procedure that got another name is declared at every moment.
	return prune(ctx, c, owner, wanted, say)
}

// manifests reads and checks what is in the ConfigMap.
func manifests(owner *corev1.ConfigMap) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	reader := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(owner.Data[ManifestsKey])))
	for n := 1; ; n++ {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		object := &unstructured.Unstructured{}
		if err == nil {
			err = yaml.Unmarshal(document, &object.Object)
		}
		if err != nil {
			return nil, fmt.Errorf("document %d of %s: %w", n, ManifestsKey, err)
		}
		if len(object.Object) == 0 {
			continue
		}
		if object.GetAPIVersion() != v1alpha1.GroupVersion.String() || !slices.Contains(kinds, object.GetKind()) {
			return nil, fmt.Errorf("document %d of %s has the kind %s of %s: write a WampCluster, WampRealm or WampProcedure of %s",
				n, ManifestsKey, object.GetKind(), object.GetAPIVersion(), v1alpha1.GroupVersion)
		}
		if object.GetName() == "" {
			return nil, fmt.Errorf("document %d of %s has no metadata.name", n, ManifestsKey)
		}
		if is := object.GetNamespace(); is != "" && is != owner.Namespace {
			return nil, fmt.Errorf("%s %s is for the namespace %s: an owner has to be in the same namespace, %s; leave metadata.namespace out",
				object.GetKind(), object.GetName(), is, owner.Namespace)
		}
		object.SetNamespace(owner.Namespace)
		objects = append(objects, object)
	}
	slices.SortStableFunc(objects, func(a, b *unstructured.Unstructured) int {
		return slices.Index(kinds, a.GetKind()) - slices.Index(kinds, b.GetKind())
	})
	return objects, nil
}

// apply never takes an object over that somebody else made: that one would be deleted with the release.
func apply(ctx context.Context, c client.Client, owner *corev1.ConfigMap, object *unstructured.Unstructured) error {
	there := &unstructured.Unstructured{}
	there.SetGroupVersionKind(object.GroupVersionKind())
	err := c.Get(ctx, client.ObjectKeyFromObject(object), there)
	if client.IgnoreNotFound(err) != nil {
		return err
	}
	if err == nil && !owned(there, owner) && there.GetLabels()[LabelAppliedFrom] != owner.Name {
		return refusal("there is one that was made by somebody else: delete it, label it " + LabelAppliedFrom + "=" + owner.Name + " to have it taken over, or choose another name")
	}
	labels := object.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[LabelAppliedFrom] = owner.Name
	object.SetLabels(labels)
	object.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: owner.Name, UID: owner.UID}})
	return c.Apply(ctx, client.ApplyConfigurationFromUnstructured(object), fieldOwner, client.ForceOwnership)
}

func owned(object *unstructured.Unstructured, owner *corev1.ConfigMap) bool {
	return slices.ContainsFunc(object.GetOwnerReferences(), func(r metav1.OwnerReference) bool { return r.UID == owner.UID })
}

// prune deletes what the ConfigMap owns and no longer names. An object of the label alone is left: it
// belongs to a ConfigMap of the same name that is no more, and Kubernetes deletes it.
func prune(ctx context.Context, c client.Client, owner *corev1.ConfigMap, wanted []*unstructured.Unstructured, say func(string)) error {
	for _, kind := range kinds {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind + "List"))
		err := until(ctx, func(ctx context.Context) error {
			return c.List(ctx, list, client.InNamespace(owner.Namespace), client.MatchingLabels{LabelAppliedFrom: owner.Name})
		})
		if err != nil {
			return fmt.Errorf("listing what was applied before: %w", err)
		}
		for i := range list.Items {
			object := &list.Items[i]
			named := slices.ContainsFunc(wanted, func(w *unstructured.Unstructured) bool {
				return w.GetKind() == kind && w.GetName() == object.GetName()
			})
			if named || !owned(object, owner) {
				continue
			}
			if err := client.IgnoreNotFound(c.Delete(ctx, object)); err != nil {
				return fmt.Errorf("deleting %s %s: %w", kind, object.GetName(), err)
			}
			say(kind + " " + object.GetName() + " deleted")
		}
	}
	return nil
}
