package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// NamespacesFrom says which namespaces may attach realms and procedures.
// +kubebuilder:validation:Enum=Same;All;Selector
type NamespacesFrom string

const (
	NamespacesFromSame     NamespacesFrom = "Same"
	NamespacesFromAll      NamespacesFrom = "All"
	NamespacesFromSelector NamespacesFrom = "Selector"
)

// AllowedNamespaces says from where WampRealms and WampProcedures may refer to a WampCluster.
// +kubebuilder:validation:XValidation:rule="self.from != 'Selector' || has(self.selector)",message="from: Selector needs a selector: add one, or write from: Same or from: All"
// +kubebuilder:validation:XValidation:rule="self.from == 'Selector' || !has(self.selector)",message="a selector is read only with from: Selector: write that, or remove the selector"
type AllowedNamespaces struct {
	// from: Same is the namespace of the WampCluster, All every namespace, Selector those whose
	// labels match selector and the namespace of the WampCluster itself.
	// +optional
	// +kubebuilder:default=Same
	From NamespacesFrom `json:"from,omitempty"`
	// selector over the labels of namespaces; only with from: Selector.
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
}

// ServiceShape is what can be said about the Service for clients.
// +kubebuilder:validation:XValidation:rule="!has(self.nodePort) || self.type != 'ClusterIP'",message="a nodePort needs type: NodePort or type: LoadBalancer"
// +kubebuilder:validation:XValidation:rule="!has(self.externalTrafficPolicy) || self.type != 'ClusterIP'",message="externalTrafficPolicy needs type: NodePort or type: LoadBalancer"
// +kubebuilder:validation:XValidation:rule="!has(self.loadBalancerClass) || self.type == 'LoadBalancer'",message="loadBalancerClass needs type: LoadBalancer"
// +kubebuilder:validation:XValidation:rule="!has(self.ipFamilies) || self.ipFamilies.size() < 2 || (has(self.ipFamilyPolicy) && self.ipFamilyPolicy != 'SingleStack')",message="two ipFamilies need ipFamilyPolicy: PreferDualStack or RequireDualStack"
type ServiceShape struct {
	// type of the Service.
	// +optional
	// +kubebuilder:default=ClusterIP
	// +kubebuilder:validation:Enum=ClusterIP;NodePort;LoadBalancer
	Type corev1.ServiceType `json:"type,omitempty"`
	// port of the Service; listener.port when absent.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self >= 1 && self <= 65535",message="write a port from 1 to 65535"
	Port int32 `json:"port,omitempty"`
	// nodePort asks for a certain port of the nodes.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self >= 1 && self <= 65535",message="write a port from 1 to 65535"
	NodePort int32 `json:"nodePort,omitempty"`
	// sessionAffinity: ClientIP brings all connections from one address to the same router, which
	// HTTP long-poll needs.
	// +optional
	// +kubebuilder:validation:Enum=None;ClientIP
	SessionAffinity corev1.ServiceAffinity `json:"sessionAffinity,omitempty"`
	// externalTrafficPolicy: Local leaves connections from outside at routers of the node that they
	// came to, so that the address of the client is kept.
	// +optional
	// +kubebuilder:validation:Enum=Cluster;Local
	ExternalTrafficPolicy corev1.ServiceExternalTrafficPolicy `json:"externalTrafficPolicy,omitempty"`
	// loadBalancerClass of a Service of type LoadBalancer. It cannot be changed later.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	LoadBalancerClass string `json:"loadBalancerClass,omitempty"`
	// ipFamilyPolicy of this Service and of the one by which the routers find one another: with
	// PreferDualStack they get an address of both families where the Kubernetes cluster has both.
	// +optional
	// +kubebuilder:validation:Enum=SingleStack;PreferDualStack;RequireDualStack
	IPFamilyPolicy corev1.IPFamilyPolicy `json:"ipFamilyPolicy,omitempty"`
	// ipFamilies of these Services, the first one preferred; that of the Kubernetes cluster when
	// absent. The first cannot be changed later.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=2
	// +kubebuilder:validation:items:Enum=IPv4;IPv6
	// +kubebuilder:validation:XValidation:rule="self.size() < 2 || self[0] != self[1]",message="write each family once"
	IPFamilies []corev1.IPFamily `json:"ipFamilies,omitempty"`
	// annotations of the Service, for load balancers and the like.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('wamp-operator.io/'))",message="annotations that begin with wamp-operator.io/ are the operator's own: choose another prefix"
	Annotations map[string]string `json:"annotations,omitempty"`
}

// PodShape is what can be said about the router pods. A change of it restarts them, one at a
// time.
type PodShape struct {
	// resources of the router container.
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
	// nodeSelector of the pods.
	// +optional
	// +mapType=atomic
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// affinity of the pods.
	// +optional
	Affinity *corev1.Affinity `json:"affinity,omitempty"`
	// tolerations of the pods.
	// +optional
	// +listType=atomic
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`
	// topologySpreadConstraints replace the default, which spreads the pods over nodes where it
	// can. One without labelSelector gets that of the routers.
	// +optional
	// +listType=atomic
	TopologySpreadConstraints []corev1.TopologySpreadConstraint `json:"topologySpreadConstraints,omitempty"`
	// priorityClassName of the pods.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	PriorityClassName string `json:"priorityClassName,omitempty"`
	// labels added to the pods.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('wamp-operator.io/') && !k.startsWith('app.kubernetes.io/'))",message="labels that begin with wamp-operator.io/ or app.kubernetes.io/ are the operator's own: choose another prefix"
	Labels map[string]string `json:"labels,omitempty"`
	// annotations added to the pods.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('wamp-operator.io/'))",message="annotations that begin with wamp-operator.io/ are the operator's own: choose another prefix"
	Annotations map[string]string `json:"annotations,omitempty"`
	// env added to the router container.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:XValidation:rule="self.all(e, !(e.name in ['POD_NAME', 'POD_IP']))",message="POD_NAME and POD_IP are set by the operator: remove them"
	Env []corev1.EnvVar `json:"env,omitempty"`
}

// NetworkPolicyMode says whether the operator makes a NetworkPolicy.
// +kubebuilder:validation:Enum=Managed;None
type NetworkPolicyMode string

const (
	// NetworkPolicyManaged: the operator makes a NetworkPolicy for the routers.
	NetworkPolicyManaged NetworkPolicyMode = "Managed"
	// NetworkPolicyNone: it makes none, and removes the one that it made.
	NetworkPolicyNone NetworkPolicyMode = "None"
)

// NetworkPolicyShape says who may reach the ports of the routers. It is worth what the network of the
// Kubernetes cluster makes of NetworkPolicies.
type NetworkPolicyShape struct {
	// mode: Managed makes a NetworkPolicy: gossip and links are open to routers of the same
	// WampCluster alone. None makes none.
	// +optional
	// +kubebuilder:default=Managed
	Mode NetworkPolicyMode `json:"mode,omitempty"`
	// clients may reach the port for clients; everybody when absent.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Clients []networkingv1.NetworkPolicyPeer `json:"clients,omitempty"`
	// monitoring may reach the port of administration (metrics and probes; the state of the router
	// only with a token), beside the operator; every pod when absent.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Monitoring []networkingv1.NetworkPolicyPeer `json:"monitoring,omitempty"`
}

// PodMonitorMode says whether the operator makes a PodMonitor.
// +kubebuilder:validation:Enum=Auto;None
type PodMonitorMode string

const (
	// PodMonitorAuto: a PodMonitor is made where the Kubernetes cluster knows that kind.
	PodMonitorAuto PodMonitorMode = "Auto"
	// PodMonitorNone: none is made, and the one that was made is removed.
	PodMonitorNone PodMonitorMode = "None"
)

// Monitoring says how the routers' metrics are collected.
type Monitoring struct {
	// podMonitor: Auto makes a PodMonitor (Prometheus Operator) where the Kubernetes cluster knows
	// that kind; None makes none.
	// +optional
	// +kubebuilder:default=Auto
	PodMonitor PodMonitorMode `json:"podMonitor,omitempty"`
	// labels of the PodMonitor, by which a Prometheus selects it.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('wamp-operator.io/') && !k.startsWith('app.kubernetes.io/'))",message="labels that begin with wamp-operator.io/ or app.kubernetes.io/ are the operator's own: choose another prefix"
	Labels map[string]string `json:"labels,omitempty"`
	// interval between two looks at the metrics, 1s to 1h; that of the Prometheus when absent.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) >= duration('1s') && duration(self) <= duration('1h')",message="write a duration from 1s to 1h, for example 30s"
	Interval *metav1.Duration `json:"interval,omitempty"`
}

// MaxReplicas is the most routers one cluster has: every router keeps links to every other.
const MaxReplicas = 64

// WampClusterSpec describes a set of routers that act as one dealer.
type WampClusterSpec struct {
	// replicas is the number of routers, from 0 to 64.
	// +optional
	// +kubebuilder:default=3
	// +kubebuilder:validation:XValidation:rule="self >= 0 && self <= 64",message="write a number of replicas from 0 to 64"
	Replicas *int32 `json:"replicas,omitempty"`
	// partitionPolicy says what replicas do that cannot reach one another. Available: every part
	// of a split cluster serves, each exact in itself; when the split heals, the older callee of a
	// single procedure stays and the younger is revoked. Majority: a part that has not more than
	// half of spec.replicas refuses new registrations and calls that rotate over the cluster, with
	// wamp.error.unavailable, and its pods are not ready. Change replicas and this field only
	// while all replicas reach one another, and with Majority to less than twice as many replicas at
	// once: until more than half of the new number are there, nobody has the majority.
	// +optional
	// +kubebuilder:default=Available
	PartitionPolicy PartitionPolicy `json:"partitionPolicy,omitempty"`
	// image of the router; the operator's own version when absent.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Image string `json:"image,omitempty"`
	// imagePullPolicy of the router's image.
	// +optional
	// +kubebuilder:validation:Enum=Always;IfNotPresent;Never
	ImagePullPolicy corev1.PullPolicy `json:"imagePullPolicy,omitempty"`
	// imagePullSecrets for the router's image.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	ImagePullSecrets []corev1.LocalObjectReference `json:"imagePullSecrets,omitempty"`
	// listener is the port for clients.
	// +optional
	// +kubebuilder:default={port: 8080}
	Listener Listener `json:"listener,omitempty,omitzero"`
	// limits bound what one client, and all of them together, may use of each router. A change
	// restarts the routers, one at a time.
	// +optional
	Limits Limits `json:"limits,omitempty,omitzero"`
	// allowedNamespaces says from where realms and procedures may be attached.
	// +optional
	// +kubebuilder:default={from: Same}
	AllowedNamespaces AllowedNamespaces `json:"allowedNamespaces,omitempty,omitzero"`
	// drainTimeout bounds how long a router that is told to stop waits for calls in flight. A
	// duration from 0s to 1h.
	// +optional
	// +kubebuilder:default="20s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) <= duration('1h')",message="write a duration from 0s to 1h, for example 20s or 1m30s"
	DrainTimeout *metav1.Duration `json:"drainTimeout,omitempty"`
	// service shapes the Service for clients.
	// +optional
	// +kubebuilder:default={type: ClusterIP}
	Service ServiceShape `json:"service,omitempty,omitzero"`
	// networkPolicy says who may reach the ports of the routers.
	// +optional
	// +kubebuilder:default={mode: Managed}
	NetworkPolicy NetworkPolicyShape `json:"networkPolicy,omitempty,omitzero"`
	// monitoring says how the routers' metrics are collected.
	// +optional
	// +kubebuilder:default={podMonitor: Auto}
	Monitoring Monitoring `json:"monitoring,omitempty,omitzero"`
	// pod shapes the router pods.
	// +optional
	Pod PodShape `json:"pod,omitempty,omitzero"`
}

// AnnotationRotateGossipKey on a WampCluster asks for another gossip key: when its value, which may be
// any, is not the one of status.gossipKey.rotated, the key is replaced while the routers go on.
const AnnotationRotateGossipKey = "wamp-operator.io/rotate-gossip-key"

// GossipKeyStatus tells of the key that protects what routers say to one another.
type GossipKeyStatus struct {
	// rotated is the value of the annotation wamp-operator.io/rotate-gossip-key for which the key was
	// replaced last.
	// +optional
	Rotated string `json:"rotated,omitempty"`
}

// WampClusterStatus says how the routers are doing.
type WampClusterStatus struct {
	// observedGeneration is the generation that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// replicas is the number of router pods that there are.
	// +optional
	Replicas int32 `json:"replicas"`
	// readyReplicas is the number of router pods that are ready.
	// +optional
	ReadyReplicas int32 `json:"readyReplicas"`
	// selector finds the router pods; the scale subresource hands it to autoscalers.
	// +optional
	Selector string `json:"selector,omitempty"`
	// updatedReplicas is the number of router pods that are as the spec says.
	// +optional
	UpdatedReplicas int32 `json:"updatedReplicas"`
	// snapshotHash is the hash of the realms and procedures that the routers are told to serve.
	// +optional
	SnapshotHash string `json:"snapshotHash,omitempty"`
	// programmedReplicas is the number of routers that serve that snapshot.
	// +optional
	ProgrammedReplicas int32 `json:"programmedReplicas"`
	// realms is the number of realms in the snapshot.
	// +optional
	Realms int32 `json:"realms"`
	// procedures is the number of procedures in the snapshot.
	// +optional
	Procedures int32 `json:"procedures"`
	// gossipKey tells of the key that protects what routers say to one another.
	// +optional
	GossipKey *GossipKeyStatus `json:"gossipKey,omitempty"`
	// conditions are Available, Progressing, Programmed, Consistent, Stalled and Ready.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// WampCluster is a set of WAMP router pods that act as one dealer: one list of callees, one
// rotation, one answer, whichever router a client is connected to.
// +kubebuilder:object:root=true
// +kubebuilder:resource:shortName=wampc,categories=wamp
// +kubebuilder:subresource:status
// +kubebuilder:subresource:scale:specpath=.spec.replicas,statuspath=.status.replicas,selectorpath=.status.selector
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",message="write a name of lower-case letters, digits and '-' that begins with a letter and does not end with '-': Services are named after it"
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 40",message="write a name of at most 40 characters: pods and labels are named after it"
// +kubebuilder:printcolumn:name="Replicas",type=integer,JSONPath=".status.replicas"
// +kubebuilder:printcolumn:name="Ready-Replicas",type=integer,JSONPath=".status.readyReplicas"
// +kubebuilder:printcolumn:name="Realms",type=integer,JSONPath=".status.realms"
// +kubebuilder:printcolumn:name="Procedures",type=integer,JSONPath=".status.procedures"
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=".status.conditions[?(@.type==\"Ready\")].status"
// +kubebuilder:printcolumn:name="Partition-Policy",type=string,priority=1,JSONPath=".spec.partitionPolicy"
// +kubebuilder:printcolumn:name="Consistent",type=string,priority=1,JSONPath=".status.conditions[?(@.type==\"Consistent\")].status"
// +kubebuilder:printcolumn:name="Reason",type=string,priority=1,JSONPath=".status.conditions[?(@.type==\"Ready\")].message"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=".metadata.creationTimestamp"
type WampCluster struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +optional
	// +kubebuilder:default={}
	Spec WampClusterSpec `json:"spec,omitempty,omitzero"`
	// +optional
	// +kubebuilder:default={"observedGeneration":-1}
	Status WampClusterStatus `json:"status,omitempty,omitzero"`
}

// WampClusterList is a list of WampCluster.
// +kubebuilder:object:root=true
type WampClusterList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []WampCluster `json:"items"`
}
