// Package cluster makes a set of replicas act as one dealer. It holds the ordered callee
// list of every procedure of the whole cluster, decides which callee gets a call, and carries
// calls, results and events between replicas. It knows no WAMP session: callees and callers
// are handles ([Callee], [Caller]) that the dealer gives it.
//
// The invariants it keeps, and where:
//
//   - a replica alone writes the list of the registrations of its own sessions; others hold
//     copies that are versioned and never patched across a gap (list.go);
//   - a callee's place is its stamp, granted by the owner of the procedure's slot and larger
//     than every stamp in that procedure's list (grant.go);
//   - a slot has one owner an epoch; it acts only after every live member has promised to
//     refuse lower epochs (claim.go);
//   - the place in the rotation is the stamp of the callee called last, so it survives changes
//     of the list, and the death of the owner (procedure.go).
//
// Protocol decisions are a step function without I/O (machine.go); sockets, memberlist and
// timers are at the edge (node.go, link.go, gossip.go).
package cluster
