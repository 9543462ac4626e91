package cluster

import (
	"maps"
	"slices"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// ownList is the list of this replica's sessions, and of what they registered and subscribed to. Only this replica
// changes it; each change makes a new version. There are no tombstones: a removal is a
// change like another, and the list goes with its member.
type ownList struct {
	version uint64
	// entries are all but the registrations: those are in the table (see entryOf).
	entries map[listKey]listEntry
	session map[wamp.ID]*sessionKeys

	// Not sent yet: the changes since version flushed.
	flushed uint64
	add     []listEntry
	remove  []listKey
}

// sessionKeys finds what a session has, but for the session itself: most have nothing else.
type sessionKeys struct {
	registrations map[wamp.ID]struct{}
	others        map[listKey]struct{}
}

func newOwnList() ownList {
	return ownList{entries: map[listKey]listEntry{}, session: map[wamp.ID]*sessionKeys{}}
}

func (l *ownList) insert(e listEntry) {
	l.version++
	l.add = append(l.add, e)
	of := l.session[e.Key.Session]
	if of == nil && e.Key.Kind != entrySession {
		of = &sessionKeys{}
		l.session[e.Key.Session] = of
	}
	switch e.Key.Kind {
	case entryRegistration:
		if of.registrations == nil {
			of.registrations = map[wamp.ID]struct{}{}
		}
		of.registrations[e.Key.registration()] = struct{}{}
		return
	case entrySession:
	default:
		if of.others == nil {
			of.others = map[listKey]struct{}{}
		}
		of.others[e.Key] = struct{}{}
	}
	l.entries[e.Key] = e
}

func (l *ownList) drop(k listKey) {
	l.version++
	l.remove = append(l.remove, k)
	of := l.session[k.Session]
	switch k.Kind {
	case entryRegistration:
		delete(of.registrations, k.registration())
	case entrySession:
		delete(l.entries, k)
		return
	default:
		delete(l.entries, k)
		delete(of.others, k)
	}
	if len(of.registrations)+len(of.others) == 0 {
		delete(l.session, k.Session)
	}
}

// entryOf gives the registration of a member's session with this key. The lists of callees are the
// one place where registrations are kept, so that a hundred thousand take tens of megabytes.
func (m *machine) entryOf(who *member, k listKey) (listEntry, bool) {
	p, ok := m.table.find(k.procedure())
	if !ok {
		return listEntry{}, false
	}
	for _, e := range p.load().entries {
		if e.member == who && e.session == k.Session {
			return p.listed(&e), true
		}
	}
	return listEntry{}, false
}

// listed gives the entry of a callee in its member's list.
func (p *procedure) listed(e *entry) listEntry {
	return listEntry{
		Key:   listKey{Kind: entryRegistration, Realm: p.key.Realm, URI: p.key.URI, Match: p.key.Match, Session: e.session},
		Stamp: e.stamp, Invoke: e.invoke, Flags: e.flags,
	}
}

// registrations gives those of a member, in no order.
func (m *machine) registrations(who *member) []listEntry {
	var all []listEntry
	has := func(e entry) bool { return e.member == who }
	m.table.byID.some(
		func(_ wamp.ID, p *procedure) bool { return slices.ContainsFunc(p.load().entries, has) },
		func(p *procedure) {
			for _, e := range p.load().entries {
				if has(e) {
					all = append(all, p.listed(&e))
				}
			}
		},
	)
	return all
}

// ownEntry gives the entry of the own list with this key.
func (m *machine) ownEntry(k listKey) (listEntry, bool) {
	if k.Kind == entryRegistration {
		return m.entryOf(m.self, k)
	}
	e, ok := m.own.entries[k]
	return e, ok
}

// ownKeys gives what a session here has, but for the session itself, in the order of compareKeys.
func (m *machine) ownKeys(session wamp.ID) []listKey {
	of := m.own.session[session]
	if of == nil {
		return nil
	}
	keys := slices.AppendSeq(make([]listKey, 0, len(of.others)+len(of.registrations)), maps.Keys(of.others))
	for id := range of.registrations {
		if p, ok := m.table.byID.get(id); ok {
			keys = append(keys, listKey{Realm: p.key.Realm, URI: p.key.URI, Match: p.key.Match, Session: session})
		}
	}
	slices.SortFunc(keys, compareKeys)
	return keys
}

// ownFull gives the own list for a member that needs all of it. Sessions come first.
func (m *machine) ownFull() *full {
	f := &full{Version: m.own.version, Entries: m.registrations(m.self)}
	for _, e := range m.own.entries {
		f.Entries = append(f.Entries, e)
	}
	slices.SortFunc(f.Entries, func(a, b listEntry) int { return compareKeys(b.Key, a.Key) })
	return f
}

// copied gives the copy of a member's list, in the order of compareKeys.
func (m *machine) copied(p *peer) []listEntry {
	var all []listEntry
	if p.registrations > 0 {
		all = m.registrations(p.member)
	}
	for _, e := range p.list {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b listEntry) int { return compareKeys(a.Key, b.Key) })
	return all
}

// flushOwn sends the changes of the own list to every member that has what came before.
func (m *machine) flushOwn() {
	l := &m.own
	if l.flushed == l.version {
		return
	}
	d := &delta{From: l.flushed, To: l.version, Add: l.add, Remove: l.remove}
	// An entry that came and went between two flushes must not stay.
	if len(l.add) > 0 && len(l.remove) > 0 {
		d.Add = nil
		for _, e := range l.add {
			if now, ok := m.ownEntry(e.Key); ok && now == e {
				d.Add = append(d.Add, e)
			}
		}
	}
	l.flushed, l.add, l.remove = l.version, nil, nil
	d.encode() // once for all
	for _, p := range m.peers {
		if p.greeted {
			m.send(p, d)
		}
	}
}

// insertOwn makes an entry of this replica visible here and, with the next flush, everywhere.
func (m *machine) insertOwn(e listEntry, c Callee) bool {
	if !m.show(m.self, &e, c) {
		return false
	}
	m.own.insert(e)
	return true
}

func (m *machine) removeOwn(k listKey) {
	if e, ok := m.ownEntry(k); ok {
		m.hide(m.self, &e, false)
		m.own.drop(k)
	}
}

// onDelta changes the copy of a member's list, if it starts at the version that is here;
// across a gap nothing is patched: the list is pulled.
func (m *machine) onDelta(p *peer, d *delta) {
	if d.From != p.version {
		if d.To > p.version && m.table.flaw != flawNoPull {
			m.send(p, &pull{})
		}
		return
	}
	for _, k := range d.Remove {
		m.removeCopy(p, k, false)
		if k.Kind == entryRegistration {
			m.settleGrant(k.registration(), p.id, k)
		}
	}
	for _, e := range d.Add {
		m.addCopy(p, e)
	}
	m.hasVersion(p, d.To)
}

func (m *machine) onFull(p *peer, f *full) {
	if f.Version < p.version {
		return
	}
	old := m.copied(p)
	keep := map[listKey]struct{}{}
	if len(old) > 0 {
		for _, e := range f.Entries {
			keep[e.Key] = struct{}{}
		}
	}
	for _, e := range old {
		if _, ok := keep[e.Key]; !ok {
			m.removeEntry(p, &e, false)
		}
	}
	for _, e := range f.Entries {
		m.addCopy(p, e)
	}
	m.hasVersion(p, f.Version)
}

func (m *machine) hasVersion(p *peer, version uint64) {
	if !p.synced {
		p.synced = true
		m.dropGrants(func(_ wamp.ID, g *granting) bool { return g.to == p.id && g.links < p.links })
	}
	p.version, p.unacked = version, true
	m.unacked = append(m.unacked, p)
}

// sendAcks tells the members whose lists have changed here, once a step.
func (m *machine) sendAcks() {
	for _, p := range m.unacked {
		if p.unacked {
			p.unacked = false
			m.send(p, &ack{Version: p.version})
		}
	}
	m.unacked = m.unacked[:0]
}

// hasDigest compares a version that gossip carried with the copy; a copy that is behind while
// the links stand means that something was lost, and is pulled.
func (m *machine) hasDigest(id MemberID, version uint64) {
	if p := m.peer(id); p != nil && p.linked && p.synced && p.version < version && m.table.flaw != flawNoPull {
		m.send(p, &pull{})
	}
	m.settle()
}

func (m *machine) addCopy(p *peer, e listEntry) {
	if old, ok := m.copyOf(p, e.Key); ok {
		if old == e {
			return
		}
		m.removeEntry(p, &old, false)
	}
	if !m.show(p.member, &e, nil) {
		return
	}
	if e.Key.Kind == entryRegistration {
		p.registrations++
		m.settleGrant(e.Key.registration(), p.id, e.Key)
	} else {
		p.list[e.Key] = e
	}
}

// copyOf gives the entry of a member's list with this key, if it is in the copy.
func (m *machine) copyOf(p *peer, k listKey) (listEntry, bool) {
	if k.Kind == entryRegistration {
		return m.entryOf(p.member, k)
	}
	e, ok := p.list[k]
	return e, ok
}

func (m *machine) removeCopy(p *peer, k listKey, lost bool) {
	if e, ok := m.copyOf(p, k); ok {
		m.removeEntry(p, &e, lost)
	}
}

func (m *machine) removeEntry(p *peer, e *listEntry, lost bool) {
	if e.Key.Kind == entryRegistration {
		p.registrations--
	} else {
		delete(p.list, e.Key)
	}
	m.hide(p.member, e, lost)
}

// dropList forgets all that a member registered: it is gone.
func (m *machine) dropList(p *peer) {
	for _, e := range m.copied(p) {
		m.removeEntry(p, &e, true)
	}
	p.version, p.synced = 0, false
}
