package cluster

import (
	"fmt"
	"strconv"

	"github.com/fxamacker/cbor/v2"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// sessionDetail is what an entry of a session carries.
type sessionDetail struct {
	_        struct{} `cbor:",toarray"`
	AuthID   string
	AuthRole string
	Details  []byte
}

func parseSession(who *member, e *listEntry) (*SessionInfo, error) {
	var d sessionDetail
	if err := decoding.Unmarshal([]byte(e.Detail), &d); err != nil {
		return nil, fmt.Errorf("session %d: %w", e.Key.Session, err)
	}
	details := string(e.Detail)[max(0, len(e.Detail)-len(d.Details)):] // they come last
	if details != string(d.Details) {
		details = string(d.Details)
	}
	return &SessionInfo{
		Realm: e.Key.Realm, Session: e.Key.Session, Replica: who.replica,
		AuthID: d.AuthID, AuthRole: d.AuthRole, Details: details, member: who,
	}, nil
}

// Joined tells the other replicas of a session. Nothing waits for them.
func (r *Realm) Joined(s *SessionInfo) {
	detail, err := cbor.Marshal(&sessionDetail{AuthID: s.AuthID, AuthRole: s.AuthRole, Details: []byte(s.Details)})
	if err != nil {
		panic(err) // strings and bytes can be encoded
	}
	r.insert(listKey{Kind: entrySession, Realm: r.name, Session: s.Session}, detail)
}

// SetTestament keeps a testament of a session on all replicas, until the session is closed.
func (r *Realm) SetTestament(t Testament) { r.insert(r.testamentKey(t.Session, t.Number), t.Content) }

// RemoveTestament takes it back.
func (r *Realm) RemoveTestament(session wamp.ID, number uint64) {
	r.node.step(func(m *machine) {
		m.removeOwn(r.testamentKey(session, number))
		m.settle()
	})
}

func (r *Realm) testamentKey(session wamp.ID, number uint64) listKey {
	return listKey{Kind: entryTestament, Realm: r.name, URI: strconv.FormatUint(number, 10), Session: session}
}

func (r *Realm) insert(k listKey, detail []byte) {
	r.node.step(func(m *machine) {
		if _, ok := m.ownEntry(k); !ok {
			m.insertOwn(listEntry{Key: k, Stamp: uint64(m.now.UnixMicro()), Detail: cbor.ByteString(detail)}, nil)
			m.settle()
		}
	})
}

// Tell sends a message about a session to the replica that it is connected to, which may be this
// one; its Host.Message takes it. False when no replica has such a session.
func (r *Realm) Tell(session wamp.ID, message []byte) bool {
	info, ok := r.node.table.sessions.get(session)
	if !ok || info.Realm != r.name {
		return false
	}
	if info.member == r.node.self {
		r.node.host.Message(r.name, session, message)
		return true
	}
	r.node.step(func(m *machine) {
		if p := m.peer(info.member.id); p != nil {
			m.send(p, &tell{Realm: r.name, Session: session, Content: message})
		}
	})
	return true
}

// Session describes a session of the realm, on whatever replica.
func (r *Realm) Session(id wamp.ID) (SessionInfo, bool) {
	if info, ok := r.node.table.sessions.get(id); ok && info.Realm == r.name {
		return *info, true
	}
	return SessionInfo{}, false
}

// Sessions describes all sessions of the realm, in no order.
func (r *Realm) Sessions(yield func(SessionInfo) bool) {
	more := true
	r.node.table.sessions.each(func(_ wamp.ID, info *SessionInfo) {
		if more && info.Realm == r.name {
			more = yield(*info)
		}
	})
}

// Unlist takes a session off every callee list; its subscriptions stay.
func (n *Node) Unlist(session wamp.ID) {
	n.step(func(m *machine) { m.unlist(session) })
}

// CloseSession takes away all that is known of a session, which must have come to its end: it
// must not register or subscribe any more.
func (n *Node) CloseSession(session wamp.ID) {
	n.step(func(m *machine) { m.closeSession(session) })
}
