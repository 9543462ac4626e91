package cluster

import (
	"cmp"
	"strings"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// show makes an entry of a member's list visible to calls, publications and lookups here; false
// when it cannot be, because its registration id is taken by another procedure.
func (m *machine) show(who *member, e *listEntry, c Callee) bool {
	switch e.Key.Kind {
	case entryRegistration:
		p := m.table.procedure(e.Key.procedure())
		if p == nil {
			return false
		}
		m.sum += e.hash()
		m.maxStamp = max(m.maxStamp, e.Stamp)
		first := len(p.load().entries) == 0
		if first {
			m.recall(p) // before a call can be dealt
		}
		m.table.change(p, &entry{
			stamp: e.Stamp, session: e.Key.Session, invoke: e.Invoke, flags: e.Flags, member: who, callee: c,
		}, nil)
		m.noteRivals(p)
		m.out.changed = append(m.out.changed, p.key)
		if first {
			m.noteProcedure(RegistrationCreated, p, e)
		}
		m.noteProcedure(RegistrationRegistered, p, e)
	case entrySubscription:
		t := m.table.topics.topic(e.Key)
		if t.add(subscriber{stamp: e.Stamp, session: e.Key.Session, member: who}, who != m.self) {
			m.noteTopic(SubscriptionCreated, t, e)
		}
		m.noteTopic(SubscriptionSubscribed, t, e)
	case entrySession:
		info, err := parseSession(who, e)
		if err != nil {
			m.logger.Warn("a session of another replica cannot be read", "member", who.id, "error", err)
			return true
		}
		m.table.sessions.set(e.Key.Session, info)
		m.note(MetaEvent{Kind: SessionJoined, Realm: e.Key.Realm, Session: e.Key.Session, Info: info})
	}
	return true
}

// hide takes it back. Lost: the member is gone with all it had.
func (m *machine) hide(who *member, e *listEntry, lost bool) {
	switch e.Key.Kind {
	case entryRegistration:
		p, ok := m.table.find(e.Key.procedure())
		if !ok {
			return
		}
		m.sum -= e.hash()
		m.table.change(p, nil, func(o *entry) bool { return o.member == who && o.session == e.Key.Session })
		m.out.changed = append(m.out.changed, p.key)
		m.noteProcedure(RegistrationUnregistered, p, e)
		if len(p.load().entries) == 0 {
			m.remember(p)
			m.noteProcedure(RegistrationDeleted, p, e)
		}
	case entrySubscription:
		t := m.table.topics.topic(e.Key)
		last := m.table.topics.remove(t, who, e.Key.Session)
		m.noteTopic(SubscriptionUnsubscribed, t, e)
		if last {
			m.noteTopic(SubscriptionDeleted, t, e)
		}
	case entrySession:
		if info, ok := m.table.sessions.take(e.Key.Session); ok {
			m.note(MetaEvent{Kind: SessionLeft, Realm: e.Key.Realm, Session: e.Key.Session, Info: info})
		}
	case entryTestament:
		if lost {
			m.note(MetaEvent{Kind: TestamentDue, Realm: e.Key.Realm, Session: e.Key.Session, Testament: []byte(e.Detail)})
		}
	}
}

// note takes a change for the host. A member that is still joining learns how things are, and not
// that they change.
func (m *machine) note(e MetaEvent) {
	if m.state != stateJoining {
		m.out.meta = append(m.out.meta, e)
	}
}

func (m *machine) noteProcedure(kind MetaKind, p *procedure, e *listEntry) {
	m.note(MetaEvent{
		Kind: kind, Realm: p.key.Realm, Session: e.Key.Session, URI: p.key.URI, Match: p.key.Match,
		ID: p.id, Created: stampTime(e.Stamp), Invoke: e.Invoke,
	})
}

func (m *machine) noteTopic(kind MetaKind, t *topic, e *listEntry) {
	m.note(MetaEvent{
		Kind: kind, Realm: t.realm, Session: e.Key.Session, URI: t.uri, Match: t.match, ID: t.id, Created: stampTime(e.Stamp),
	})
}

func (k listKey) procedure() ProcedureKey {
	return ProcedureKey{Realm: k.Realm, Match: k.Match, URI: k.URI}
}

func (k listKey) registration() wamp.ID { return RegistrationID(k.Realm, k.Match, k.URI) }

// compareKeys orders the entries of a list so that what belongs to a session goes before it:
// registrations, subscriptions, then testaments, then sessions.
func compareKeys(a, b listKey) int {
	return cmp.Or(
		cmp.Compare(a.Kind.order(), b.Kind.order()), strings.Compare(a.Realm, b.Realm), strings.Compare(a.URI, b.URI),
		cmp.Compare(a.Match, b.Match), cmp.Compare(a.Session, b.Session),
	)
}

func (k entryKind) order() int {
	switch k {
	case entryTestament:
		return 2
	case entrySession:
		return 3
	}
	return int(k)
}
