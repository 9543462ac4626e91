package router

import (
	"fmt"

	"github.com/wamp-operator/wamp-operator/router/admin"
	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/broker"
	"github.com/wamp-operator/wamp-operator/router/cluster"
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
	counted := identity.Method != auth.Anonymous
	most, elsewhere := r.limits.sessionsPerPrincipal, 0
	if most > 0 && counted {
		elsewhere = in.elsewhere(router.replica(), identity.AuthID, most)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch rules := in.access.Load(); {
	case rules == nil:
		return nil, noSuchRealm(in.name)
	case !rules.Stands(identity): // they were replaced in the meantime
		return nil, &session.Refusal{URI: wamp.ErrAuthenticationDenied, Message: "these credentials are not accepted any more"}
	}
	who := user{in.name, identity.AuthID}
	if most > 0 && counted && r.users[who]+elsewhere >= most {
		r.crowded++
		return nil, &session.Refusal{URI: wamp.ErrNotAuthorized, Message: fmt.Sprintf(
			"%s has %d sessions in this realm already, the most that one may have: leave one, or raise limits.sessionsPerPrincipal", who.authID, most)}
	}
	s.ID = newSessionID(id, func(id wamp.ID) bool { return r.peers[id] != nil })
	s.Realm, s.Identity, s.Access = in.name, identity, &in.access
	p := &peer{router: router, session: s, realm: in, dealer: in.dealer.Join(s), broker: in.broker.Join(s)}
	in.handle.Joined(meta.Info(s))
	r.peers[s.ID] = p
	if counted {
		r.users[who]++
	}
	router.admin.Changed(admin.ProcedureKey{})
	return p, nil
}

// elsewhere counts the sessions of a principal on other replicas, up to the most that it may have.
// Anonymous sessions do not count, whatever an authenticator calls them.
func (r *realm) elsewhere(here, authID string, most int) (n int) {
	for info := range r.handle.Sessions {
		if info.AuthID == authID && info.Replica != here && methodOf(&info) != auth.Anonymous {
			if n++; n >= most {
				return n
			}
		}
	}
	return n
}

func methodOf(info *cluster.SessionInfo) string {
	details, _ := wamp.Dict{Format: wamp.CBOR, Raw: []byte(info.Details)}.Decode()
	method, _ := details["authmethod"].(string)
	return method
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

// Dismissed implements session.Dismissed.
func (p *peer) Dismissed() { p.dealer.Dismissed() }

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
	if who := p.session.Identity; who.Method != auth.Anonymous {
		key := user{p.realm.name, who.AuthID}
		if r.users[key]--; r.users[key] == 0 {
			delete(r.users, key)
		}
	}
	r.past.add(p)
}
