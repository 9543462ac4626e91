// Package v1alpha1 is the one schema of wamp-operator: the resources WampCluster, WampRealm and
// WampProcedure, the configuration file of a router, and the state that a router reports.
//
// Operator and router both import it and nothing else of each other. What the API server checks
// by the rules in the markers, Validate checks in Go with the same sentences, so that a router
// that reads the documents from a file refuses what kubectl apply refuses.
//
// +kubebuilder:object:generate=true
// +kubebuilder:ac:generate=true
// +groupName=wamp-operator.io
package v1alpha1
