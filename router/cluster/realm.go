package cluster

import (
	"fmt"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Realm is the part of a Node that one realm uses.
type Realm struct {
	node *Node
	name string
}

// Realm gives the handle of a realm.
func (n *Node) Realm(name string) *Realm {
	if r, ok := n.realms.Load(name); ok {
		return r.(*Realm)
	}
	r, _ := n.realms.LoadOrStore(name, &Realm{node: n, name: name})
	return r.(*Realm)
}

// Register asks for a place in the callee list of a procedure. Done is called once, without
// locks: with the registration id when every live replica has the new list, else with an
// *Error.
func (r *Realm) Register(reg Registration, done func(registration wamp.ID, err error)) {
	k := listKey{Realm: r.name, URI: reg.URI, Match: reg.Match, Session: reg.Session}
	r.node.step(func(m *machine) { m.register(k, reg.Invoke, reg.Flags, reg.Callee, done) })
}

// Unregister takes a session off the list of a procedure. Done is called when every live
// replica has the new list, with an *Error when the session is not on the list.
func (r *Realm) Unregister(session, registration wamp.ID, done func(error)) {
	found := false
	r.node.step(func(m *machine) {
		if p, ok := m.table.byID.get(registration); ok && p.key.Realm == r.name {
			k := listKey{Realm: r.name, URI: p.key.URI, Match: p.key.Match, Session: session}
			found = m.unregister(k, func() { done(nil) })
		}
	})
	if !found {
		done(&Error{URI: wamp.ErrNoSuchRegistration, Message: fmt.Sprintf(
			"this session has no registration %d", registration)})
	}
}
