package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Limits bound what clients may use of one router; they are those of a RouterConfiguration. Sizes are
// in bytes, written as a number or like 512Ki; a number that says so may be 0 for no limit. What
// limits refuse is counted in the metrics of the routers.
// +kubebuilder:validation:XValidation:rule="quantity(has(self.outboundHard) ? string(self.outboundHard) : '64Mi').compareTo(quantity(has(self.outboundSoft) ? string(self.outboundSoft) : '1Mi')) >= 0",message="outboundHard (64Mi when absent) must not be below outboundSoft (1Mi when absent): raise the one or lower the other"
// +kubebuilder:validation:XValidation:rule="quantity(has(self.outboundHard) ? string(self.outboundHard) : '64Mi').compareTo(quantity(has(self.messageSize) ? string(self.messageSize) : '16Mi')) >= 0",message="outboundHard (64Mi when absent) must not be below messageSize (16Mi when absent), or the largest messages could reach nobody: raise the one or lower the other"
// +kubebuilder:validation:XValidation:rule="!has(self.messageBurst) || self.messageBurst == 0 || (has(self.messagesPerSecond) && self.messagesPerSecond > 0)",message="without messagesPerSecond a messageBurst limits nothing: write both, or neither"
type Limits struct {
	// messageSize is the largest message taken from a client, 1Ki to 16Mi; 16Mi when absent. For
	// a batch and for a compressed message the limit holds for all of it. A RawSocket client is
	// told the power of two below it. A larger message ends the connection.
	// +optional
	// +kubebuilder:validation:XValidation:rule="quantity(string(self)).compareTo(quantity('1Ki')) >= 0 && quantity(string(self)).compareTo(quantity('16Mi')) <= 0",message="write a size from 1Ki to 16Mi"
	MessageSize *resource.Quantity `json:"messageSize,omitempty"`
	// connections is how many clients may be connected to one router; 0 for no limit, 50000 when
	// absent. Others are told so (HTTP 503, RawSocket error 4).
	// +optional
	// +kubebuilder:validation:XValidation:rule="self >= 0 && self <= 10000000",message="write a number from 0, for no limit, to 10000000"
	Connections *int32 `json:"connections,omitempty"`
	// connectionsPerAddress is how many of them may come from one IPv4 address or one IPv6 /64
	// network; 0, as when absent, for no limit: behind a load balancer all clients share an
	// address, see listener.proxyProtocol.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self >= 0 && self <= 10000000",message="write a number from 0, for no limit, to 10000000"
	ConnectionsPerAddress *int32 `json:"connectionsPerAddress,omitempty"`
	// handshakeTimeout is how long a client may take, 100ms to 5m, for TLS and the transport's
	// handshake, and again until it has joined a realm; 10s when absent.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) >= duration('100ms') && duration(self) <= duration('5m')",message="write a duration from 100ms to 5m, for example 10s"
	HandshakeTimeout *metav1.Duration `json:"handshakeTimeout,omitempty"`
	// outboundSoft is how many bytes may wait for a client, 4Ki to 1Gi, until those who send to
	// it are slowed down; 1Mi when absent.
	// +optional
	// +kubebuilder:validation:XValidation:rule="quantity(string(self)).compareTo(quantity('4Ki')) >= 0 && quantity(string(self)).compareTo(quantity('1Gi')) <= 0",message="write a size from 4Ki to 1Gi"
	OutboundSoft *resource.Quantity `json:"outboundSoft,omitempty"`
	// outboundHard is how many bytes may wait for a client until it is dropped, 4Ki to 4Gi, at
	// least outboundSoft and messageSize; 64Mi when absent.
	// +optional
	// +kubebuilder:validation:XValidation:rule="quantity(string(self)).compareTo(quantity('4Ki')) >= 0 && quantity(string(self)).compareTo(quantity('4Gi')) <= 0",message="write a size from 4Ki to 4Gi"
	OutboundHard *resource.Quantity `json:"outboundHard,omitempty"`
	// writeTimeout is how long a client may take none of what waits for it, 100ms to 10m, until
	// it is dropped; 10s when absent.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) >= duration('100ms') && duration(self) <= duration('10m')",message="write a duration from 100ms to 10m, for example 10s"
	WriteTimeout *metav1.Duration `json:"writeTimeout,omitempty"`
	// keepAlive is how long a client may be silent until it is pinged, 1s to 1h; after two pings
	// without an answer it is dropped. 0s sends no pings; 30s when absent.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && (duration(self) == duration('0s') || duration(self) >= duration('1s') && duration(self) <= duration('1h'))",message="write a duration from 1s to 1h, for example 30s, or 0s for no pings"
	KeepAlive *metav1.Duration `json:"keepAlive,omitempty"`
	// messagesPerSecond is how many messages a client may send for long; 0, as when absent, for
	// no limit. Beyond it the client is read more slowly, and nothing is refused.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self >= 0 && self <= 10000000",message="write a number from 0, for no limit, to 10000000"
	MessagesPerSecond *int32 `json:"messagesPerSecond,omitempty"`
	// messageBurst is how many messages it may send at once; those of one second when absent.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self >= 0 && self <= 10000000",message="write a number from 0, for no limit, to 10000000"
	MessageBurst *int32 `json:"messageBurst,omitempty"`
	// callsInFlight is how many calls of one session may be unanswered; 0 for no limit, 65536
	// when absent.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self >= 0 && self <= 10000000",message="write a number from 0, for no limit, to 10000000"
	CallsInFlight *int32 `json:"callsInFlight,omitempty"`
	// registrations is how many procedures one session may have registered; 0 for no limit,
	// 10000 when absent.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self >= 0 && self <= 10000000",message="write a number from 0, for no limit, to 10000000"
	Registrations *int32 `json:"registrations,omitempty"`
	// subscriptions is how many subscriptions one session may have; 0 for no limit, 10000 when
	// absent.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self >= 0 && self <= 10000000",message="write a number from 0, for no limit, to 10000000"
	Subscriptions *int32 `json:"subscriptions,omitempty"`
	// sessionsPerPrincipal is how many sessions of the cluster may share one authid in a realm; 0,
	// as when absent, for no limit. Anonymous sessions do not count. Replicas do not wait for each
	// other: who joins on several within milliseconds may get a session more.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self >= 0 && self <= 10000000",message="write a number from 0, for no limit, to 10000000"
	SessionsPerPrincipal *int32 `json:"sessionsPerPrincipal,omitempty"`
}
