package v1alpha1

// Condition types. Every condition carries observedGeneration and, unless it is True, a message
// that says what to do.
const (
	// ConditionAccepted: the object makes sense together with the others: its WampCluster is
	// there and lets it in, and no older object says something else about the same thing.
	ConditionAccepted = "Accepted"
	// ConditionResolvedRefs: the Secrets that a WampRealm refers to are there, with the keys that
	// it names. Where one is not, that principal cannot log in; all others can.
	ConditionResolvedRefs = "ResolvedRefs"
	// ConditionProgrammed: every router that is ready serves this generation of the object.
	ConditionProgrammed = "Programmed"
	// ConditionAvailable: calls can be answered. Of a WampProcedure: a callee is there. Of a
	// WampCluster: a router is ready.
	ConditionAvailable = "Available"
	// ConditionRedundant: a WampProcedure has the standbys it asks for.
	ConditionRedundant = "Redundant"
	// ConditionProgressing: a WampCluster is on its way to what its spec says.
	ConditionProgressing = "Progressing"
	// ConditionConsistent: the routers of a WampCluster hold the same callee lists.
	ConditionConsistent = "Consistent"
	// ConditionStalled: nothing goes on until somebody changes something; tools that know nothing of
	// this API, kstatus among them, take it for a failure. Its message says what to change.
	ConditionStalled = "Stalled"
	// ConditionReady sums up the others; tools that know nothing of this API read it.
	ConditionReady = "Ready"
)
