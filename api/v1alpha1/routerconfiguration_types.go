package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// RouterConfiguration is the file that `wamp-router serve --config FILE` reads: where one
// replica listens and where it finds its peers. What it serves (realms, procedures) is not in
// here but in the WampRealm and WampProcedure documents that Documents points to.
//
// It is a file, not a resource of the Kubernetes API: the operator writes it into a ConfigMap.
// A path that is relative is taken from the folder of the configuration file.
type RouterConfiguration struct {
	metav1.TypeMeta `json:",inline"`

	// Listen is the address for clients, WebSocket and RawSocket alike. Default ":8080".
	Listen string `json:"listen,omitempty"`
	// TLS, when set, makes the client port speak TLS only.
	TLS *RouterTLS `json:"tls,omitempty"`
	// Admin is the port for health, metrics and the state that the operator reads.
	Admin RouterAdmin `json:"admin,omitempty"`
	// Cluster says how this replica finds the others. Absent: one replica by itself.
	Cluster *RouterClusterConfiguration `json:"cluster,omitempty"`
	// Documents are files, or folders whose *.yaml files are read in the order of their
	// names, with WampRealm and WampProcedure documents. They are watched and reloaded.
	Documents []string `json:"documents,omitempty"`
	// DrainTimeout bounds how long a replica that was told to stop waits for calls in
	// flight. Default 20s.
	DrainTimeout *metav1.Duration `json:"drainTimeout,omitempty"`
}

// RouterTLS names a certificate chain and its key, both PEM; they are read again on change.
type RouterTLS struct {
	CertFile string `json:"certFile"`
	KeyFile  string `json:"keyFile"`
}

// RouterAdmin is the administration port: /healthz, /readyz, /metrics and /v1/state.
type RouterAdmin struct {
	// Listen is its address. Default ":9090".
	Listen string `json:"listen,omitempty"`
	// TokenFile holds the bearer token that /v1/state asks for. Absent: /v1/state is open.
	TokenFile string `json:"tokenFile,omitempty"`
}

// RouterClusterConfiguration is what a replica needs to meet the others.
type RouterClusterConfiguration struct {
	// Name keeps clusters apart that share a network: replicas of another name are refused.
	// The operator uses "namespace/name".
	Name string `json:"name"`
	// Replica is the name of this replica, unique in the cluster: in Kubernetes the pod's
	// name. Default: the environment variable POD_NAME, then the host name.
	Replica string `json:"replica,omitempty"`
	// Gossip is the address for memberlist, TCP and UDP. Default ":7946".
	Gossip string `json:"gossip,omitempty"`
	// Links is the address for the TCP links between replicas. Default ":7947".
	Links string `json:"links,omitempty"`
	// Advertise is the IP address that the others reach this replica by. Default: the
	// environment variable POD_IP, then the first address that is not loopback.
	Advertise string `json:"advertise,omitempty"`
	// Join are host names or addresses (with or without port) of other replicas; a name is
	// resolved again every time, so a headless Service is all that is needed.
	Join []string `json:"join,omitempty"`
	// KeyFile holds 16, 24 or 32 bytes in base64: gossip is encrypted with it and links are
	// TLS with an identity derived from it. Absent: both are in the clear.
	KeyFile string `json:"keyFile,omitempty"`
}
