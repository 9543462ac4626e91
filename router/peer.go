package router

import (
	"fmt"

	"github.com/wamp-operator/wamp-operator/router/admin"
	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/broker"
	"github.com/wamp-operator/wamp-operator/router/dealer"
	"github.com/wamp-operator/wamp-operator/router/meta"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// peer is a session that joined a realm.
type peer struct {
	router  *Router
	session *session.Session
	realm   *realm
	dealer  *dealer.Peer
	broker  *broker.Peer
}

// join enters a session; id is the id that it should have.
func (r *realms) join(router *Router, s *session.Session, in *realm, identity auth.Identity, id wamp.ID) (session.Peer, *session.Refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch rules := in.access.Load(); {
	case rules == nil:
		return nil, noSuchRealm(in.name)
	case !rules.Stands(identity): // they were replaced in the meantime
		return nil, &session.Refusal{URI: wamp.ErrAuthenticationDenied, Message: "these credentials are not accepted any more"}
	}
	who := user{in.name, identity.AuthID}
	if most := r.limits.sessionsPerPrincipal; most > 0 && identity.Method != auth.Anonymous && r.users[who] >= most {
		r.crowded++
		return nil, &session.Refusal{URI: wamp.ErrNotAuthorized, Message: fmt.Sprintf(
			"%s has %d sessions on this router already, the most that one may have: leave one, or raise limits.sessionsPerPrincipal", who.authID, most)}
	}
	s.ID = newSessionID(id, func(id wamp.ID) bool { return r.peers[id] != nil })
	s.Realm, s.Identity, s.Access = in.name, identity, &in.access
	p := &peer{router: router, session: s, realm: in, dealer: in.dealer.Join(s), broker: in.broker.Join(s)}
	in.handle.Joined(meta.Info(s))
	r.peers[s.ID] = p
	r.users[who]++
	router.admin.Changed(admin.ProcedureKey{})
	return p, nil
}

func noSuchRealm(name string) *session.Refusal {
	return &session.Refusal{URI: wamp.ErrNoSuchRealm, Message: fmt.Sprintf("the realm %q is not served here", name)}
}

// Handle implements session.Peer.
func (p *peer) Handle(m *wamp.Message) {
	switch m.Type {
	case wamp.Call:
		p.dealer.Call(m)
	case wamp.Cancel:
		p.dealer.Cancel(m)
	case wamp.Yield:
		p.dealer.Yield(m)
	case wamp.Error:
		p.dealer.Error(m)
	case wamp.Publish:
		p.broker.Publish(m)
	case wamp.Register:
		p.dealer.Register(m)
	case wamp.Unregister:
		p.dealer.Unregister(m)
	case wamp.Subscribe:
		p.broker.Subscribe(m)
	case wamp.Unsubscribe:
		p.broker.Unsubscribe(m)
	}
}

// Leave implements session.Peer. The lists come first: no call is routed here any more when
// those that are open are answered.
func (p *peer) Leave() {
	p.router.node.CloseSession(p.session.ID)
	p.dealer.Leave()
	p.broker.Leave()
	p.router.realms.leave(p)
	p.router.admin.Changed(admin.ProcedureKey{})
}

func (r *realms) leave(p *peer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.peers, p.session.ID)
	who := user{p.realm.name, p.session.Identity.AuthID}
	if r.users[who]--; r.users[who] == 0 {
		delete(r.users, who)
	}
	r.past.add(p)
}
