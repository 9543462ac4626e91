package router

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/broker"
	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/dealer"
	"github.com/wamp-operator/wamp-operator/router/meta"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// realm is one realm on this replica. It stays when its WampRealm is removed, without access,
// so that a realm that comes back goes on with the subscriptions that were not yet gone.
type realm struct {
	name   string
	handle *cluster.Realm
	dealer *dealer.Dealer
	broker *broker.Broker
	meta   *meta.Meta
	// access is nil while the realm is not served. It is what the sessions in it look at, so
	// that new permissions hold from the next request on.
	access atomic.Pointer[auth.Realm]
	// history is what is remembered. Of the goroutine that applies documents.
	history []broker.HistoryRule
}

// realms are the realms and the sessions of a replica.
type realms struct {
	node   *cluster.Node
	limits limits
	byName sync.Map // string: *realm

	mu    sync.Mutex
	peers map[wamp.ID]*peer
	users map[user]int // sessions of this replica by who they are; anonymous ones do not count
	past  counts       // of sessions that ended
	// crowded counts the sessions that sessionsPerPrincipal refused.
	crowded uint64
}

// user is a principal of a realm.
type user struct{ realm, authID string }

func (r *realms) init(node *cluster.Node, l limits) {
	r.node, r.limits, r.peers, r.users = node, l, map[wamp.ID]*peer{}, map[user]int{}
}

func (r *realms) get(name string) *realm {
	if found, ok := r.byName.Load(name); ok {
		return found.(*realm)
	}
	return nil
}

// Session implements meta.Peers.
func (r *realms) Session(id wamp.ID) (*session.Session, *dealer.Peer, *broker.Peer, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.peers[id]; p != nil {
		return p.session, p.dealer, p.broker, true
	}
	return nil, nil, nil, false
}

// serve sets who may do what in the realms, what they remember, and how many calls each callee of a
// procedure, by registration id, may have at once. Realms that are not named are served no more.
func (r *realms) serve(access map[string]*auth.Realm, history map[string][]broker.HistoryRule, concurrency map[string]map[wamp.ID]int) {
	for name, rules := range access {
		found := r.get(name)
		if found == nil {
			handle := r.node.Realm(name)
			found = &realm{name: name, handle: handle}
			found.broker = broker.New(broker.Config{Name: name, Realm: handle, Access: &found.access, Limits: r.limits.broker})
			found.meta = meta.New(meta.Config{Realm: handle, Broker: found.broker, Peers: r})
			found.dealer = dealer.New(name, handle, found.meta, r.limits.dealer)
			found.access.Store(rules)
			found.remember(history[name])
			found.dealer.SetConcurrency(concurrency[name])
			found.dealer.SetTimed(handle.Timed())
			r.byName.Store(name, found)
			handle.AskKept()
		}
		found.remember(history[name])
		changed := found.access.Swap(rules) != rules
		r.dismiss(found, rules)
		found.dealer.SetTimed(found.handle.Timed())
		if found.dealer.SetConcurrency(concurrency[name]) {
			r.bound(found)
		}
		if changed {
			r.recheck(found, rules)
		}
	}
	for _, found := range r.byName.Range {
		if found := found.(*realm); access[found.name] == nil && found.access.Load() != nil {
			r.remove(found)
		}
	}
}

// remember sets what the realm remembers, where that is something else than before.
func (r *realm) remember(rules []broker.HistoryRule) {
	if !slices.Equal(r.history, rules) {
		r.history = rules
		r.broker.SetHistory(rules)
	}
}

// bound applies what is declared of the concurrency to the callees that there are.
func (r *realms) bound(in *realm) {
	for _, p := range r.all() {
		if p.realm == in {
			p.dealer.Bound()
		}
	}
}

// dismiss tells the sessions to leave that would not be let in any more.
func (r *realms) dismiss(from *realm, rules *auth.Realm) {
	for _, p := range r.all() {
		if p.realm == from && !rules.Stands(p.session.Identity) {
			p.session.Kill(wamp.CloseKilled, "the realm does not let in "+p.session.Identity.AuthID+" in this way any more")
		}
	}
}

// remove serves a realm no more. Its sessions are told to leave.
func (r *realms) remove(gone *realm) {
	r.mu.Lock()
	gone.access.Store(nil) // with mu held: nobody joins from here on
	r.mu.Unlock()
	for _, p := range r.all() {
		if p.realm == gone {
			p.session.Goodbye(wamp.CloseRealm)
		}
	}
}

// names are the realms that are served, sorted.
func (r *realms) names() []string {
	var names []string
	for _, found := range r.byName.Range {
		if found := found.(*realm); found.access.Load() != nil {
			names = append(names, found.name)
		}
	}
	slices.Sort(names)
	return names
}

// all gives the sessions of the moment.
func (r *realms) all() []*peer {
	r.mu.Lock()
	defer r.mu.Unlock()
	peers := make([]*peer, 0, len(r.peers))
	for _, p := range r.peers {
		peers = append(peers, p)
	}
	return peers
}

// refused counts the sessions that were refused because their principal had enough of them.
func (r *realms) refused() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.crowded
}

func (r *realms) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.peers)
}
