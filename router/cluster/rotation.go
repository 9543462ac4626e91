package cluster

import "github.com/wamp-operator/wamp-operator/router/wamp"

// rotateHere gives a call the next turn of this replica's own rotation, for procedures that are
// declared with rotation: Replica. It goes by the same rule as the one of the cluster: to the first
// callee with a larger stamp than the one before, else to the one with the smallest. But nobody else
// has a part in it: no owner is asked, and a turn that a callee elsewhere refused is used.
func (x *calls) rotateHere(p *procedure, r *routing) (w Waiter, again bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return x.direct(p, r, &p.rotation().here)
}

// used notes whose turn it was, where that matters.
func used(last *uint64, e *entry) {
	if last != nil {
		*last = e.stamp
	}
}

// chosenHere tells whether this replica chooses the callees of a procedure by a policy that leaves
// the choice open.
func (x *calls) chosenHere(procedure wamp.ID) bool {
	p, ok := x.table.byID.get(procedure)
	return ok && (p.load().invoke == Random || p.load().local)
}
