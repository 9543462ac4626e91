package cluster

import "time"

// waiter is a change of the own list whose initiator waits until the other replicas have it.
type waiter struct {
	version uint64
	since   time.Time
	done    func()
	// failed, when there is one, is a step of the machine that is taken instead when a majority is
	// needed and cannot be had.
	failed func()
}

// confirm calls done when every live member routes by the own list as it is now, and after a
// second at most.
func (m *machine) confirm(done func()) { m.confirmOr(done, nil) }

// confirmOr is confirm for what a majority must have in Majority mode: when it has not got it in
// the time of an ask, failed is called, within the step.
func (m *machine) confirmOr(done, failed func()) {
	m.waiters = append(m.waiters, waiter{version: m.own.version, since: m.now, done: done, failed: failed})
}

// releaseWaiters goes through those that wait in the order of their versions.
func (m *machine) releaseWaiters() {
	if len(m.waiters) == 0 {
		return
	}
	everybody := m.own.version
	for _, p := range m.peers {
		if p.live() && m.table.flaw != flawNoAcks {
			everybody = min(everybody, p.acked)
		}
	}
	if m.strangers() && m.table.flaw != flawNoAcks {
		everybody = 0 // they are live, and will be linked
	}
	n := 0
	for n < len(m.waiters) && m.release(&m.waiters[n], everybody) {
		n++
	}
	m.waiters = m.waiters[n:]
}

// release ends a wait, if it is over.
func (m *machine) release(w *waiter, everybody uint64) bool {
	waited := m.now.Sub(w.since)
	switch {
	case w.version > everybody && waited < ackWait:
		return false
	case w.failed == nil || m.majorityHas(w.version):
		m.out.done = append(m.out.done, w.done)
		return true
	case waited < askWait && !m.table.minority.Load():
		return false
	}
	w.failed()
	return true
}

// majorityHas tells, in Majority mode, whether more than half of the replicas route by a version
// of the own list.
func (m *machine) majorityHas(version uint64) bool {
	if m.table.quorum.Load() == 0 {
		return true
	}
	have := 1
	for _, p := range m.peers {
		if p.linked && p.acked >= version {
			have++
		}
	}
	return m.majority(have)
}
