package cluster

import "github.com/wamp-operator/wamp-operator/router/wamp"

// Joined tells the other replicas of a session. Nothing waits for them.
func (r *Realm) Joined(s *SessionInfo) {}

// SetTestament keeps a testament of a session on all replicas.
func (r *Realm) SetTestament(t Testament) {}

// RemoveTestament takes it back.
func (r *Realm) RemoveTestament(session wamp.ID, number uint64) {}

// Tell sends a message about a session to the replica that it is connected to, which may be this
// one; its Host.Message takes it. False when no replica has such a session.
func (r *Realm) Tell(session wamp.ID, message []byte) bool { return false }

// Session describes a session of the realm, on whatever replica.
func (r *Realm) Session(id wamp.ID) (SessionInfo, bool) { return SessionInfo{}, false }

// Sessions describes all sessions of the realm, in no order.
func (r *Realm) Sessions(yield func(SessionInfo) bool) {}

// Unlist takes a session off every callee list; its subscriptions stay.
func (n *Node) Unlist(session wamp.ID) {
	n.step(func(m *machine) { m.closeSession(session) })
}
