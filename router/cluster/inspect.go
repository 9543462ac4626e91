package cluster

import "time"

// LinkInfo tells of the link with one other replica.
type LinkInfo struct {
	Replica string
	Member  MemberID
	// Up: calls can be sent there.
	Up bool
	// Via is the replica that relays; empty when the link is direct.
	Via string
	// Since is when it came up or broke.
	Since time.Time
}

// Links describes the links with all other replicas that count, or that gossip knows, by the names
// of the members.
func (n *Node) Links() []LinkInfo {
	n.mu.Lock()
	defer n.mu.Unlock()
	var links []LinkInfo
	for _, p := range n.m.peers {
		if p.gone || !p.alive && !p.live() {
			continue
		}
		info := LinkInfo{Replica: p.replica, Member: p.id, Since: p.down}
		if l := n.active[p.id]; l != nil {
			info.Up, info.Since = p.up.Load(), l.since
			if !l.direct() {
				info.Via = l.via
			}
		}
		links = append(links, info)
	}
	return links
}

// LastTurn gives the stamp of the callee that the last turn of the cluster's rotation went to, 0 when
// none was dealt yet. False when this replica does not deal the turns of the procedure, or nobody does.
func (n *Node) LastTurn(key ProcedureKey) (stamp uint64, deals bool) {
	p, found := n.table.find(key)
	if !found || n.calls.acting(p.slot) == 0 {
		return 0, false
	}
	if v := p.load(); v.invoke != RoundRobin || v.local {
		return 0, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.turns == nil {
		return 0, true
	}
	return p.turns.dealt.Stamp, true
}
