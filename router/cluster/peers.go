package cluster

import (
	"slices"
	"strings"
	"time"
)

// peer is another member as this one sees it.
type peer struct {
	*member
	alive   bool // by gossip
	linked  bool
	links   uint64 // how many times they came up
	greeted bool   // its greeting arrived on the present links
	state   memberState
	// down is since when it has been known and nobody has had links with it, as far as that is
	// known here; zero while links from here stand.
	down time.Time
	// upSince is when the links that stand came up.
	upSince time.Time
	// gone: agreed to be dead although gossip has not noticed yet.
	gone bool
	// sees are the members that this one has links with.
	sees map[MemberID]bool

	// version and list copy its list; synced says that the copy was complete since the
	// links last stood.
	version uint64
	list    map[listKey]listEntry
	synced  bool
	// registrations is how many of them are in the table; the rest of its list is in list.
	registrations int
	// acked is the version of the own list that it routes by.
	acked uint64
	// unacked: this step changed the copy of its list.
	unacked bool
}

func (m *machine) peer(id MemberID) *peer {
	at, found := slices.BinarySearchFunc(m.peers, id, func(p *peer, id MemberID) int {
		return strings.Compare(string(p.id), string(id))
	})
	if found {
		return m.peers[at]
	}
	return nil
}

// addPeer gives the peer with this name; it makes one when there is none.
func (m *machine) addPeer(id MemberID, replica string) *peer {
	if p := m.peer(id); p != nil {
		return p
	}
	p := &peer{
		member: newMember(id, replica),
		down:   m.now,
		sees:   map[MemberID]bool{},
		list:   map[listKey]listEntry{},
	}
	m.table.members.Store(p.hash, p.member)
	for i := range m.table.slots {
		slot := &m.table.slots[i]
		if owner := slot.owner.Load(); owner != nil && owner.id == id {
			slot.owner.Store(p.member) // it was forgotten, and is back under its name
			m.ownersChanged = true
		}
	}
	m.peers = append(m.peers, p)
	slices.SortFunc(m.peers, func(a, b *peer) int { return strings.Compare(string(a.id), string(b.id)) })
	m.viewChanged = true
	return p
}

// peerAlive: gossip knows the member.
func (m *machine) peerAlive(id MemberID, replica string) {
	m.addPeer(id, replica).alive = true
	m.settle()
}

// peerDead: gossip declared the member dead, or it left. Standing links are better evidence
// than gossip, those of others as well: with them it stays until they break.
func (m *machine) peerDead(id MemberID) {
	if p := m.peer(id); p != nil {
		p.alive = false
	}
	m.settle()
}

// remove forgets a member.
func (m *machine) remove(p *peer) {
	m.dropList(p)
	m.table.members.Delete(p.hash)
	m.peers = slices.DeleteFunc(m.peers, func(q *peer) bool { return q == p })
	m.dropAsksOf(p)
	m.viewChanged = true
}

// linkUp: the links to the member stand, all of them new.
func (m *machine) linkUp(id MemberID, replica string) {
	p := m.addPeer(id, replica)
	p.linked, p.greeted, p.synced, p.gone, p.acked = true, false, false, false, 0
	p.down = time.Time{}
	p.links++
	p.upSince = m.now
	m.viewChanged = true
	hello := &greet{Have: p.version, State: m.state}
	for _, q := range m.peers {
		if q.linked && q != p {
			hello.Linked = append(hello.Linked, q.id)
		}
	}
	for i := range m.table.slots {
		if epoch := m.table.slots[i].active.Load(); epoch != 0 {
			hello.Owned = append(hello.Owned, ownership{Slot: slotID(i), Epoch: epoch})
		}
	}
	m.send(p, hello)
	for _, q := range m.peers {
		if q != p {
			m.send(q, &lost{Member: p.id})
		}
	}
	m.repeatClaim(p)
	m.settle()
}

// linkDown: the links to the member broke, or it was silent on them.
func (m *machine) linkDown(id MemberID) {
	p := m.peer(id)
	if p == nil || !p.linked {
		return
	}
	p.linked, p.greeted, p.synced = false, false, false
	p.down = m.now
	for q := range p.sees {
		m.unseen(q)
	}
	p.sees = map[MemberID]bool{}
	p.up.Store(false)
	m.viewChanged = true
	m.broadcast(&lost{Member: p.id, Lost: true})
	m.unsendAsks(func(a *asking) bool { return a.sentTo == p.member })
	m.dropSealsOf(p)
	m.settle()
}

// live says that the member counts: what it holds matters to claims and confirmations. One
// whose links broke counts on, although it may have been joining when it was last heard.
func (p *peer) live() bool { return !p.gone && (p.linked || p.links > 0) }

func (m *machine) onGreet(p *peer, g *greet) {
	p.greeted = true
	p.sees = map[MemberID]bool{}
	for _, id := range g.Linked {
		p.sees[id] = true
	}
	for realm := range m.keeps {
		m.send(p, &want{Realm: realm})
	}
	m.onState(p, g.State)
	m.onOwned(p, g.Owned)
	p.up.Store(true)
	m.flushOwn()
	p.acked = 0
	if g.Have == m.own.version {
		m.send(p, &delta{From: g.Have, To: g.Have})
	} else {
		m.send(p, m.ownFull())
	}
	m.retryAll()
}

// checkComplete tells calls whether the lists of all members that are linked are here. An owner that
// is back from behind a split would otherwise deal by a list of its own side. One that does not get
// a list goes on without it after a while.
func (m *machine) checkComplete() {
	lacks := slices.ContainsFunc(m.peers, func(p *peer) bool {
		return p.linked && !p.synced && p.version == 0 && m.now.Sub(p.upSince) < ackWait
	})
	m.table.incomplete.Store(lacks)
}

// linkSilent: nothing has been heard of the member for a moment, or something again. New
// calls avoid it meanwhile.
func (m *machine) linkSilent(id MemberID, silent bool) {
	if p := m.peer(id); p != nil && p.linked && p.greeted {
		p.up.Store(!silent)
	}
	m.settle()
}
