package cluster

// SetQuorum tells how many replicas the cluster should have, for Majority mode: then only who
// reaches more than half of them, itself included, grants registrations and deals the turns of
// rotations of the cluster. 0, the default, is Available: every part of a split cluster serves.
func (n *Node) SetQuorum(replicas int) { n.step(func(m *machine) { m.setQuorum(replicas) }) }

// Minority tells, in Majority mode, that this replica is cut off from the majority.
func (n *Node) Minority() bool { return n.table.minority.Load() }

func (m *machine) setQuorum(replicas int) {
	m.table.quorum.Store(int64(replicas))
	m.settle()
}
