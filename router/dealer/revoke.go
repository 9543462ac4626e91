package dealer

import (
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Revoke takes a registration away from the session (WAMP advanced profile, "Registration
// Revocation"); false when the session does not have it. The session is told when the cluster
// knows, with the reason where that is not empty, if it announced that it wants to be. Invocations
// that are open go on. From any goroutine.
func (p *Peer) Revoke(registration wamp.ID, reason string) bool {
	p.mu.Lock()
	reg := p.registrations[registration]
	has := reg != nil && reg.confirmed
	p.mu.Unlock()
	if !has {
		return false
	}
	p.dealer.realm.Unregister(p.session.ID, registration, func(err error) {
		if err == nil {
			p.revoked(registration, reason)
		}
	})
	return true
}

func (p *Peer) revoked(registration wamp.ID, reason string) {
	p.mu.Lock()
	if p.gone {
		p.mu.Unlock()
		return
	}
	back := p.remove(registration)
	if p.session.Has(session.CalleeRevocation) {
		w := wamp.StartDict(p.session.Format(), nil)
		w.Uint("registration", uint64(registration))
		if reason != "" {
			w.Str("reason", reason)
		}
		_ = send(p.session, nil, wamp.Message{Type: wamp.Unregistered, Dict: w.Dict()})
	}
	p.mu.Unlock()
	p.handBack(back)
}
