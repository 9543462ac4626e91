package cluster

import (
	"sort"

	"github.com/cespare/xxhash/v2"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// ownList is the list of what the sessions of this replica registered. Only this replica
// changes it; each change makes a new version. There are no tombstones: a removal is a
// change like another, and the list goes with its member.
type ownList struct {
	version uint64
	entries map[listKey]listEntry
	callees map[listKey]Callee
	session map[wamp.ID]map[listKey]struct{}

	// Not sent yet: the changes since version flushed.
	flushed uint64
	add     []listEntry
	remove  []listKey
}

func newOwnList() ownList {
	return ownList{
		entries: map[listKey]listEntry{},
		callees: map[listKey]Callee{},
		session: map[wamp.ID]map[listKey]struct{}{},
	}
}

func (l *ownList) insert(e listEntry, c Callee) {
	l.version++
	l.entries[e.Key] = e
	l.callees[e.Key] = c
	if l.session[e.Key.Session] == nil {
		l.session[e.Key.Session] = map[listKey]struct{}{}
	}
	l.session[e.Key.Session][e.Key] = struct{}{}
	l.add = append(l.add, e)
}

func (l *ownList) drop(k listKey) {
	l.version++
	delete(l.entries, k)
	delete(l.callees, k)
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
	if e.Key.Session != 0 {
		p := m.table.procedure(e.Key.procedure())
		if p == nil {
			return false
		}
		m.table.change(p, &entry{stamp: e.Stamp, session: e.Key.Session, invoke: e.Invoke, member: m.self, callee: c}, nil)
		m.changed(e.Key)
	}
	m.own.insert(e, c)
	return true
}

func (m *machine) removeOwn(k listKey) {
	if _, ok := m.own.entries[k]; !ok {
		return
	}
	if k.Session != 0 {
		m.removeEntry(m.self, k)
	}
	m.own.drop(k)
}

func (m *machine) changed(k listKey) {
	if k.Session != 0 {
		m.out.changed = append(m.out.changed, k.procedure())
	}
}

// onDelta changes the copy of a member's list, if it starts at the version that is here;
// across a gap nothing is patched: the list is pulled.
func (m *machine) onDelta(p *peer, d *delta) {
	if d.From != p.version {
		if d.To > p.version {
			m.send(p, &pull{})
		}
		return
	}
	for _, k := range d.Remove {
		m.removeCopy(p, k)
		m.settleGrant(RegistrationID(k.Realm, k.Match, k.URI), p.id, k)
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
	for k := range p.list {
		if _, ok := keep[k]; !ok {
			m.removeCopy(p, k)
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
	p.version = version
	m.send(p, &ack{Version: version})
}

// hasDigest compares a version that gossip carried with the copy; a copy that is behind while
// the links stand means that something was lost, and is pulled.
func (m *machine) hasDigest(id MemberID, version uint64) {
	if p := m.peer(id); p != nil && p.linked && p.synced && p.version < version {
		m.send(p, &pull{})
	}
	m.settle()
}

func (m *machine) addCopy(p *peer, e listEntry) {
	if old, ok := p.list[e.Key]; ok {
		if old == e {
			return
		}
		m.removeCopy(p, e.Key)
	}
	if e.Key.Session == 0 {
		m.addInterest(p, e.Key)
	} else {
		proc := m.table.procedure(e.Key.procedure())
		if proc == nil {
			return
		}
		m.table.change(proc, &entry{stamp: e.Stamp, session: e.Key.Session, invoke: e.Invoke, member: p.member}, nil)
		m.changed(e.Key)
		m.settleGrant(proc.id, p.id, e.Key)
	}
	p.list[e.Key] = e
}

func (m *machine) removeCopy(p *peer, k listKey) {
	if _, ok := p.list[k]; !ok {
		return
	}
	delete(p.list, k)
	if k.Session == 0 {
		m.removeInterest(p, k)
	} else {
		m.removeEntry(p.member, k)
	}
}

func (m *machine) removeEntry(who *member, k listKey) {
	if proc, ok := m.table.byKey.get(k.procedure()); ok {
		m.table.change(proc, nil, func(e *entry) bool { return e.member == who && e.session == k.Session })
		m.changed(k)
	}
}

// dropList forgets all that a member registered.
func (m *machine) dropList(p *peer) {
	for k := range p.list {
		m.removeCopy(p, k)
	}
	p.version, p.synced = 0, false
}

func (m *machine) addInterest(p *peer, k listKey) {
	id := SubscriptionID(k.Realm, k.Match, k.URI)
	members, _ := m.table.topics.get(id)
	m.table.topics.set(id, append(members[:len(members):len(members)], p.member))
}

func (m *machine) removeInterest(p *peer, k listKey) {
	id := SubscriptionID(k.Realm, k.Match, k.URI)
	members, _ := m.table.topics.get(id)
	var rest []*member
	for _, other := range members {
		if other != p.member {
			rest = append(rest, other)
		}
	}
	if len(rest) == 0 {
		m.table.topics.delete(id)
	} else {
		m.table.topics.set(id, rest)
	}
}

// confirm calls done when every live member routes by the own list as it is now.
func (m *machine) confirm(done func()) {
	m.waiters = append(m.waiters, waiter{version: m.own.version, deadline: m.now.Add(ackWait), done: done})
}

func (m *machine) releaseWaiters() {
	if len(m.waiters) == 0 {
		return
	}
	acked := m.own.version
	for _, p := range m.peers {
		if p.live() {
			acked = min(acked, p.acked)
		}
	}
	n := 0
	for n < len(m.waiters) && (m.waiters[n].version <= acked || !m.now.Before(m.waiters[n].deadline)) {
		m.out.done = append(m.out.done, m.waiters[n].done)
		n++
	}
	m.waiters = m.waiters[n:]
}

// hash is over every registration in the cluster as this member knows them: equal on all
// members when nothing changes.
func (m *machine) hash() uint64 {
	type line struct {
		key   listKey
		stamp uint64
	}
	var lines []line
	collect := func(entries map[listKey]listEntry) {
		for k, e := range entries {
			if k.Session != 0 {
				lines = append(lines, line{k, e.Stamp})
			}
		}
	}
	collect(m.own.entries)
	for _, p := range m.peers {
		collect(p.list)
	}
	sort.Slice(lines, func(i, j int) bool {
		a, b := &lines[i], &lines[j]
		if a.stamp != b.stamp {
			return a.stamp < b.stamp
		}
		return a.key.Session < b.key.Session || a.key.Session == b.key.Session && a.key.URI < b.key.URI
	})
	var d xxhash.Digest
	d.Reset()
	for _, l := range lines {
		_, _ = d.WriteString(l.key.Realm + "\x00" + l.key.URI + "\x00")
		for shift := 0; shift < 64; shift += 8 {
			_, _ = d.Write([]byte{byte(l.stamp >> shift), byte(uint64(l.key.Session) >> shift)})
		}
	}
	return d.Sum64()
}
