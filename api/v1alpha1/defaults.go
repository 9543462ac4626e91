package v1alpha1

import "k8s.io/utils/ptr"

// Default fills in what the API server fills in from the schema, for documents that come from a
// file.
func (r *WampRealm) Default() {
	for i := range r.Spec.Principals {
		p := &r.Spec.Principals[i]
		if p.SCRAM != nil && p.SCRAM.KDF == "" {
			p.SCRAM.KDF = KDFArgon2
		}
		if p.WampCRA != nil && p.WampCRA.Salted != nil && p.WampCRA.Salted.KeyLength == 0 {
			p.WampCRA.Salted.KeyLength = 32
		}
	}
	for i := range r.Spec.Authenticators {
		if c := r.Spec.Authenticators[i].WampCRA; c != nil && c.KeyLength == 0 {
			c.KeyLength = 32
		}
	}
	for i := range r.Spec.EventHistory {
		h := &r.Spec.EventHistory[i]
		if h.Match == "" {
			h.Match = PatternExact
		}
		if h.Limit == nil {
			h.Limit = ptr.To[int32](1000)
		}
	}
	for i := range r.Spec.Roles {
		permissions := r.Spec.Roles[i].Permissions
		for j := range permissions {
			if permissions[j].Match == "" {
				permissions[j].Match = PatternExact
			}
		}
	}
}

// Default fills in what the API server fills in from the schema, for documents that come from a
// file.
func (p *WampProcedure) Default() {
	if p.Spec.Match == "" {
		p.Spec.Match = MatchExact
	}
	if p.Spec.Invoke == "" {
		p.Spec.Invoke = InvokeSingle
	}
	if p.Spec.Enforcement == "" {
		p.Spec.Enforcement = EnforceRequire
	}
	if p.Spec.Rotation == "" {
		p.Spec.Rotation = RotationCluster
	}
	if p.Spec.Standbys == nil {
		p.Spec.Standbys = ptr.To[int32](1)
	}
}

// Default fills in what the API server fills in from the schema, of what routers read: how many
// replicas there are, and what they do that cannot reach one another.
func (c *WampCluster) Default() {
	if c.Spec.Replicas == nil {
		c.Spec.Replicas = ptr.To[int32](3)
	}
	if c.Spec.PartitionPolicy == "" {
		c.Spec.PartitionPolicy = PartitionAvailable
	}
}
