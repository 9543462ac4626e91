package router

import (
	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router/admin"
	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// host is the router as the cluster sees it.
type host Router

// in calls f for a realm that was ever served here.
func (h *host) in(name string, f func(*realm)) {
	if realm := h.realms.get(name); realm != nil {
		f(realm)
	}
}

// Event implements cluster.Host.
func (h *host) Event(name string, e *cluster.Event) cluster.Waiter {
	if realm := h.realms.get(name); realm != nil {
		return realm.broker.Event(e)
	}
	return nil
}

// Meta implements cluster.Host.
func (h *host) Meta(e *cluster.MetaEvent) { h.in(e.Realm, func(r *realm) { r.meta.Event(e) }) }

// Message implements cluster.Host.
func (h *host) Message(name string, session wamp.ID, message []byte) {
	h.in(name, func(r *realm) { r.meta.Message(session, message) })
}

// Revoke implements cluster.Host.
func (h *host) Revoke(name string, session, registration wamp.ID) {
	h.in(name, func(r *realm) { r.meta.Revoke(session, registration, wamp.ErrProcedureAlreadyExists) })
}

// Kept implements cluster.Host.
func (h *host) Kept(name string, yield func(*cluster.Event) bool) {
	h.in(name, func(r *realm) { r.broker.Kept(yield) })
}

// Keep implements cluster.Host.
func (h *host) Keep(name string, e *cluster.Event) { h.in(name, func(r *realm) { r.broker.Keep(e) }) }

// Changed implements cluster.Host.
func (h *host) Changed(key cluster.ProcedureKey) {
	h.admin.Changed(admin.ProcedureKey{Realm: key.Realm, Match: v1alpha1.MatchPolicy(key.Match.String()), URI: key.URI})
}

// Pending implements cluster.Host.
func (h *host) Pending(f func(cluster.Callee, cluster.Caller)) {
	for _, p := range h.realms.all() {
		p.dealer.Pending(func(c cluster.Caller) { f(p.dealer, c) })
	}
}
