package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// RouterLinks is what GET /v1/links on the admin port answers: with which other replicas this one
// is linked. A replica that gossip knows and that no link stands with is in it, with Up false.
type RouterLinks struct {
	// Replica is the name of the one that speaks.
	Replica string `json:"replica"`
	// Links by the names of the other replicas.
	Links []RouterLinkState `json:"links,omitempty"`
}

// RouterLinkState is the link with one other replica.
type RouterLinkState struct {
	// Replica is the other's name and Member its name in the cluster.
	Replica string `json:"replica"`
	Member  string `json:"member"`
	// Up: calls can be sent to it: the link stands, and is not silent at the moment.
	Up bool `json:"up"`
	// Via is the replica that relays, because the direct way does not work.
	Via string `json:"via,omitempty"`
	// Since is when the link came up, or when it broke.
	Since metav1.Time `json:"since,omitzero"`
}

// MaxRouterCallees is how many callees RouterCallees has at most.
const MaxRouterCallees = 1000

// RouterCallees is what GET /v1/callees?realm=R&uri=U&match=M on the admin port answers; match is
// exact when it is absent. A procedure that nobody has registered has no callees.
type RouterCallees struct {
	RouterProcedureState `json:",inline"`
	// Sessions tells of the callees' sessions, in the order of Callees.
	Sessions []RouterSessionState `json:"sessions,omitempty"`
	// Omitted is how many callees beyond MaxRouterCallees there are.
	Omitted int `json:"omitted,omitempty"`
	// Deals: this replica deals the turns of the cluster's rotation at the moment, and LastTurn is the
	// stamp of the callee that got the last one; 0 when none was dealt yet. Only with roundrobin.
	Deals    bool   `json:"deals,omitempty"`
	LastTurn uint64 `json:"lastTurn,omitempty"`
}

// RouterSessionState says who is behind a session. It is empty when the replica does not know yet.
type RouterSessionState struct {
	AuthID   string `json:"authid,omitempty"`
	AuthRole string `json:"authrole,omitempty"`
}
