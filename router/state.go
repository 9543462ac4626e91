package router

import (
	"fmt"
	"time"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router/admin"
	"github.com/wamp-operator/wamp-operator/router/cluster"
)

// State implements admin.Source.
func (r *Router) State() v1alpha1.RouterReplicaState {
	return v1alpha1.RouterReplicaState{
		Replica:   r.replica(),
		Member:    r.node.Member(),
		Version:   r.cfg.Version,
		Ready:     len(r.Missing()) == 0,
		Draining:  r.draining.Load(),
		Documents: *r.served.Load(),
		Members:   r.node.Members(),
		ListHash:  r.node.ListHash(),
		Sessions:  r.realms.count(),
		Minority:  r.node.Minority(),
		Keys:      v1alpha1.KeyFingerprints(r.node.Keys()),
		KeysError: r.keys.text(),
	}
}

func (r *Router) replica() string {
	if c := r.cfg.Configuration.Cluster; c != nil {
		return c.Replica
	}
	return "wamp-router"
}

// Missing implements admin.Source: what keeps the replica from being ready.
func (r *Router) Missing() []string {
	if r.draining.Load() {
		return []string{"the replica is stopping"}
	}
	var missing []string
	if !r.hasJoined() {
		why := "the replica has not met the others yet"
		if waits := r.node.Waiting(); waits != "" && !r.node.Minority() {
			why += ": " + waits
		}
		missing = append(missing, why)
	}
	if !r.loaded.Load() {
		why := "they were not read yet"
		if err := r.served.Load().Error; err != "" {
			why = err
		}
		missing = append(missing, "no documents are served: "+why)
	}
	if r.node.Minority() {
		missing = append(missing, fmt.Sprintf("the replica cannot reach more than half of the %d replicas: until it can, it refuses registrations and rotations (partitionPolicy: Majority)", r.quorum.Load()))
	}
	return missing
}

// hasJoined tells whether the replica has met the others since it started. It stays ready while
// members come and go later: calls that need what is moving wait a moment.
func (r *Router) hasJoined() bool {
	if !r.joined.Load() && r.node.Joined() {
		r.joined.Store(true)
	}
	return r.joined.Load()
}

// watchReadiness tells the state stream when the replica becomes ready, or is no more, and when it
// finds itself in the minority, or does no more.
func (r *Router) watchReadiness() {
	look := time.NewTicker(readinessEvery)
	defer look.Stop()
	ready, minority := false, false
	for {
		if now := len(r.Missing()) == 0; now != ready {
			ready = now
			r.log.Info("readiness changed", "ready", ready, "members", r.node.Members())
			r.admin.Changed(admin.ProcedureKey{})
		}
		if now := r.node.Minority(); now != minority {
			minority = now
			r.admin.Changed(admin.ProcedureKey{})
		}
		select {
		case <-r.ctx.Done():
			return
		case <-look.C:
		}
	}
}

const readinessEvery = 100 * time.Millisecond

// Procedures implements admin.Source.
func (r *Router) Procedures(yield func(v1alpha1.RouterProcedureState) bool) {
	r.node.Procedures(func(info cluster.ProcedureInfo) bool { return yield(procedureState(info)) })
}

// Procedure implements admin.Source.
func (r *Router) Procedure(named admin.ProcedureKey) v1alpha1.RouterProcedureState {
	key := cluster.ProcedureKey{Realm: named.Realm, URI: named.URI}
	key.Match, _ = cluster.ParseMatch(string(named.Match))
	info, ok := r.node.Procedure(key)
	if !ok {
		info.ProcedureKey = key
	}
	return procedureState(info)
}

func procedureState(info cluster.ProcedureInfo) v1alpha1.RouterProcedureState {
	state := v1alpha1.RouterProcedureState{
		Realm:        info.Realm,
		URI:          info.URI,
		Match:        v1alpha1.MatchPolicy(info.Match.String()),
		Invoke:       v1alpha1.InvocationPolicy(info.Invoke.String()),
		Registration: uint64(info.Registration),
	}
	for _, c := range info.Callees {
		state.Callees = append(state.Callees, v1alpha1.RouterCalleeState{
			Stamp: c.Stamp, Replica: c.Replica, Session: uint64(c.Session),
		})
	}
	return state
}
