package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

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
	// UnixSocket is a further place to listen, for clients on the same machine: WebSocket and
	// RawSocket alike, always in the clear.
	UnixSocket *RouterUnixSocket `json:"unixSocket,omitempty"`
	// TLS, when set, makes the client port speak TLS only.
	TLS *RouterTLS `json:"tls,omitempty"`
	// ProxyProtocol is for routers behind load balancers that say, ahead of each connection,
	// for whom they make it.
	ProxyProtocol *RouterProxyProtocol `json:"proxyProtocol,omitempty"`
	// WebSocket is about clients that use WebSocket.
	WebSocket RouterWebSocket `json:"webSocket,omitempty,omitzero"`
	// LongPoll, when set (an empty map will do), serves the HTTP long-poll transport too.
	LongPoll *RouterLongPoll `json:"longPoll,omitempty"`
	// Limits bound what one client, and all of them together, may use.
	Limits RouterLimits `json:"limits,omitempty,omitzero"`
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
	// ClientCAFile holds the certificates, PEM, of the authorities whose clients' certificates
	// are taken; it is read again on change.
	ClientCAFile string `json:"clientCAFile,omitempty"`
	// ClientAuth says whether clients show a certificate: None, Request (they may, and one
	// that is shown must be good) or Require. Default: Request with a clientCAFile, else None.
	ClientAuth RouterClientAuth `json:"clientAuth,omitempty"`
}

// RouterClientAuth says whether clients show a certificate.
type RouterClientAuth string

const (
	ClientAuthNone    RouterClientAuth = "None"
	ClientAuthRequest RouterClientAuth = "Request"
	ClientAuthRequire RouterClientAuth = "Require"
)

// RouterUnixSocket is a Unix socket to listen on.
type RouterUnixSocket struct {
	// Path of its file. One that a killed router left there is replaced.
	Path string `json:"path"`
	// Mode of the file, in octal: whoever may write to it may connect. Default "0660".
	Mode string `json:"mode,omitempty"`
}

// RouterProxyProtocol is the PROXY protocol, versions 1 and 2.
type RouterProxyProtocol struct {
	// TrustedSources are the networks (or addresses) that the load balancers connect from, like
	// 10.0.0.0/8. A connection from there must begin with a PROXY header, and what that says
	// counts as the client's address; other connections are taken as they are.
	TrustedSources []string `json:"trustedSources"`
}

// RouterWebSocket is about clients that use WebSocket.
type RouterWebSocket struct {
	// AllowedOrigins are the web origins whose pages may connect, as browsers send them:
	// https://app.example.com, https://*.example.com for all names below, "null" for pages from
	// files, "*" for every page. They hold for long-poll too. Default: pages of the router's own
	// host name, on any port. What is no web page sends no origin and is always taken.
	AllowedOrigins []string `json:"allowedOrigins,omitempty"`
	// Compression, when set (an empty map will do), lets clients that offer it compress messages
	// (permessage-deflate).
	Compression *RouterCompression `json:"compression,omitempty"`
}

// RouterCompression is permessage-deflate (RFC 7692). It costs about ten times the CPU of all else
// that a message needs.
type RouterCompression struct {
	// Level from 1 (fast) to 9 (small). Default 1; 6 with contextTakeover, because level 1 forgets
	// small messages.
	Level int32 `json:"level,omitempty"`
	// MinSize is the size, in bytes, from which on a message is compressed. Default 256.
	MinSize *resource.Quantity `json:"minSize,omitempty"`
	// ContextTakeover lets messages refer to those before them: far smaller, for up to 1.3 MiB of
	// memory a connection. Default false.
	ContextTakeover bool `json:"contextTakeover,omitempty"`
}

// RouterLongPoll is the HTTP long-poll transport.
type RouterLongPoll struct {
	// Path of its base URL. Default "/longpoll".
	Path string `json:"path,omitempty"`
	// PollTimeout is how long a request for messages waits, 1s to 5m, before it is answered that
	// there is none. It must be shorter than what clients and proxies in between wait. Default 10s.
	PollTimeout *metav1.Duration `json:"pollTimeout,omitempty"`
	// IdleTimeout is how long a session lives, 1s to 1h, that nobody asks for messages. Default 30s.
	IdleTimeout *metav1.Duration `json:"idleTimeout,omitempty"`
}

// RouterLimits bound what clients may use. Sizes are in bytes, written as a number or like 512Ki;
// a number that says so may be 0 for no limit. What limits refuse is counted in the metrics.
type RouterLimits struct {
	// MessageSize is the largest message taken from a client, 1Ki to 16Mi. For a batch and for a
	// compressed message the limit holds for all of it. A RawSocket client is told the power of
	// two below it. A larger message ends the connection. Default 16Mi.
	MessageSize *resource.Quantity `json:"messageSize,omitempty"`
	// Connections is how many clients may be connected to this replica; 0 for no limit. Others are
	// told so (HTTP 503, RawSocket error 4). Default 50000.
	Connections *int32 `json:"connections,omitempty"`
	// ConnectionsPerAddress is how many of them may come from one IPv4 address or one IPv6 /64
	// network; 0 for no limit. Default 0, because behind a load balancer all clients share an
	// address; see proxyProtocol.
	ConnectionsPerAddress *int32 `json:"connectionsPerAddress,omitempty"`
	// HandshakeTimeout is how long a client may take, 100ms to 5m, for TLS and the transport's
	// handshake, and again until it has joined a realm. Default 10s.
	HandshakeTimeout *metav1.Duration `json:"handshakeTimeout,omitempty"`
	// OutboundSoft is how many bytes may wait for a client, 4Ki to 1Gi, until those who send to it
	// are slowed down. Default 1Mi.
	OutboundSoft *resource.Quantity `json:"outboundSoft,omitempty"`
	// OutboundHard is how many bytes may wait for a client until it is dropped: outboundSoft to
	// 4Gi, at least messageSize. Default 64Mi.
	OutboundHard *resource.Quantity `json:"outboundHard,omitempty"`
	// WriteTimeout is how long a client may take none of what waits for it, 100ms to 10m, until it
	// is dropped. Default 10s.
	WriteTimeout *metav1.Duration `json:"writeTimeout,omitempty"`
	// KeepAlive is how long a client may be silent until it is pinged, 1s to 1h; after two pings
	// without an answer it is dropped. 0s sends no pings. Default 30s.
	KeepAlive *metav1.Duration `json:"keepAlive,omitempty"`
	// MessagesPerSecond is how many messages a client may send for long; 0 for no limit. Beyond it
	// the client is read more slowly, and nothing is refused. Default 0.
	MessagesPerSecond *int32 `json:"messagesPerSecond,omitempty"`
	// MessageBurst is how many messages it may send at once. Default: those of one second.
	MessageBurst *int32 `json:"messageBurst,omitempty"`
	// CallsInFlight is how many calls of one session may be unanswered; 0 for no limit. Beyond it the
	// client is read more slowly; beyond four times as many its calls are refused. Default 65536.
	CallsInFlight *int32 `json:"callsInFlight,omitempty"`
	// Registrations is how many procedures one session may have registered; 0 for no limit.
	// Default 10000.
	Registrations *int32 `json:"registrations,omitempty"`
	// Subscriptions is how many subscriptions one session may have; 0 for no limit. Default 10000.
	Subscriptions *int32 `json:"subscriptions,omitempty"`
	// SessionsPerPrincipal is how many sessions of the cluster may share one authid in a realm; 0
	// for no limit. Anonymous sessions do not count. Replicas do not wait for each other: who joins
	// on several within milliseconds may get a session more. Default 0.
	SessionsPerPrincipal *int32 `json:"sessionsPerPrincipal,omitempty"`
}

// RouterAdmin is the administration port: /healthz, /readyz, /metrics and /v1/state.
type RouterAdmin struct {
	// Listen is its address. Default ":9090".
	Listen string `json:"listen,omitempty"`
	// TokenFile holds the bearer token that /v1/state, /v1/links and /v1/callees ask for. Absent:
	// they are open to everybody who reaches the port.
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
	// TLS with an identity derived from it. Absent: both are in the clear. While a key is replaced
	// it holds several, one a line: the first is used, what any of them protects is taken. The file
	// is read again when it changes.
	KeyFile string `json:"keyFile,omitempty"`
}
