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

// MatchPolicy says how a URI is matched.
// +kubebuilder:validation:Enum=exact
type MatchPolicy string

const (
	MatchExact MatchPolicy = "exact"
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
