package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// WampProcedureSpec declares how a procedure is shared between its callees.
// +kubebuilder:validation:XValidation:rule="self.match != 'exact' || self.uri.matches('^[^\\\\s.#]+([.][^\\\\s.#]+)*$')",message="write a URI of components with one dot between them, without white space and '#', for example com.example.add",fieldPath=".uri"
// +kubebuilder:validation:XValidation:rule="self.match != 'prefix' || self.uri.matches('^[^\\\\s.#]+([.][^\\\\s.#]+)*[.]?$')",message="with match: prefix write the beginning of a URI, without white space and '#', for example com.example. (with the dot it matches whole components only)",fieldPath=".uri"
// +kubebuilder:validation:XValidation:rule="self.match != 'wildcard' || self.uri.matches('^[^\\\\s#]+$')",message="with match: wildcard write a URI in which an empty component stands for any, without white space and '#', for example com..add",fieldPath=".uri"
type WampProcedureSpec struct {
	// clusterRef names the WampCluster that serves the procedure.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="clusterRef cannot be changed: delete this WampProcedure and create it anew with the other cluster"
	ClusterRef ClusterReference `json:"clusterRef"`
	// realm is the URI of the realm, as clients write it in HELLO; a WampRealm of the same
	// cluster has to declare it.
	// +required
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^\\\\s.#]+([.][^\\\\s.#]+)*$')",message="write a URI of components with one dot between them, without white space and '#', for example realm1 or com.example.realm"
	// +kubebuilder:validation:XValidation:rule="self != 'wamp' && !self.startsWith('wamp.')",message="URIs that begin with 'wamp.' belong to the protocol: choose another realm, for example realm1"
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="realm cannot be changed: delete this WampProcedure and create it anew with the other realm"
	Realm string `json:"realm"`
	// uri of the procedure, or the pattern that match says it is. At most 255 characters.
	// +required
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self != 'wamp' && !self.startsWith('wamp.')",message="URIs that begin with 'wamp.' belong to the protocol: begin with a domain of your own, for example com.example.add"
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="uri cannot be changed: delete this WampProcedure and create it anew with the other uri"
	URI string `json:"uri"`
	// match says how the uri is matched with that of a call: exact; prefix, character by
	// character, so that "com.example" also matches com.examples.add and "com.example." does
	// not; or wildcard, in which an empty component stands for any one, as in "com..add". A call
	// goes to the exact procedure if there is one, else to the longest prefix, else to a
	// wildcard. The same uri with another match is another procedure.
	// +optional
	// +kubebuilder:default=exact
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="match cannot be changed: delete this WampProcedure and create it anew with the other match"
	Match MatchPolicy `json:"match,omitempty"`
	// invoke is the invocation policy: which callee gets a call.
	// +optional
	// +kubebuilder:default=single
	Invoke InvocationPolicy `json:"invoke,omitempty"`
	// enforcement says what happens to a REGISTER that asks for another policy: Require refuses
	// it, Override applies the declared one.
	// +optional
	// +kubebuilder:default=Require
	Enforcement EnforcementPolicy `json:"enforcement,omitempty"`
	// rotation says how far a roundrobin rotation reaches: Cluster is one rotation for all
	// replicas, exact in itself; with Replica each replica has a rotation of its own over all
	// callees, which saves a call the way over the replica that deals the turns. Other policies
	// are not affected.
	// +optional
	// +kubebuilder:default=Cluster
	Rotation RotationScope `json:"rotation,omitempty"`
	// idempotent says that the procedure may be called twice for one call: when a callee, or its
	// replica, is lost with the call, the call is sent to the next callee instead of being
	// answered with wamp.error.canceled. Progressive calls are not sent again, nor is a call of
	// which a progressive result has been passed on.
	// +optional
	Idempotent bool `json:"idempotent,omitempty"`
	// hold is how long a call waits while the procedure has no callee, so that the restart of the
	// only callee loses no call; after that the call is answered with
	// wamp.error.no_such_procedure. A duration from 0s to 5m; absent or 0s, calls do not wait.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) <= duration('5m')",message="write a duration from 0s to 5m, for example 5s"
	Hold *metav1.Duration `json:"hold,omitempty"`
	// timeout is how long a call of the procedure may take: a call that asks for no timeout, or for a
	// longer one, gets this one. When it is over the caller gets wamp.error.timeout and the callee is
	// told to stop. With progressive results it counts from one to the next. A duration from 1ms to
	// 24h; absent, calls have the timeout that they ask for.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) >= duration('1ms') && duration(self) <= duration('24h')",message="write a duration from 1ms to 24h, for example 30s"
	Timeout *metav1.Duration `json:"timeout,omitempty"`
	// concurrency is how many calls a callee has at once at most, whichever callers they come from; a
	// callee that registers with a smaller one keeps its own. Calls beyond what all callees may have
	// wait, and their senders with them. From 1 to 1000000; absent, callees decide.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self >= 1 && self <= 1000000",message="write a number of calls from 1 to 1000000"
	Concurrency *int32 `json:"concurrency,omitempty"`
	// standbys is how many callees besides the first make the procedure redundant; it decides
	// the condition Redundant and nothing else. With invoke: single, which has no standbys, it is not
	// looked at, and Redundant holds with the reason SingleCallee. From 0 to 1000.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:XValidation:rule="self >= 0 && self <= 1000",message="write a number of standbys from 0 to 1000"
	Standbys *int32 `json:"standbys,omitempty"`
}

// MaxListedCallees is how many callees the status of a WampProcedure lists; the number in
// callees counts all.
const MaxListedCallees = 20

// CalleeStatus is one callee, in the order in which the invocation policy sees it.
type CalleeStatus struct {
	// replica is the router pod that the callee is connected to.
	Replica string `json:"replica"`
	// session is the id of the callee's WAMP session.
	Session int64 `json:"session"`
	// stamp orders the callees: about the microseconds since 1970 at which it registered.
	Stamp int64 `json:"stamp"`
}

// WampProcedureStatus says what the routers know of the procedure. It is written when something
// changed in it, never for a call.
type WampProcedureStatus struct {
	// observedGeneration is the generation that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// registration is the id of the registration, the same on every router; absent when
	// nobody has registered the procedure.
	// +optional
	Registration int64 `json:"registration,omitempty"`
	// callees is the number of callees.
	// +optional
	Callees int32 `json:"callees"`
	// activeCallee is the callee that gets the calls, as replica/session, where the policy
	// chooses one (single, first, last); "all" where it shares them (roundrobin, random);
	// "none" when there is no callee.
	// +optional
	ActiveCallee string `json:"activeCallee,omitempty"`
	// calleeList has the first 20 callees in the order of the list.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	CalleeList []CalleeStatus `json:"calleeList,omitempty"`
	// conditions are Accepted, Programmed, Available, Redundant, Stalled and Ready.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// WampProcedure declares a procedure of a realm: its URI and its invocation policy, for all
// routers of a WampCluster as one dealer. Deleting it kicks nobody off: callees stay registered
// under the policy they have.
// +kubebuilder:object:root=true
// +kubebuilder:resource:shortName=wampp,categories=wamp
// +kubebuilder:subresource:status
// +kubebuilder:selectablefield:JSONPath=".spec.uri"
// +kubebuilder:printcolumn:name="Realm",type=string,JSONPath=".spec.realm"
// +kubebuilder:printcolumn:name="URI",type=string,JSONPath=".spec.uri"
// +kubebuilder:printcolumn:name="Policy",type=string,JSONPath=".spec.invoke"
// +kubebuilder:printcolumn:name="Callees",type=integer,JSONPath=".status.callees"
// +kubebuilder:printcolumn:name="Active",type=string,JSONPath=".status.activeCallee"
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=".status.conditions[?(@.type==\"Ready\")].status"
// +kubebuilder:printcolumn:name="Redundant",type=string,priority=1,JSONPath=".status.conditions[?(@.type==\"Redundant\")].status"
// +kubebuilder:printcolumn:name="Match",type=string,priority=1,JSONPath=".spec.match"
// +kubebuilder:printcolumn:name="Cluster",type=string,priority=1,JSONPath=".spec.clusterRef.name"
// +kubebuilder:printcolumn:name="Reason",type=string,priority=1,JSONPath=".status.conditions[?(@.type==\"Ready\")].message"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=".metadata.creationTimestamp"
type WampProcedure struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +required
	Spec WampProcedureSpec `json:"spec"`
	// +optional
	// +kubebuilder:default={"observedGeneration":-1}
	Status WampProcedureStatus `json:"status,omitempty,omitzero"`
}

// WampProcedureList is a list of WampProcedure.
// +kubebuilder:object:root=true
type WampProcedureList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []WampProcedure `json:"items"`
}
