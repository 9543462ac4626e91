package v1alpha1

// InvocationPolicy says which callee of a shared registration gets a call
// (WAMP advanced profile, "Shared Registration").
// +kubebuilder:validation:Enum=single;roundrobin;random;first;last
type InvocationPolicy string

const (
	InvokeSingle     InvocationPolicy = "single"
	InvokeRoundRobin InvocationPolicy = "roundrobin"
	InvokeRandom     InvocationPolicy = "random"
	InvokeFirst      InvocationPolicy = "first"
	InvokeLast       InvocationPolicy = "last"
)

// MatchPolicy says how the URI of a registration is matched with that of a call (WAMP advanced
// profile, "Pattern-based Registrations").
// +kubebuilder:validation:Enum=exact;prefix;wildcard
type MatchPolicy string

const (
	// MatchExact: the two are the same.
	MatchExact MatchPolicy = "exact"
	// MatchPrefix: the URI of the call begins with that of the registration, character by
	// character.
	MatchPrefix MatchPolicy = "prefix"
	// MatchWildcard: they have as many components, and are the same but for the empty ones of
	// the registration, each of which stands for any component.
	MatchWildcard MatchPolicy = "wildcard"
)

// RotationScope says how far a rotation reaches.
// +kubebuilder:validation:Enum=Cluster;Replica
type RotationScope string

const (
	// RotationCluster: one rotation for the whole cluster.
	RotationCluster RotationScope = "Cluster"
	// RotationReplica: each replica rotates by itself over all callees.
	RotationReplica RotationScope = "Replica"
)

// PartitionPolicy says what replicas do that cannot reach one another.
// +kubebuilder:validation:Enum=Available;Majority
type PartitionPolicy string

const (
	// PartitionAvailable: every part of a split cluster serves, each exact in itself.
	PartitionAvailable PartitionPolicy = "Available"
	// PartitionMajority: only a part with more than half of the replicas registers procedures and
	// rotates over the cluster; the others refuse both and are not ready.
	PartitionMajority PartitionPolicy = "Majority"
)

// EnforcementPolicy says what happens to a REGISTER whose policy is not the declared one.
// +kubebuilder:validation:Enum=Require;Override
type EnforcementPolicy string

const (
	// EnforceRequire refuses it with
	// wamp.error.procedure_exists_with_different_invocation_policy.
	EnforceRequire EnforcementPolicy = "Require"
	// EnforceOverride applies the declared policy whatever the callee asked for.
	EnforceOverride EnforcementPolicy = "Override"
)
