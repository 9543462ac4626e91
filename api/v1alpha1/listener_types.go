package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Listener is the one port for clients, WebSocket and RawSocket alike. A change of it restarts the
// routers, one at a time; renewed certificates do not.
type Listener struct {
	// port in the container, from 1024 to 65535; the client Service has it too unless it says
	// otherwise.
	// +optional
	// +kubebuilder:default=8080
	// +kubebuilder:validation:XValidation:rule="self >= 1024 && self <= 65535",message="write a port from 1024 to 65535: routers do not run as root; for another port outside set service.port"
	// +kubebuilder:validation:XValidation:rule="!(self in [9090, 7946, 7947])",message="ports 9090, 7946 and 7947 are the router's own (administration, gossip, links): choose another, for example 8080"
	Port int32 `json:"port,omitempty"`
	// tls, when there, makes the port speak TLS only.
	// +optional
	TLS *ListenerTLS `json:"tls,omitempty"`
	// webSocket is about clients that use WebSocket.
	// +optional
	WebSocket WebSocketOptions `json:"webSocket,omitempty,omitzero"`
	// longPoll, when there (an empty map will do), serves the HTTP long-poll transport too. A
	// client has to come back to the router that it began with: let the load balancer see to
	// that, or service.sessionAffinity.
	// +optional
	LongPoll *LongPollOptions `json:"longPoll,omitempty"`
	// proxyProtocol is for routers behind load balancers that say, ahead of each connection, for
	// whom they make it (PROXY protocol, versions 1 and 2).
	// +optional
	ProxyProtocol *ProxyProtocolOptions `json:"proxyProtocol,omitempty"`
}

// ListenerTLS names the certificate of the client port.
// +kubebuilder:validation:XValidation:rule="has(self.secretName) != has(self.certificate)",message="write either secretName, of a Secret with tls.crt and tls.key, or certificate, for cert-manager to issue one"
// +kubebuilder:validation:XValidation:rule="!has(self.clientAuth) || self.clientAuth == 'None' || has(self.clientCA)",message="clientAuth: Request and clientAuth: Require need a clientCA: certificates are taken from its authorities alone"
type ListenerTLS struct {
	// secretName is a Secret of type kubernetes.io/tls (tls.crt, tls.key) in the namespace of
	// the WampCluster. A renewed certificate is picked up without a restart. Either this or
	// certificate is there.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.size() > 0",message="write the name of a Secret with tls.crt and tls.key"
	SecretName string `json:"secretName,omitempty"`
	// certificate lets the operator ask cert-manager for the certificate, which comes in a Secret
	// with the name of the WampCluster and "-tls".
	// +optional
	Certificate *ListenerCertificate `json:"certificate,omitempty"`
	// clientCA has the authorities whose clients' certificates are taken. Realms name the
	// certificates of their principals.
	// +optional
	ClientCA *ClientCA `json:"clientCA,omitempty"`
	// clientAuth says whether clients show a certificate: None, Request (they may, and one that
	// is shown must be good) or Require. Request with a clientCA when absent, else None.
	// +optional
	// +kubebuilder:validation:Enum=None;Request;Require
	ClientAuth RouterClientAuth `json:"clientAuth,omitempty"`
}

// ServiceNames says whether a certificate is for the names of the client Service, too.
// +kubebuilder:validation:Enum=Include;Omit
type ServiceNames string

const (
	// ServiceNamesInclude: NAME, NAME.NAMESPACE and NAME.NAMESPACE.svc are among its names.
	ServiceNamesInclude ServiceNames = "Include"
	// ServiceNamesOmit: they are not, as public authorities want it.
	ServiceNamesOmit ServiceNames = "Omit"
)

// ListenerCertificate is a Certificate of cert-manager.
// +kubebuilder:validation:XValidation:rule="self.serviceNames != 'Omit' || (has(self.dnsNames) && self.dnsNames.size() > 0)",message="serviceNames: Omit needs dnsNames: write the names that clients connect by"
type ListenerCertificate struct {
	// issuerRef names who issues it.
	// +required
	IssuerRef IssuerReference `json:"issuerRef"`
	// dnsNames that clients connect by, beside those of the client Service.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	DNSNames []string `json:"dnsNames,omitempty"`
	// serviceNames: Omit leaves the names of the client Service out of the certificate. Public
	// authorities (Let's Encrypt among them) sign no certificate with such names.
	// +optional
	// +kubebuilder:default=Include
	ServiceNames ServiceNames `json:"serviceNames,omitempty"`
	// duration for which it is valid, 1h to 87600h (ten years); cert-manager's default when absent.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) >= duration('1h') && duration(self) <= duration('87600h')",message="write a duration from 1h to 87600h, for example 2160h"
	Duration *metav1.Duration `json:"duration,omitempty"`
}

// IssuerReference names an issuer of cert-manager.
type IssuerReference struct {
	// name of the issuer.
	// +required
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.size() > 0",message="write the name of an issuer of cert-manager"
	Name string `json:"name"`
	// kind: Issuer, in the namespace of the WampCluster, ClusterIssuer, or that of an issuer of
	// another group.
	// +optional
	// +kubebuilder:default=Issuer
	// +kubebuilder:validation:MaxLength=63
	Kind string `json:"kind,omitempty"`
	// group of the issuer.
	// +optional
	// +kubebuilder:default=cert-manager.io
	// +kubebuilder:validation:MaxLength=253
	Group string `json:"group,omitempty"`
}

// ClientCA is where the certificates of authorities are, PEM, in the namespace of the WampCluster. A
// change is picked up without a restart.
// +kubebuilder:validation:XValidation:rule="has(self.secretName) != has(self.configMapName)",message="write either secretName or configMapName"
type ClientCA struct {
	// secretName is the name of a Secret.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	SecretName string `json:"secretName,omitempty"`
	// configMapName is the name of a ConfigMap.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	ConfigMapName string `json:"configMapName,omitempty"`
	// key that has the certificates.
	// +optional
	// +kubebuilder:default=ca.crt
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Key string `json:"key,omitempty"`
}

// WebSocketOptions are about clients that use WebSocket.
type WebSocketOptions struct {
	// allowedOrigins are the web origins whose pages may connect, as browsers send them:
	// https://app.example.com, https://*.example.com for all names below, "null" for pages from
	// files, "*" for every page. They hold for long-poll too. Pages of the routers' own host
	// name when absent. What is no web page sends no origin and is always taken.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.all(o, o == '*' || o == 'null' || o.matches('^[a-z][a-z0-9+.-]*://([*][.])?[^*/?#@\\\\s]+$'))",message="write origins as browsers send them, for example https://app.example.com or https://*.example.com"
	AllowedOrigins []string `json:"allowedOrigins,omitempty"`
	// compression, when there (an empty map will do), lets clients that offer it compress
	// messages (permessage-deflate, RFC 7692). It costs about ten times the CPU of all else
	// that a message needs.
	// +optional
	Compression *CompressionOptions `json:"compression,omitempty"`
}

// CompressionOptions are those of permessage-deflate.
type CompressionOptions struct {
	// level from 1 (fast) to 9 (small); 1 when absent.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self >= 1 && self <= 9",message="write a number from 1 (fast) to 9 (small)"
	Level int32 `json:"level,omitempty"`
	// minSize is the size, in bytes, from which on a message is compressed, 1 to 16Mi; 256 when
	// absent.
	// +optional
	// +kubebuilder:validation:XValidation:rule="quantity(string(self)).compareTo(quantity('1')) >= 0 && quantity(string(self)).compareTo(quantity('16Mi')) <= 0",message="write a size from 1 to 16Mi"
	MinSize *resource.Quantity `json:"minSize,omitempty"`
	// contextTakeover lets messages refer to those before them: far smaller, for up to 1.3 MiB
	// of memory a connection.
	// +optional
	ContextTakeover bool `json:"contextTakeover,omitempty"`
}

// LongPollOptions are those of the HTTP long-poll transport (WAMP advanced profile, "HTTP Longpoll
// Transport").
type LongPollOptions struct {
	// path of its base URL; /longpoll when absent.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^(/[^/?#\\\\s]+)+$') && self != '/ws'",message="write a path that begins with a slash and does not end in one, and is not /ws, for example /longpoll"
	Path string `json:"path,omitempty"`
	// pollTimeout is how long a request for messages waits, 1s to 5m, before it is answered that
	// there is none; 10s when absent. It must be shorter than what clients and proxies in
	// between wait.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) >= duration('1s') && duration(self) <= duration('5m')",message="write a duration from 1s to 5m, for example 10s"
	PollTimeout *metav1.Duration `json:"pollTimeout,omitempty"`
	// idleTimeout is how long a session lives, 1s to 1h, that nobody asks for messages; 30s when
	// absent.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) >= duration('1s') && duration(self) <= duration('1h')",message="write a duration from 1s to 1h, for example 30s"
	IdleTimeout *metav1.Duration `json:"idleTimeout,omitempty"`
}

// ProxyProtocolOptions say whose PROXY headers count.
type ProxyProtocolOptions struct {
	// trustedSources are the networks (or addresses) that the load balancers connect from, like
	// 10.0.0.0/8. A connection from there must begin with a PROXY header, and what that says
	// counts as the client's address; other connections are taken as they are.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.size() > 0 && self.all(s, isIP(s) || isCIDR(s))",message="write the networks that the load balancers connect from, for example [10.0.0.0/8]"
	TrustedSources []string `json:"trustedSources"`
}
