// Package envtest tests the API's rules and the reconcilers against a real API server and etcd.
// There is no kubelet and no controller manager: the tests make the pods, and routers are HTTP
// servers that speak the admin stream.
//
// `make test-operator` provides the API server. Where KUBEBUILDER_ASSETS is not set the tests are
// skipped, unless WAMP_REQUIRE_ENVTEST says that they must not be.
package envtest
