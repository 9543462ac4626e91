package cluster

import (
	"slices"
	"strconv"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Member is the name of this replica for this run of the process.
func (n *Node) Member() string { return string(n.self.id) }

// Members are the names of the replicas that are there, this one included, sorted.
func (n *Node) Members() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	names := []string{n.self.replica}
	for _, p := range n.m.peers {
		if p.live() {
			names = append(names, p.replica)
		}
	}
	slices.Sort(names)
	return names
}

// ListHash is over every registration in the cluster: equal on all replicas at rest.
func (n *Node) ListHash() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strconv.FormatUint(n.m.hash(), 16)
}

// Procedure describes one procedure.
func (n *Node) Procedure(key ProcedureKey) (ProcedureInfo, bool) {
	p, ok := n.table.find(key)
	if !ok {
		return ProcedureInfo{}, false
	}
	info := p.info()
	return info, len(info.Callees) > 0
}

// ProcedureCount is how many procedures have callees.
func (n *Node) ProcedureCount() int64 { return n.table.count.Load() }

// ListChanges is how many changes of callee lists this replica has seen since it started.
func (n *Node) ListChanges() int64 { return n.table.changes.Load() }

// Procedures describes all procedures that have callees, in no order.
func (n *Node) Procedures(yield func(ProcedureInfo) bool) {
	more := true
	n.table.byID.each(func(_ wamp.ID, p *procedure) {
		if info := p.info(); more && len(info.Callees) > 0 {
			more = yield(info)
		}
	})
}

func (p *procedure) info() ProcedureInfo {
	v := p.load()
	info := ProcedureInfo{ProcedureKey: p.key, Registration: p.id, Invoke: v.invoke}
	for _, e := range v.entries {
		if info.Created.IsZero() {
			info.Created = stampTime(e.stamp)
		}
		info.Callees = append(info.Callees, CalleeInfo{Stamp: e.stamp, Replica: e.member.replica, Session: e.session})
	}
	return info
}
