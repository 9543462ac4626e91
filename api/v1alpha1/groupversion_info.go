package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Kinds, as they stand in documents.
const (
	KindWampCluster         = "WampCluster"
	KindWampRealm           = "WampRealm"
	KindWampProcedure       = "WampProcedure"
	KindRouterConfiguration = "RouterConfiguration"
)

var (
	// GroupVersion is what stands in apiVersion: wamp-operator.io/v1alpha1.
	GroupVersion = schema.GroupVersion{Group: "wamp-operator.io", Version: "v1alpha1"}

	// SchemeGroupVersion is the name that generated code uses for GroupVersion.
	SchemeGroupVersion = GroupVersion

	schemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)

	// AddToScheme makes the kinds known to a scheme.
	AddToScheme = schemeBuilder.AddToScheme
)

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&WampCluster{}, &WampClusterList{},
		&WampRealm{}, &WampRealmList{},
		&WampProcedure{}, &WampProcedureList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
