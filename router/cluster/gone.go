package cluster

func (m *machine) onLost(p *peer, l *lost) {
	if l.Lost {
		p.lost[l.Member] = true
	} else {
		delete(p.lost, l.Member)
	}
}

// checkGone removes from the lists what members registered that everybody lost. It is what
// makes a kill a matter of milliseconds: gossip needs more than a second to notice.
func (m *machine) checkGone() {
	for _, p := range m.peers {
		if p.linked || p.gone || !m.agreedGone(p) {
			continue
		}
		m.logger.Info("member is gone: nobody has a link to it", "member", p.id, "down", m.now.Sub(p.down))
		p.gone = true
		m.dropList(p)
		m.dropAsksOf(p)
		m.viewChanged = true
	}
}

func (m *machine) agreedGone(p *peer) bool {
	down := m.now.Sub(p.down)
	if down >= goneAlone {
		return true
	}
	if p.links == 0 || down < goneAfter {
		return false
	}
	others, witnesses := 0, 0
	for _, q := range m.peers {
		if q == p || q.gone || q.state == stateJoining {
			continue
		}
		others++
		if !q.linked {
			continue
		}
		if !q.lost[p.id] {
			return false
		}
		witnesses++
	}
	if others == 0 {
		return down >= gonePair
	}
	return witnesses > 0
}
