package cluster

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// asking is a REGISTER of a session here that waits for its place.
type asking struct {
	number   uint64
	key      listKey
	slot     *slot
	invoke   Policy
	flags    RegistrationFlags
	callee   Callee
	done     func(wamp.ID, error)
	then     []func() // further requests of the session for the same procedure
	deadline time.Time
	after    time.Time
	sentTo   *member // nil: to be sent
	waits    bool    // it is among the unsent
	closed   bool    // the session is gone; a grant must be given back
}

// register asks the owner of the procedure for a place in its list.
func (m *machine) register(k listKey, invoke Policy, flags RegistrationFlags, c Callee, done func(wamp.ID, error)) {
	m.request(k, invoke, flags, c, done)
	m.settle()
}

func (m *machine) request(k listKey, invoke Policy, flags RegistrationFlags, c Callee, done func(wamp.ID, error)) {
	id := RegistrationID(k.Realm, k.Match, k.URI)
	if e, ok := m.ownEntry(k); ok {
		if refused := m.registeredAlready(&e, invoke); refused != nil {
			m.out.done = append(m.out.done, func() { done(0, refused) })
		} else {
			m.confirmRegistration(k, answerOf(id, done))
		}
		return
	}
	if a := m.askOf[k]; a != nil {
		a.then = append(a.then, func() { m.request(k, invoke, flags, c, done) })
		return
	}
	m.lastAsk++
	a := &asking{
		number: m.lastAsk, key: k, slot: &m.table.slots[slotOf(id)], invoke: invoke, flags: flags, callee: c,
		done: done, deadline: m.now.Add(askWait),
	}
	m.asks[a.number], m.askOf[k] = a, a
	m.unsend(a, time.Time{})
}

// registeredAlready answers a session that is on the list: it stays there once, and the rules
// are the same as for another session.
func (m *machine) registeredAlready(e *listEntry, invoke Policy) *Error {
	if d := m.table.declaration(e.Key.procedure()); d != nil && d.Override {
		invoke = e.Invoke
	}
	switch {
	case invoke != e.Invoke:
		return mismatch(e.Key.URI, e.Invoke, invoke)
	case invoke == Single:
		return alreadyExists(e.Key.URI)
	}
	return nil
}

// endAsk forgets an ask that was answered or given up.
func (m *machine) endAsk(a *asking) {
	delete(m.asks, a.number)
	if m.askOf[a.key] == a {
		delete(m.askOf, a.key)
	}
}

// unsend makes an ask go out again, not before a time.
func (m *machine) unsend(a *asking, after time.Time) {
	a.sentTo, a.after = nil, after
	if after.Before(m.retryAt) {
		m.retryAt = after
	}
	if !a.waits {
		a.waits = true
		m.unsent = append(m.unsent, a)
	}
}

// unregister takes a session off a list; false when it is not on it.
func (m *machine) unregister(k listKey, done func()) bool {
	defer m.settle()
	if _, ok := m.ownEntry(k); !ok {
		return false
	}
	m.removeOwn(k)
	m.confirm(done)
	return true
}

// closeSession takes a session off every list.
func (m *machine) closeSession(session wamp.ID) {
	m.removeAll(session, func(entryKind) bool { return true })
}

// unlist takes a session off every callee list.
func (m *machine) unlist(session wamp.ID) {
	m.removeAll(session, func(k entryKind) bool { return k == entryRegistration })
}

func (m *machine) removeAll(session wamp.ID, which func(entryKind) bool) {
	for _, k := range m.ownKeys(session) {
		if which(k.Kind) {
			m.removeOwn(k)
		}
	}
	if info, ok := m.table.sessions.get(session); ok && which(entrySession) {
		m.removeOwn(listKey{Kind: entrySession, Realm: info.Realm, Session: session})
	}
	for _, a := range m.asks {
		if a.key.Session == session {
			a.closed, a.then = true, nil
		}
	}
	m.settle()
}

// retryAsks sends what was not sent, and again what went to somebody who is not the owner
// any more.
func (m *machine) retryAsks() {
	if m.ownersChanged {
		m.ownersChanged = false
		m.unsendAsks(func(a *asking) bool { return a.sentTo != a.slot.owner.Load() })
	}
	if m.now.Before(m.retryAt) {
		return // thousands may wait: not each step looks at all
	}
	unsent := m.unsent
	m.unsent, m.retryAt = nil, m.now.Add(askWait)
	for _, a := range unsent {
		a.waits = false
		switch {
		case m.asks[a.number] != a || a.sentTo != nil: // answered, or sent meanwhile
		case m.now.Before(a.after):
			m.unsend(a, a.after)
		case !m.sendAsk(a):
			m.unsend(a, m.now.Add(askPause))
		}
	}
}

// expireAsks gives up what waited too long.
func (m *machine) expireAsks() {
	for _, a := range m.asks {
		switch {
		case m.table.minority.Load():
			m.endAsk(a)
			m.fail(a, m.table.inMinority(fmt.Sprintf("%q cannot be registered", a.key.URI)))
		case !m.now.Before(a.deadline):
			m.endAsk(a)
			m.fail(a, &Error{URI: wamp.ErrUnavailable, Message: fmt.Sprintf(
				"no replica could decide on the registration of %q within %v: the cluster is electing an owner; try again", a.key.URI, askWait)})
		}
	}
}

// sendAsk sends an ask to the owner; false when there is none to send it to.
func (m *machine) sendAsk(a *asking) bool {
	if a.closed {
		m.endAsk(a)
		return true
	}
	owner := a.slot.owner.Load()
	msg := &ask{Ask: a.number, Key: a.key, Invoke: a.invoke}
	switch p := m.ownerPeer(owner); {
	case owner == m.self:
		a.sentTo = owner
		m.onAsk(nil, msg)
	case p != nil:
		a.sentTo = owner
		m.send(p, msg)
	default:
		return false
	}
	return true
}

func (m *machine) ownerPeer(owner *member) *peer {
	if owner == nil || owner == m.self {
		return nil
	}
	if p := m.peer(owner.id); p != nil && p.greeted {
		return p
	}
	return nil
}

// unsendAsks makes some asks go out again, the oldest first: their answer is lost, or would
// come from somebody who is not the owner any more.
func (m *machine) unsendAsks(which func(*asking) bool) {
	var again []*asking
	for _, a := range m.asks {
		if which(a) {
			again = append(again, a)
		}
	}
	slices.SortFunc(again, func(a, b *asking) int { return cmp.Compare(a.number, b.number) })
	for _, a := range again {
		m.unsend(a, time.Time{})
	}
}

func (m *machine) fail(a *asking, err error) {
	if !a.closed {
		m.out.done = append(m.out.done, func() { a.done(0, err) })
	}
	a.followUp()
}

// followUp makes the requests that waited for this one.
func (a *asking) followUp() {
	then := a.then
	a.then = nil
	for _, request := range then {
		request()
	}
}

// answerOf tells whoever asked for a registration that it is done, or why not.
func answerOf(id wamp.ID, done func(wamp.ID, error)) func(error) {
	return func(err error) {
		if err != nil {
			done(0, err)
			return
		}
		done(id, nil)
	}
}

// onGrant takes the place, if the owner that gave it is still the one that this member
// promised to: a later owner has counted the list without it.
func (m *machine) onGrant(from *member, g *grant) {
	a := m.asks[g.Ask]
	if a == nil || a.sentTo != from {
		if g.Stamp != 0 { // given up, or answered before
			m.returnPlace(from, g.Key)
		}
		return
	}
	id := RegistrationID(a.key.Realm, a.key.Match, a.key.URI)
	switch {
	case g.NotOwner:
		m.unsend(a, m.now.Add(askRetry))
		return
	case g.Error != "":
		m.endAsk(a)
		m.fail(a, &Error{URI: g.Error, Message: g.Text})
		return
	case m.table.slots[slotOf(id)].promised.Load() != g.Epoch && m.table.flaw != flawNoFence:
		m.unsend(a, time.Time{})
		return
	}
	m.endAsk(a)
	switch {
	case a.closed:
		m.returnPlace(from, a.key)
		return
	case !m.insertOwn(listEntry{Key: a.key, Stamp: g.Stamp, Invoke: g.Invoke, Flags: a.flags}, a.callee):
		m.returnPlace(from, a.key)
		m.fail(a, &Error{URI: wamp.ErrInvalidArgument, Message: fmt.Sprintf(
			"%q has the same registration id as another procedure; choose another URI", a.key.URI)})
		return
	}
	if from == m.self {
		m.settleGrant(id, m.self.id, a.key)
	}
	m.confirmRegistration(a.key, answerOf(id, a.done))
	a.followUp()
}

func (m *machine) returnPlace(to *member, k listKey) {
	if to == m.self {
		m.settleGrant(RegistrationID(k.Realm, k.Match, k.URI), m.self.id, k)
	} else if p := m.ownerPeer(to); p != nil {
		m.send(p, &giveBack{Key: k})
	}
}

// retryAll lets asks that wait go out with this step.
func (m *machine) retryAll() {
	for _, a := range m.unsent {
		a.after = time.Time{}
	}
	m.retryAt = time.Time{}
}
