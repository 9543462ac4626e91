package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Action is what a client may ask a router for. disclose is to name itself to others (disclose_me
// of CALL and PUBLISH), and to be told who calls it (disclose_caller of REGISTER).
// +kubebuilder:validation:Enum=call;register;publish;subscribe;disclose
type Action string

const (
	ActionCall      Action = "call"
	ActionRegister  Action = "register"
	ActionPublish   Action = "publish"
	ActionSubscribe Action = "subscribe"
	ActionDisclose  Action = "disclose"
)

// Disclosure says when others are told who calls or publishes.
// +kubebuilder:validation:Enum=Asked;Always
type Disclosure string

const (
	// DiscloseAsked: when the client asks with disclose_me and its role may disclose, or the callee with
	// disclose_caller.
	DiscloseAsked Disclosure = "Asked"
	// DiscloseAlways: whether anybody asks or not.
	DiscloseAlways Disclosure = "Always"
)

// PatternMatch says how the URI of a permission is compared with the URI of a request.
// +kubebuilder:validation:Enum=exact;prefix;wildcard
type PatternMatch string

const (
	PatternExact    PatternMatch = "exact"
	PatternPrefix   PatternMatch = "prefix"
	PatternWildcard PatternMatch = "wildcard"
)

// Permission lets a role do something with the URIs that match.
// +kubebuilder:validation:XValidation:rule="!has(self.disclose) || self.disclose != 'Always' || self.allow.exists(a, a == 'call' || a == 'publish')",message="disclose: Always is about calls and publications: add call or publish to allow, or leave disclose out"
// +kubebuilder:validation:XValidation:rule="self.match != 'exact' || self.uri.matches('^[^\\\\s.#]+([.][^\\\\s.#]+)*$')",message="with match: exact write a URI of components with one dot between them, without white space and '#', for example com.example.add"
// +kubebuilder:validation:XValidation:rule="self.match != 'prefix' || self.uri.matches('^([^\\\\s.#]+[.])*[^\\\\s.#]*$')",message="with match: prefix write the beginning of a URI, for example com.example. (an empty uri matches every URI)"
// +kubebuilder:validation:XValidation:rule="self.match != 'wildcard' || self.uri.matches('^[^\\\\s#]+$')",message="with match: wildcard write a URI in which an empty component stands for any, for example com..add"
type Permission struct {
	// uri or pattern. With match: prefix it is compared character by character, so that
	// "com.example" also matches com.examples.add and "com.example." does not; "" matches
	// everything.
	// +required
	// +kubebuilder:validation:MaxLength=255
	URI string `json:"uri"`
	// match says how uri is compared.
	// +optional
	// +kubebuilder:default=exact
	Match PatternMatch `json:"match,omitempty"`
	// allow lists what the role may do. The empty list is nothing: a narrow permission takes away
	// with it what a wide one gives.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=5
	// +kubebuilder:validation:XValidation:rule="self.all(a, self.exists_one(b, a == b))",message="list each action once"
	Allow []Action `json:"allow"`
	// disclose says when callees are told who calls, and subscribers who publishes. Always: with each
	// call and each publication that this permission allows, also of clients that do not ask for it or
	// ask not to be named. Asked, as when absent: when a client asks (disclose_me) that may disclose,
	// or a callee that may (disclose_caller).
	// +optional
	Disclose Disclosure `json:"disclose,omitempty"`
}

// Role is a named set of permissions. A request that no permission of the role allows is
// refused with wamp.error.not_authorized.
type Role struct {
	// name of the role, as clients see it in WELCOME.Details.authrole.
	// +required
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?$')",message="write a role name of letters, digits, '-', '_' and '.', with a letter or digit first and last, for example frontend"
	Name string `json:"name"`
	// trustLevel is told to those whom the role's sessions call and publish to, in
	// INVOCATION.Details.trustlevel and EVENT.Details.trustlevel; what it means is up to the
	// application. From 0 to 1000000; nothing is told when absent.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self >= 0 && self <= 1000000",message="write a trust level from 0 to 1000000"
	TrustLevel *int32 `json:"trustLevel,omitempty"`
	// permissions of the role; a role without any may join and do nothing.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=128
	Permissions []Permission `json:"permissions,omitempty"`
}

// AnonymousAccess lets clients in that do not say who they are.
type AnonymousAccess struct {
	// role that such clients get.
	// +required
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:MinLength=1
	Role string `json:"role"`
}

// WampRealmSpec declares who may join a realm and what they may do there. Nobody gets in where
// nothing is declared.
// +kubebuilder:validation:XValidation:rule="!has(self.anonymous) || (has(self.roles) && self.roles.exists(r, r.name == self.anonymous.role))",message="anonymous.role names no role of this realm: add that role to roles, or write the name of one that is there"
// +kubebuilder:validation:XValidation:rule="!has(self.principals) || self.principals.all(p, has(self.roles) && self.roles.exists(r, r.name == p.role))",message="a principal has a role that this realm does not have: add that role to roles, or write the name of one that is there"
// +kubebuilder:validation:XValidation:rule="!has(self.authenticators) || self.authenticators.all(a, a.methods.all(m, self.authenticators.exists_one(b, m in b.methods)))",message="two authenticators have the same method: list each method once"
// +kubebuilder:validation:XValidation:rule="!has(self.anonymous) || !has(self.authenticators) || !self.authenticators.exists(a, 'anonymous' in a.methods)",message="anonymous is declared, so no authenticator is asked about it: remove one of the two"
type WampRealmSpec struct {
	// clusterRef names the WampCluster that serves the realm.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="clusterRef cannot be changed: delete this WampRealm and create it anew with the other cluster"
	ClusterRef ClusterReference `json:"clusterRef"`
	// realm is the URI that clients write in HELLO. At most 255 characters.
	// +required
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^\\\\s.#]+([.][^\\\\s.#]+)*$')",message="write a URI of components with one dot between them, without white space and '#', for example realm1 or com.example.realm"
	// +kubebuilder:validation:XValidation:rule="self != 'wamp' && !self.startsWith('wamp.')",message="URIs that begin with 'wamp.' belong to the protocol: choose another realm, for example realm1"
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="realm cannot be changed: delete this WampRealm and create it anew with the other realm"
	Realm string `json:"realm"`
	// anonymous, when there, lets clients in that do not say who they are.
	// +optional
	Anonymous *AnonymousAccess `json:"anonymous,omitempty"`
	// principals are those who may join with a name and a proof of it. At most 512, each authid
	// once; more than that is for an authenticator. A change holds for the sessions that begin
	// after it; the sessions of a principal that is removed, or gets another role, are told to
	// leave.
	// +optional
	// +listType=map
	// +listMapKey=authid
	// +kubebuilder:validation:MaxItems=512
	Principals []Principal `json:"principals,omitempty"`
	// authenticators are procedures that are asked about clients whom principals does not name.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=4
	Authenticators []Authenticator `json:"authenticators,omitempty"`
	// roles and what they may do.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:XValidation:rule="self.all(r, self.exists_one(s, s.name == r.name))",message="two roles have the same name: give each role a name of its own and put all its permissions into one list"
	Roles []Role `json:"roles,omitempty"`
	// eventHistory says which events are remembered. Clients that may subscribe to them get them
	// from wamp.subscription.get_events. At most 64 entries.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	EventHistory []EventHistory `json:"eventHistory,omitempty"`
}

// WampRealmStatus says whether the routers serve the realm.
type WampRealmStatus struct {
	// observedGeneration is the generation that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions are Accepted, ResolvedRefs, Programmed, Stalled and Ready.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// WampRealm declares a realm of a WampCluster: who may join, and what they may do.
// +kubebuilder:object:root=true
// +kubebuilder:resource:shortName=wampr,categories=wamp
// +kubebuilder:subresource:status
// +kubebuilder:selectablefield:JSONPath=".spec.realm"
// +kubebuilder:printcolumn:name="Realm",type=string,JSONPath=".spec.realm"
// +kubebuilder:printcolumn:name="Cluster",type=string,JSONPath=".spec.clusterRef.name"
// +kubebuilder:printcolumn:name="Accepted",type=string,JSONPath=".status.conditions[?(@.type==\"Accepted\")].status"
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=".status.conditions[?(@.type==\"Ready\")].status"
// +kubebuilder:printcolumn:name="Reason",type=string,priority=1,JSONPath=".status.conditions[?(@.type==\"Ready\")].message"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=".metadata.creationTimestamp"
type WampRealm struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +required
	Spec WampRealmSpec `json:"spec"`
	// +optional
	// +kubebuilder:default={"observedGeneration":-1}
	Status WampRealmStatus `json:"status,omitempty,omitzero"`
}

// WampRealmList is a list of WampRealm.
// +kubebuilder:object:root=true
type WampRealmList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []WampRealm `json:"items"`
}
