package router

import (
	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// recheck takes from the sessions here what the new rules of their realm do not allow any more: the
// subscriptions and registrations that they have. Who announced revocation is told why. Sessions that
// have to leave keep theirs until they are gone.
func (r *realms) recheck(in *realm, rules *auth.Realm) {
	stay := map[wamp.ID]*peer{}
	for _, p := range r.all() {
		if p.realm == in && rules.Stands(p.session.Identity) {
			stay[p.session.ID] = p
			p.broker.Recheck()
		}
	}
	if len(stay) == 0 {
		return
	}
	for procedure := range in.handle.Procedures {
		for _, callee := range procedure.Callees {
			p := stay[callee.Session]
			if p == nil {
				continue
			}
			role := rules.Role(p.session.Identity.Role.Name)
			if !role.AllowsPattern(auth.Register, procedure.Match, procedure.URI) {
				p.dealer.Revoke(procedure.Registration, wamp.ErrNotAuthorized)
			}
		}
	}
}
