package v1alpha1

// RouterState is one line of a router's state stream: GET /v1/state on the admin port
// answers one line of JSON that is complete; GET /v1/state?watch=true goes on with a line
// each time something changed (at most one every 50 ms), and an empty line every 5 s when
// nothing did. The first line of a stream has Complete true and holds everything; later ones
// hold Router whenever it changed and the procedures that changed.
type RouterState struct {
	// Complete says that procedures not listed here do not exist.
	Complete bool `json:"complete,omitempty"`
	// Router is the replica that speaks.
	Router *RouterReplicaState `json:"router,omitempty"`
	// Procedures are registrations as this replica knows them, cluster-wide; one without
	// callees is gone.
	Procedures []RouterProcedureState `json:"procedures,omitempty"`
}

// RouterReplicaState describes one replica as it sees itself.
type RouterReplicaState struct {
	// Replica is its name (the pod's name) and Member the name it has in the cluster for
	// this run of the process: the replica's name and a random boot id.
	Replica string `json:"replica"`
	Member  string `json:"member"`
	// Version is the version of the router's binary.
	Version string `json:"version"`
	// Ready: joined, configuration loaded, not draining.
	Ready    bool `json:"ready"`
	Draining bool `json:"draining"`
	// Documents is what the replica serves now.
	Documents RouterDocumentsState `json:"documents"`
	// Members are the replicas it sees alive, itself included, by replica name, sorted.
	Members []string `json:"members"`
	// ListHash is a hash of every registration it knows: equal on all replicas at rest.
	ListHash string `json:"listHash"`
	Sessions int    `json:"sessions"`
	// Minority: with partitionPolicy Majority, this replica has not been able to reach more than
	// half of the replicas; it refuses registrations and rotations of the cluster.
	Minority bool `json:"minority,omitempty"`
	// Keys are fingerprints of the keys of gossip and links that it accepts, the one it uses first:
	// the first 16 hexadecimal digits of their SHA-256. Empty when these are in the clear.
	Keys []string `json:"keys,omitempty"`
	// KeysError says why the key file is not in use as it is now; empty when it is.
	KeysError string `json:"keysError,omitempty"`
}

// RouterDocumentsState tells which documents a replica serves.
type RouterDocumentsState struct {
	// Hash is what HashDocuments gives for the files that are served.
	Hash string `json:"hash"`
	// Error says why newer files are not served, with file and line; empty when they are.
	Error string `json:"error,omitempty"`
	// Warnings is what does not keep the documents from being served: a line for each principal
	// that cannot log in, because its Secret is missing, say, and for each field of procedures that
	// this version of the router does not know. At most 20 lines.
	Warnings string `json:"warnings,omitempty"`
}

// RouterProcedureState is one procedure and its callees.
type RouterProcedureState struct {
	Realm        string              `json:"realm"`
	URI          string              `json:"uri"`
	Match        MatchPolicy         `json:"match"`
	Invoke       InvocationPolicy    `json:"invoke"`
	Registration uint64              `json:"registration"`
	Callees      []RouterCalleeState `json:"callees,omitempty"`
}

// RouterCalleeState is one callee, in the order of the list.
type RouterCalleeState struct {
	// Stamp orders the callees of a procedure the same way on every replica; it is about
	// the time of the registration in microseconds since 1970.
	Stamp   uint64 `json:"stamp"`
	Replica string `json:"replica"`
	Session uint64 `json:"session"`
}
