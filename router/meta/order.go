package meta

import (
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// What a replica is asked to do to a session that is connected to it.
const (
	doKill        = "kill"
	doRevoke      = "revoke"
	doUnsubscribe = "unsubscribe"
)

// order asks for it. It travels as one CBOR dictionary, so that replicas of different versions
// understand one another.
type order struct {
	Do      string
	Reason  string
	Message string
	ID      wamp.ID // of the registration or subscription
}

func (o *order) encode() []byte {
	return wamp.MustDict(wamp.CBOR, map[string]any{
		"do": o.Do, "reason": o.Reason, "message": o.Message, "id": uint64(o.ID),
	}).Raw
}

func decodeOrder(message []byte) (o order) {
	d := wamp.Dict{Format: wamp.CBOR, Raw: message}
	o.Do, _ = d.Str("do")
	o.Reason, _ = d.Str("reason")
	o.Message, _ = d.Str("message")
	id, _ := d.Uint("id")
	o.ID = wamp.ID(id)
	return o
}

// Revoke takes a registration away from a session here. The callee learns the reason, an error URI.
func (m *Meta) Revoke(session, registration wamp.ID, reason string) {
	if _, callee, _, ok := m.peers.Session(session); ok {
		callee.Revoke(registration, reason)
	}
}

// Message does to a session here what another replica, or this one, asked with Realm.Tell. A session
// that has gone in the meantime is what was wanted.
func (m *Meta) Message(id wamp.ID, message []byte) {
	s, callee, subscriber, ok := m.peers.Session(id)
	if !ok {
		return
	}
	switch o := decodeOrder(message); o.Do {
	case doKill:
		s.Kill(o.Reason, o.Message)
	case doRevoke:
		callee.Revoke(o.ID, o.Reason)
	case doUnsubscribe:
		subscriber.Revoke(o.ID, o.Reason)
	}
}
