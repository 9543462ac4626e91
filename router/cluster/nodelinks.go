package cluster

import "time"

// serveLink puts a link into use until it breaks.
func (n *Node) serveLink(l *link) {
	m := n.useLink(l)
	n.logger.Info("linked to member", "member", l.to, "protocol", l.control.protocol)
	err := l.run(linkUser{
		messages: func(msgs []message) { n.step(func(m *machine) { m.receive(l.to, msgs...) }) },
		frame:    func(f *frame) { n.onFrame(m, f) },
		silent:   func(silent bool) { n.step(func(m *machine) { m.linkSilent(l.to, silent) }) },
		heardUp:  func(sent time.Time) { m.echo.Store(steady(sent)) },
	})
	n.logger.Info("link to member broke", "member", l.to, "error", err)
	n.unlink(l)
}

// useLink makes a link the one in use with its member.
func (n *Node) useLink(l *link) *member {
	for {
		var old *link
		var used *member
		n.step(func(m *machine) {
			if old = n.active[l.to]; old != nil {
				return
			}
			n.active[l.to] = l
			used = m.addPeer(l.to, l.replica).member
			var calls callLink = l
			used.link.Store(&calls)
			used.echo.Store(0)
			n.calls.linked(used)
			m.linkUp(l.to, l.replica)
		})
		if old == nil {
			return used
		}
		// The other side knows that the old one broke before this side does.
		old.close(errStreamClosed)
		<-old.ended // nothing more comes from it
		n.unlink(old)
	}
}

// unlink takes a broken link out of use, once. It is one step: between taking it out and telling
// the machine, the next link must not come up, or the machine would take that one for broken.
func (n *Node) unlink(l *link) {
	var lost *member
	var last uint64
	n.step(func(m *machine) {
		if n.active[l.to] != l {
			return
		}
		delete(n.active, l.to)
		lost = m.peer(l.to).member
		last = n.calls.last.Load()
		done := n.fences.drop(lost)
		m.linkDown(l.to)
		for _, fence := range done {
			m.fenceDone(fence)
		}
	})
	if lost != nil {
		n.crowded.forget(lost)
		n.calls.lose(lost, last)
	}
}

func (n *Node) onFrame(from *member, f *frame) {
	switch f.kind {
	case frameFence:
		from.send(&frame{kind: frameFenced, call: f.call})
	case frameFenced:
		n.step(func(m *machine) {
			if n.fences.back(f.call, from) {
				m.fenceDone(f.call)
			}
		})
	case frameEvent:
		if room := n.host.Event(f.realm, f.event()); room != nil {
			n.slow(from, topicKey{f.realm, f.text}, room)
		}
	case frameCrowded, frameUncrowded:
		n.crowded.mark(topicKey{f.realm, f.text}, from, f.kind == frameCrowded)
	case frameKeep:
		n.host.Keep(f.realm, f.event())
	default:
		n.calls.receive(from, f)
	}
}

// witnesses are the members with which links stand and that tell that they have links with the other.
func (n *Node) witnesses(id MemberID) (members []*member) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.m.peers {
		if p.linked && p.sees[id] {
			members = append(members, p.member)
		}
	}
	return members
}
