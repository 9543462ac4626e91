package v1alpha1

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

const (
	sayClusterName   = "write the name of a WampCluster (a router outside Kubernetes takes any)"
	sayRoleName      = "write a role name of letters, digits, '-', '_' and '.', with a letter or digit first and last, for example frontend"
	sayRoleTwice     = "two roles have the same name: give each role a name of its own and put all its permissions into one list"
	sayAnonymousRole = "anonymous.role names no role of this realm: add that role to roles, or write the name of one that is there"
	sayNoAllow       = "list what is allowed: call, register, publish, subscribe, disclose; [] for nothing"
	sayActionTwice   = "list each action once"
	sayNoDisclose    = "disclose: Always is about calls and publications: add call or publish to allow, or leave disclose out"
	sayTrustLevel    = "write a trust level from 0 to 1000000"
	sayStandbys      = "write a number of standbys from 0 to 1000"
	sayHold          = "write a duration from 0s to 5m, for example 5s"
	sayTimeout       = "write a duration from 1ms to 24h, for example 30s"
	sayConcurrency   = "write a number of calls from 1 to 1000000"
	sayHistoryLimit  = "write a number of events from 1 to 100000"
	sayName          = "write a name for the object"
	sayReplicas      = "write a number of replicas from 0 to 64"
)

// Bounds of the schema.
const (
	maxRoles       = 32
	maxPermissions = 128
	maxNameLength  = 63
	maxTrustLevel  = 1000000
	maxStandbys    = 1000
	maxConcurrency = 1000000
	maxHistories   = 64
	maxHistory     = 100000
	maxHold        = 5 * time.Minute
	minTimeout     = time.Millisecond
	maxTimeout     = 24 * time.Hour
)

var roleName = regexp.MustCompile(`^[A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?$`)

// Validate checks a document by itself, as the schema of the API server does; call Default
// first. The error is an errors.Aggregate of *field.Error, whose Field is the path of what is
// wrong and whose Detail says what to write instead.
func (r *WampRealm) Validate() error {
	var errs field.ErrorList
	spec := field.NewPath("spec")
	errs = append(errs, validateName(r.Name)...)
	errs = append(errs, validateClusterRef(spec.Child("clusterRef"), r.Spec.ClusterRef)...)

	errs = append(errs, validateRealm(spec.Child("realm"), r.Spec.Realm)...)
	if a := r.Spec.Anonymous; a != nil && !slices.ContainsFunc(r.Spec.Roles, func(role Role) bool { return role.Name == a.Role }) {
		errs = append(errs, field.Invalid(spec.Child("anonymous", "role"), a.Role, sayAnonymousRole))
	}
	errs = append(errs, validateRoles(spec.Child("roles"), r.Spec.Roles)...)
	errs = append(errs, validateEventHistory(spec.Child("eventHistory"), r.Spec.EventHistory)...)
	errs = append(errs, validatePrincipals(spec, &r.Spec)...)
	errs = append(errs, validateAuthenticators(spec, &r.Spec)...)
	return errs.ToAggregate()
}

// Validate checks a document by itself, as the schema of the API server does; call Default
// first. The error is an errors.Aggregate of *field.Error, whose Field is the path of what is
// wrong and whose Detail says what to write instead.
func (p *WampProcedure) Validate() error {
	var errs field.ErrorList
	spec := field.NewPath("spec")
	errs = append(errs, validateName(p.Name)...)
	errs = append(errs, validateClusterRef(spec.Child("clusterRef"), p.Spec.ClusterRef)...)
	errs = append(errs, validateRealm(spec.Child("realm"), p.Spec.Realm)...)

	uri := spec.Child("uri")
	errs = append(errs, validateLength(uri, p.Spec.URI, MaxURILength)...)
	switch p.Spec.Match {
	case MatchExact:
		if !validURI(p.Spec.URI) {
			errs = append(errs, field.Invalid(uri, p.Spec.URI, sayProcedureURI))
		}
	case MatchPrefix:
		if p.Spec.URI == "" || !validPrefix(p.Spec.URI) {
			errs = append(errs, field.Invalid(uri, p.Spec.URI, sayProcedurePrefix))
		}
	case MatchWildcard:
		if !validWildcard(p.Spec.URI) {
			errs = append(errs, field.Invalid(uri, p.Spec.URI, sayProcedureWild))
		}
	default:
		errs = append(errs, validateEnum(spec.Child("match"), p.Spec.Match, MatchExact, MatchPrefix, MatchWildcard)...)
	}
	if reservedURI(p.Spec.URI) {
		errs = append(errs, field.Invalid(uri, p.Spec.URI, sayProcedurePrivate))
	}
	errs = append(errs, validateEnum(spec.Child("invoke"), p.Spec.Invoke,
		InvokeSingle, InvokeRoundRobin, InvokeRandom, InvokeFirst, InvokeLast)...)
	errs = append(errs, validateEnum(spec.Child("enforcement"), p.Spec.Enforcement, EnforceRequire, EnforceOverride)...)
	errs = append(errs, validateEnum(spec.Child("rotation"), p.Spec.Rotation, RotationCluster, RotationReplica)...)
	if h := p.Spec.Hold; h != nil && (h.Duration < 0 || h.Duration > maxHold) {
		errs = append(errs, field.Invalid(spec.Child("hold"), h.Duration.String(), sayHold))
	}
	if t := p.Spec.Timeout; t != nil && (t.Duration < minTimeout || t.Duration > maxTimeout) {
		errs = append(errs, field.Invalid(spec.Child("timeout"), t.Duration.String(), sayTimeout))
	}
	if n := p.Spec.Concurrency; n != nil && (*n < 1 || *n > maxConcurrency) {
		errs = append(errs, field.Invalid(spec.Child("concurrency"), *n, sayConcurrency))
	}
	if n := p.Spec.Standbys; n != nil && (*n < 0 || *n > maxStandbys) {
		errs = append(errs, field.Invalid(spec.Child("standbys"), *n, sayStandbys))
	}
	return errs.ToAggregate()
}

// Validate checks what routers read of a WampCluster, as the schema of the API server does; call
// Default first. The error is an errors.Aggregate of *field.Error, whose Field is the path of what is
// wrong and whose Detail says what to write instead.
func (c *WampCluster) Validate() error {
	spec := field.NewPath("spec")
	errs := validateName(c.Name)
	if n := *c.Spec.Replicas; n < 0 || n > MaxReplicas {
		errs = append(errs, field.Invalid(spec.Child("replicas"), n, sayReplicas))
	}
	errs = append(errs, validateEnum(spec.Child("partitionPolicy"), c.Spec.PartitionPolicy, PartitionAvailable, PartitionMajority)...)
	return errs.ToAggregate()
}

func validateRoles(path *field.Path, roles []Role) (errs field.ErrorList) {
	if len(roles) > maxRoles {
		errs = append(errs, field.TooMany(path, len(roles), maxRoles))
	}
	seen := make(map[string]bool, len(roles))
	for i, role := range roles {
		name := path.Index(i).Child("name")
		errs = append(errs, validateLength(name, role.Name, maxNameLength)...)
		if !roleName.MatchString(role.Name) {
			errs = append(errs, field.Invalid(name, role.Name, sayRoleName))
		}
		if seen[role.Name] {
			errs = append(errs, field.Invalid(path, role.Name, sayRoleTwice))
		}
		seen[role.Name] = true
		if l := role.TrustLevel; l != nil && (*l < 0 || *l > maxTrustLevel) {
			errs = append(errs, field.Invalid(path.Index(i).Child("trustLevel"), *l, sayTrustLevel))
		}

		permissions := path.Index(i).Child("permissions")
		if len(role.Permissions) > maxPermissions {
			errs = append(errs, field.TooMany(permissions, len(role.Permissions), maxPermissions))
		}
		for j, permission := range role.Permissions {
			errs = append(errs, validatePermission(permissions.Index(j), permission)...)
		}
	}
	return errs
}

// validatePattern checks the URI of a permission or of an event history.
func validatePattern(path *field.Path, match PatternMatch, uri string) (errs field.ErrorList) {
	errs = append(errs, validateLength(path.Child("uri"), uri, MaxURILength)...)
	switch match {
	case PatternExact:
		if !validURI(uri) {
			errs = append(errs, field.Invalid(path, uri, sayPatternExact))
		}
	case PatternPrefix:
		if !validPrefix(uri) {
			errs = append(errs, field.Invalid(path, uri, sayPatternPrefix))
		}
	case PatternWildcard:
		if !validWildcard(uri) {
			errs = append(errs, field.Invalid(path, uri, sayPatternWildcard))
		}
	default:
		errs = append(errs, validateEnum(path.Child("match"), match, PatternExact, PatternPrefix, PatternWildcard)...)
	}
	return errs
}

func validateEventHistory(path *field.Path, history []EventHistory) (errs field.ErrorList) {
	if n := len(history); n > maxHistories {
		errs = append(errs, field.TooMany(path, n, maxHistories))
	}
	for i, h := range history {
		errs = append(errs, validatePattern(path.Index(i), h.Match, h.URI)...)
		if h.Limit != nil && (*h.Limit < 1 || *h.Limit > maxHistory) {
			errs = append(errs, field.Invalid(path.Index(i).Child("limit"), *h.Limit, sayHistoryLimit))
		}
	}
	return errs
}

func validatePermission(path *field.Path, p Permission) (errs field.ErrorList) {
	errs = append(errs, validatePattern(path, p.Match, p.URI)...)

	allow := path.Child("allow")
	if p.Allow == nil {
		errs = append(errs, field.Required(allow, sayNoAllow))
	}
	seen := make(map[Action]bool, len(p.Allow))
	for i, action := range p.Allow {
		errs = append(errs, validateEnum(allow.Index(i), action, ActionCall, ActionRegister, ActionPublish, ActionSubscribe, ActionDisclose)...)
		if seen[action] {
			errs = append(errs, field.Invalid(allow, action, sayActionTwice))
		}
		seen[action] = true
	}
	if p.Disclose != "" {
		errs = append(errs, validateEnum(path.Child("disclose"), p.Disclose, DiscloseAsked, DiscloseAlways)...)
	}
	if p.Disclose == DiscloseAlways && !seen[ActionCall] && !seen[ActionPublish] {
		errs = append(errs, field.Invalid(path, p.Disclose, sayNoDisclose))
	}
	return errs
}

func validateRealm(path *field.Path, realm string) (errs field.ErrorList) {
	errs = append(errs, validateLength(path, realm, MaxURILength)...)
	if !validURI(realm) {
		errs = append(errs, field.Invalid(path, realm, sayRealmURI))
	}
	if reservedURI(realm) {
		errs = append(errs, field.Invalid(path, realm, sayRealmReserved))
	}
	return errs
}

func validateClusterRef(path *field.Path, ref ClusterReference) (errs field.ErrorList) {
	if ref.Name == "" {
		errs = append(errs, field.Invalid(path.Child("name"), ref.Name, sayClusterName))
	}
	return errs
}

func validateName(name string) (errs field.ErrorList) {
	if name == "" {
		errs = append(errs, field.Required(field.NewPath("metadata", "name"), sayName))
	}
	return errs
}

// validateLength counts characters, as the schema does.
func validateLength(path *field.Path, value string, limit int) (errs field.ErrorList) {
	if n := utf8.RuneCountInString(value); n > limit {
		errs = append(errs, field.Invalid(path, value, fmt.Sprintf("has %d characters: write at most %d", n, limit)))
	}
	return errs
}

func validateEnum[T ~string](path *field.Path, value T, allowed ...T) (errs field.ErrorList) {
	if slices.Contains(allowed, value) {
		return nil
	}
	names := make([]string, len(allowed))
	for i, a := range allowed {
		names[i] = string(a)
	}
	return append(errs, field.Invalid(path, value, "write one of "+strings.Join(names, ", ")))
}
