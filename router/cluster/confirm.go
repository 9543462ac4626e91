package cluster

import (
	"fmt"
	"time"
)

// waiter is a change of the own list whose initiator waits until the other replicas have it.
type waiter struct {
	version uint64
	since   time.Time
	done    func(error)
	// registered is there for registrations, of which a majority must know in Majority mode: when
	// it cannot be had, the registration is taken back, and done gets an error.
	registered *listKey
	// revoked when an older callee has turned up meanwhile: it is on no list any more.
	revoked bool
}

// confirm calls done when every live member routes by the own list as it is now, and after a
// second at most.
func (m *machine) confirm(done func()) {
	m.waiters = append(m.waiters, waiter{version: m.own.version, since: m.now, done: func(error) { done() }})
}

// confirmRegistration calls done like confirm, with an error when in Majority mode no majority has
// the registration in the time of an ask, or when the owner decides in this time that an older callee
// has the procedure. Then it is on no list any more, whoever else waits for it.
func (m *machine) confirmRegistration(k listKey, done func(error)) {
	m.waiters = append(m.waiters, waiter{version: m.own.version, since: m.now, done: done, registered: &k})
}

// withdraw takes a registration back of which its session has not heard yet, because an older callee
// has the procedure: the session is answered that it exists. False when nobody waits for it.
func (m *machine) withdraw(k listKey) bool {
	found := false
	for i := range m.waiters {
		if w := &m.waiters[i]; w.registered != nil && *w.registered == k {
			found, w.revoked = true, true
		}
	}
	if found {
		m.removeOwn(k)
	}
	return found
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
	if m.waiters[0].version <= everybody && m.table.flaw != flawNoAcks && m.strangers() {
		everybody = 0 // they are live, and will be linked
	}
	n, kept := 0, m.waiters[:0:0]
	for ; n < len(m.waiters); n++ {
		w := &m.waiters[n]
		if w.version > everybody && m.now.Sub(w.since) < ackWait {
			break // and so it is with all behind it
		}
		if !m.release(w, everybody) {
			kept = append(kept, *w) // for want of a majority, which others do not need
		}
	}
	if m.waiters = m.waiters[n:]; len(kept) > 0 {
		m.waiters = append(kept, m.waiters...)
	}
}

// release ends a wait, if it is over.
func (m *machine) release(w *waiter, everybody uint64) bool {
	done, waited := w.done, m.now.Sub(w.since)
	answer := func(err error) bool {
		m.out.done = append(m.out.done, func() { done(err) })
		return true
	}
	if k := w.registered; k != nil {
		_, listed := m.ownEntry(*k)
		switch {
		case w.revoked:
			return answer(alreadyExists(k.URI))
		case !listed && m.table.quorum.Load() != 0: // taken back
			return answer(m.withoutMajority(*k))
		case listed && waited < askWait && m.isRival(*k):
			return false // the owner is about to decide
		}
	}
	switch {
	case w.version > everybody && waited < ackWait:
		return false
	case w.registered == nil || m.majorityHas(w.version):
		return answer(nil)
	case waited < askWait && !m.table.minority.Load():
		return false
	}
	m.removeOwn(*w.registered)
	return answer(m.withoutMajority(*w.registered))
}

func (m *machine) withoutMajority(k listKey) error {
	return m.table.inMinority(fmt.Sprintf("%q cannot be registered", k.URI))
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
