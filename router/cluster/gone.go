package cluster

import "time"

// onLost notes whom another member has links with: it is the word of the others that decides
// whether a member is gone.
func (m *machine) onLost(p *peer, l *lost) {
	if !l.Lost {
		p.sees[l.Member] = true
		return
	}
	if p.sees[l.Member] {
		delete(p.sees, l.Member)
		m.unseen(l.Member)
	}
}

// unseen: one member less has links with this one. The time from which on it may count as gone
// starts when nobody has any.
func (m *machine) unseen(id MemberID) {
	if p := m.peer(id); p != nil && !p.linked && !m.seenByOthers(p) {
		p.down = m.now
	}
}

// seenByOthers tells whether a member that is linked here has links with p.
func (m *machine) seenByOthers(p *peer) bool {
	if m.table.flaw == flawNoWitness {
		return false
	}
	for _, q := range m.peers {
		if q != p && q.linked && (q.sees[p.id] || !q.greeted && q.state != stateJoining) {
			return true // or it may: it has not said yet
		}
	}
	return false
}

// strangers tells whether others reach somebody with whom this member has no links (yet, or any
// more). It may be an owner that nobody here has asked: claims wait for it. In Available mode not
// for ever.
func (m *machine) strangers() bool {
	linked := map[MemberID]bool{m.self.id: true}
	for _, q := range m.peers {
		if q.linked {
			linked[q.id] = true
		}
	}
	found := false
	for _, q := range m.peers {
		if !q.linked || found {
			continue
		}
		for id := range q.sees {
			if !linked[id] {
				found = true
				break
			}
		}
	}
	if !found || m.table.flaw == flawNoWitness {
		m.strange = time.Time{}
		return false
	}
	if m.strange.IsZero() {
		m.strange = m.now
	}
	return m.table.quorum.Load() != 0 || m.now.Sub(m.strange) < goneUnrelayed
}

// meeting tells whether this member has just met some of those whom it was separate from, and not yet
// all: what these have registered it does not know, so it gives no places. That is soon over, or
// not to be waited for.
func (m *machine) meeting() bool {
	return m.strangers() && m.now.Sub(m.strange) < meetFor
}

// checkGone removes from the lists what members registered that everybody lost, and forgets
// those that gossip has found dead as well. It is what makes a kill a matter of milliseconds:
// gossip needs more than a second to notice.
func (m *machine) checkGone() {
	var dead []*peer
	for _, p := range m.peers {
		switch {
		case p.linked:
		case !p.alive && m.mayForget(p):
			dead = append(dead, p)
		case !p.gone && m.agreedGone(p):
			m.logger.Info("member is gone: nobody has a link to it", "member", p.id, "down", m.now.Sub(p.down))
			p.gone = true
			m.dropList(p)
			m.dropAsksOf(p)
			m.viewChanged = true
		}
	}
	for _, p := range dead {
		m.remove(p)
	}
}

// mayForget: a member that gossip calls dead is forgotten when no other member has links with it,
// and, in Majority mode, when it has stopped to act as an owner. Gossip's word may be older than
// the links that were lost now (it takes longer to notice that a split is over): a member that
// was linked is given goneAfter, like any other.
func (m *machine) mayForget(p *peer) bool {
	if p.links > 0 && !p.gone && m.now.Sub(p.down) < goneAfter {
		return false
	}
	return p.links == 0 && !m.seenByOthers(p) || p.gone ||
		!m.seenByOthers(p) && (m.table.quorum.Load() == 0 || m.now.Sub(p.down) >= leaseOver)
}

// agreedGone tells whether a member that gossip calls alive is to be taken for gone, because
// nobody has a link to it.
func (m *machine) agreedGone(p *peer) bool {
	down := m.now.Sub(p.down)
	if p.links == 0 || down < goneAfter {
		return false
	}
	quorum := m.table.quorum.Load() != 0
	if quorum && down < leaseOver {
		return false
	}
	if m.seenByOthers(p) {
		// Links between the two will be relayed. Should that fail, serving goes before the
		// one rotation, unless it was asked to be otherwise.
		return !quorum && down >= goneUnrelayed
	}
	others, witnesses := 0, 0
	for _, q := range m.peers {
		if q == p || q.gone || q.state == stateJoining {
			continue
		}
		others++
		// One that has just been met may be about to find that member again, as this one was.
		if q.greeted && m.now.Sub(q.upSince) >= goneAfter {
			witnesses++
		}
	}
	switch {
	case witnesses > 0:
		return true
	case others == 0:
		return down >= gonePair
	}
	return down >= goneAlone
}
