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
	entries map[listKey]listEntry
	session map[wamp.ID]map[listKey]struct{}

	// Not sent yet: the changes since version flushed.
	flushed uint64
	add     []listEntry
	remove  []listKey
}

func newOwnList() ownList {
	return ownList{
		entries: map[listKey]listEntry{},
		session: map[wamp.ID]map[listKey]struct{}{},
	}
}

func (l *ownList) insert(e listEntry) {
	l.version++
	l.entries[e.Key] = e
	if e.Key.Kind != entrySession { // it needs no index, and most sessions have nothing else
		if l.session[e.Key.Session] == nil {
			l.session[e.Key.Session] = map[listKey]struct{}{}
		}
		l.session[e.Key.Session][e.Key] = struct{}{}
	}
	l.add = append(l.add, e)
}

func (l *ownList) drop(k listKey) {
	l.version++
	delete(l.entries, k)
	delete(l.session[k.Session], k)
	if len(l.session[k.Session]) == 0 {
		delete(l.session, k.Session)
	}
	l.remove = append(l.remove, k)
}

func (l *ownList) full() *full {
	f := &full{Version: l.version, Entries: make([]listEntry, 0, len(l.entries))}
	for _, e := range l.entries {
		f.Entries = append(f.Entries, e)
	}
	return f
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
			if now, ok := l.entries[e.Key]; ok && now == e {
				d.Add = append(d.Add, e)
			}
		}
	}
	l.flushed, l.add, l.remove = l.version, nil, nil
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
	if e, ok := m.own.entries[k]; ok {
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
	keep := make(map[listKey]struct{}, len(f.Entries))
	for _, e := range f.Entries {
		keep[e.Key] = struct{}{}
	}
	for _, k := range slices.SortedFunc(maps.Keys(p.list), compareKeys) {
		if _, ok := keep[k]; !ok {
			m.removeCopy(p, k, false)
		}
	}
	slices.SortFunc(f.Entries, func(a, b listEntry) int { return compareKeys(b.Key, a.Key) }) // sessions come first
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
	p.version = version
	m.send(p, &ack{Version: version})
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
	if old, ok := p.list[e.Key]; ok {
		if old == e {
			return
		}
		m.removeCopy(p, e.Key, false)
	}
	if !m.show(p.member, &e, nil) {
		return
	}
	p.list[e.Key] = e
	if e.Key.Kind == entryRegistration {
		m.settleGrant(e.Key.registration(), p.id, e.Key)
	}
}

func (m *machine) removeCopy(p *peer, k listKey, lost bool) {
	if e, ok := p.list[k]; ok {
		delete(p.list, k)
		m.hide(p.member, &e, lost)
	}
}

// dropList forgets all that a member registered: it is gone.
func (m *machine) dropList(p *peer) {
	keys := slices.SortedFunc(maps.Keys(p.list), compareKeys)
	for _, k := range keys {
		m.removeCopy(p, k, true)
	}
	p.version, p.synced = 0, false
}
