package v1alpha1

import "k8s.io/apimachinery/pkg/types"

// ClusterReference names the WampCluster that serves a realm or a procedure.
// +structType=atomic
type ClusterReference struct {
	// name of the WampCluster.
	// +required
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.size() > 0",message="write the name of a WampCluster"
	Name string `json:"name"`
	// namespace of the WampCluster; the namespace of this object when absent. A WampCluster in
	// another namespace has to allow this one in its allowedNamespaces.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
}

// Key gives the WampCluster that an object in namespace refers to.
func (r ClusterReference) Key(namespace string) types.NamespacedName {
	if r.Namespace != "" {
		namespace = r.Namespace
	}
	return types.NamespacedName{Namespace: namespace, Name: r.Name}
}
