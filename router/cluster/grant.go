package cluster

import (
	"fmt"
	"slices"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// queuedAsk is an ask for a slot that this member is about to own.
type queuedAsk struct {
	from *peer // nil: this member itself
	ask  *ask
}

// granting is a place that was given and whose entry has not arrived.
type granting struct {
	to     MemberID
	links  uint64 // the links of the member that the answer went out on, by number
	key    listKey
	stamp  uint64
	invoke Policy
}

func mismatch(uri string, existing, invoke Policy) *Error {
	return &Error{URI: wamp.ErrInvocationPolicyMismatch, Message: fmt.Sprintf(
		"%q is registered with invoke %q, this registration asks for %q; register with invoke %q", uri, existing, invoke, existing)}
}

func alreadyExists(uri string) *Error {
	return &Error{URI: wamp.ErrProcedureAlreadyExists, Message: fmt.Sprintf(
		"%q is registered already and its invoke is \"single\", which allows one callee; a shared registration needs invoke roundrobin, random, first or last from every callee", uri)}
}

// onAsk decides, if this member is the acting owner. From is nil for its own asks.
func (m *machine) onAsk(from *peer, a *ask) {
	id := RegistrationID(a.Key.Realm, a.Key.Match, a.Key.URI)
	slot := &m.table.slots[slotOf(id)]
	epoch := m.table.acting(slot, m.now)
	if epoch == 0 || m.meeting() {
		if epoch == 0 && m.claiming != nil && m.claiming.slots.has(slot.id) {
			m.queued = append(m.queued, queuedAsk{from, a})
			return
		}
		m.answerAsk(from, &grant{Ask: a.Ask, NotOwner: true})
		return
	}
	g := m.decide(from, id, a)
	g.Ask, g.Epoch, g.Key = a.Ask, epoch, a.Key
	m.answerAsk(from, g)
}

func (m *machine) answerAsk(from *peer, g *grant) {
	if from == nil {
		m.onGrant(m.self, g)
		return
	}
	m.send(from, g)
}

// decide applies the rules of shared registration once for the whole cluster.
func (m *machine) decide(from *peer, id wamp.ID, a *ask) *grant {
	to := m.self
	if from != nil {
		to = from.member
	}
	key := a.Key.procedure()
	if other, ok := m.table.byID.get(id); ok && other.key != key {
		return &grant{Error: wamp.ErrInvalidArgument, Text: fmt.Sprintf(
			"%q has the same registration id as %q; choose another URI", key.URI, other.key.URI)}
	}
	v := emptyView
	if p, ok := m.table.byID.get(id); ok {
		v = p.load()
	}
	given := m.granted[id]
	for _, e := range v.entries {
		if e.member == to && e.session == a.Key.Session {
			return &grant{Stamp: e.stamp, Invoke: e.invoke}
		}
	}
	for _, g := range given {
		if g.to == to.id && g.key == a.Key {
			return &grant{Stamp: g.stamp, Invoke: g.invoke}
		}
	}

	invoke := a.Invoke
	declared := m.table.declaration(key)
	switch {
	case declared != nil && declared.Override:
		invoke = declared.Invoke
	case declared != nil && declared.Invoke != invoke:
		return &grant{Error: wamp.ErrInvocationPolicyMismatch, Text: fmt.Sprintf(
			"%q is declared with invoke %q, this registration asks for %q; register with invoke %q",
			key.URI, declared.Invoke, invoke, declared.Invoke)}
	}
	stamp := uint64(m.now.UnixMicro())
	if stamp <= m.maxStamp { // two sides of a split must not both go on with the same places
		stamp = m.maxStamp + 1 + uint64(m.random(256))
	}
	existing, taken := invoke, false
	if len(v.entries) > 0 {
		existing, taken = v.invoke, true
	}
	for i, g := range given {
		if !taken && i == 0 {
			existing = g.invoke
		}
		taken = true
	}
	switch {
	case taken && existing != invoke:
		refused := mismatch(key.URI, existing, invoke)
		return &grant{Error: refused.URI, Text: refused.Message}
	case taken && invoke == Single:
		refused := alreadyExists(key.URI)
		return &grant{Error: refused.URI, Text: refused.Message}
	}
	m.maxStamp = stamp
	place := granting{to: to.id, key: a.Key, stamp: stamp, invoke: invoke}
	if from != nil {
		place.links = from.links
	}
	m.granted[id] = append(given, place)
	return &grant{Stamp: stamp, Invoke: invoke}
}

// settleGrant ends the wait for an entry: it is in the list, or will never be.
func (m *machine) settleGrant(id wamp.ID, to MemberID, k listKey) {
	rest := slices.DeleteFunc(m.granted[id], func(g granting) bool { return g.to == to && g.key == k })
	if len(rest) == 0 {
		delete(m.granted, id)
	} else {
		m.granted[id] = rest
	}
}

func (m *machine) onGiveBack(p *peer, g *giveBack) {
	m.settleGrant(RegistrationID(g.Key.Realm, g.Key.Match, g.Key.URI), p.id, g.Key)
}

// dropAsksOf forgets what was asked by and given to a member that is gone.
func (m *machine) dropAsksOf(p *peer) {
	m.queued = slices.DeleteFunc(m.queued, func(q queuedAsk) bool { return q.from == p })
	m.dropGrants(func(_ wamp.ID, g *granting) bool { return g.to == p.id })
}

// dropGrants forgets places that were given. It is for those whose entry is in the list or
// cannot come any more: given to a member that is gone, on links that broke before the list
// was copied anew, or under an epoch that everybody has promised to refuse.
func (m *machine) dropGrants(which func(wamp.ID, *granting) bool) {
	for id, given := range m.granted {
		rest := slices.DeleteFunc(given, func(g granting) bool { return which(id, &g) })
		if len(rest) == 0 {
			delete(m.granted, id)
		} else {
			m.granted[id] = rest
		}
	}
}

// answerQueued decides on the asks that waited for the claim; refuseQueued sends those away
// whose slot went to another.
func (m *machine) answerQueued() { m.replayQueued(func(slotID) bool { return true }) }

func (m *machine) refuseQueued() {
	m.replayQueued(func(s slotID) bool { return m.table.slots[s].owner.Load() != m.self })
}

func (m *machine) replayQueued(now func(slotID) bool) {
	queued := m.queued
	m.queued = nil
	for _, q := range queued {
		if now(slotOf(RegistrationID(q.ask.Key.Realm, q.ask.Key.Match, q.ask.Key.URI))) {
			m.onAsk(q.from, q.ask)
		} else {
			m.queued = append(m.queued, q)
		}
	}
}
