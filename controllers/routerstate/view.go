package routerstate

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
)

// Hearing says how much of a cluster the operator hears.
type Hearing int

const (
	// Unheard: the operator has only just begun to listen. Nothing can be said yet, and what
	// the status says stays.
	Unheard Hearing = iota
	// Heard: at least one router is heard, or was until a moment ago.
	Heard
	// Silent: there are routers, and none has been heard for the time of grace.
	Silent
	// Empty: there is no router to listen to.
	Empty
)

// Target is a router pod to listen to.
type Target struct {
	// Replica is the pod's name, UID tells it from an earlier pod of that name.
	Replica string
	UID     types.UID
	// IP of the pod.
	IP string
}

// Replica is one router as the operator hears it.
type Replica struct {
	// Connected: its stream is open and complete.
	Connected bool
	// Believed: it is connected, or no router is since a moment ago and what it said last still
	// counts.
	Believed bool
	// State is what it said last; nil when it never said anything.
	State *v1alpha1.RouterReplicaState
	// Trouble is why it is not connected, empty when it is or was not tried yet.
	Trouble string
}

// Serving tells whether clients may be connected to it: heard and ready.
func (r Replica) Serving() bool { return r.Believed && r.State != nil && r.State.Ready }

// View is a cluster as its routers report it.
type View struct {
	Hearing Hearing
	// Replicas by the names of their pods.
	Replicas map[string]Replica
}

// ServingHashes gives, for every router that clients may be connected to, the hash of the
// documents that it serves.
func (v View) ServingHashes() map[string]string {
	out := make(map[string]string, len(v.Replicas))
	for name, r := range v.Replicas {
		if r.Serving() {
			out[name] = r.State.Documents.Hash
		}
	}
	return out
}

// Procedure is one procedure as the whole cluster has it.
type Procedure struct {
	Registration uint64
	Invoke       v1alpha1.InvocationPolicy
	// Callees in the order of the list.
	Callees []v1alpha1.RouterCalleeState
}

// Change says what became different in a cluster.
type Change struct {
	Cluster types.NamespacedName
	// Replicas: something about the routers themselves.
	Replicas bool
	// All: the Hearing, or whether any router serves; everything said about the cluster may be
	// different now.
	All bool
	// Hashes are hashes of documents that routers serve, or served until now.
	Hashes []string
	// Procedures whose callees may be different.
	Procedures []snapshot.ProcedureKey
}
