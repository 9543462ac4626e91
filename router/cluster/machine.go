package cluster

import (
	"log/slog"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

const (
	// ackWait bounds how long a confirmed change waits for replicas that do not answer.
	ackWait = time.Second
	// askWait bounds how long a REGISTER waits for an owner of its slot.
	askWait = 5 * time.Second
	// askRetry is the pause before asking again after "not the owner".
	askRetry = 20 * time.Millisecond
	// askPause is the same when there is no owner that could be asked; news of one ends it.
	askPause = 5 * time.Millisecond
	// goneAfter is how long nobody must have had links with a member before the members agree
	// that it is gone; gonePair is the same in a cluster of two, where there is nobody to
	// agree with, and goneAlone for a member that has lost the links to several others and
	// may be the one that is cut off. goneUnrelayed is for one that others reach, and that
	// cannot be reached through them either.
	goneAfter     = 50 * time.Millisecond
	gonePair      = 500 * time.Millisecond
	goneAlone     = time.Second
	goneUnrelayed = 10 * time.Second
	// meetFor bounds how long an owner gives no places because others reach somebody whom it does not.
	meetFor = 2 * time.Second
	// asleep is how long a member may go without a step, although it has the time every few
	// tens of milliseconds, before it must think that it was given up: the others do that
	// after breakAfter.
	asleep = breakAfter * 5 / 8
	// claimRetry is the longest random pause after a claim was refused.
	claimRetry = 50 * time.Millisecond
)

// machine is the control protocol of one member as a step function: each method takes one
// input (a message, a change of membership, a request, the time) and leaves what is to be
// done about it in out. It does no I/O, starts nothing and never waits, so a test can run a
// whole cluster of them on a clock of its own. It is used by one goroutine at a time.
type machine struct {
	self   *member
	table  *table
	logger *slog.Logger
	random func(n int64) int64 // below n
	now    time.Time

	state   memberState
	joined  bool // the edge reached every address it knows of
	peers   []*peer
	own     ownList
	unacked []*peer // see sendAcks
	sum     uint64  // see hash

	share        slotSet    // the slots whose candidate this member is
	candidatesOf []MemberID // whom the candidates were chosen from
	viewChanged  bool       // candidates must be chosen again
	// slotsChanged: there may be slots to claim. ownersChanged: asks may be waiting for
	// an answer from somebody who is not the owner any more.
	slotsChanged, ownersChanged bool
	maxEpoch                    uint64
	// maxStamp is the largest place seen so far. None is given twice, although clocks differ: calls
	// and rotations know callees by their places, also those that have left.
	maxStamp   uint64
	claims     uint64 // number of the last claim made here
	claiming   *claiming
	claimAfter time.Time
	seals      map[uint64]*sealing // by fence
	fences     uint64
	// dealing says of each slot which fence would be the first behind all that was dealt in it here; zero
	// when one has been.
	dealing [slotCount]uint64
	fenced  map[uint64]func() // who waits for a fence that seals nothing

	asks    map[uint64]*asking
	askOf   map[listKey]*asking
	unsent  []*asking
	retryAt time.Time // when the first of them is due
	lastAsk uint64
	queued  []queuedAsk            // asks for slots that this member is claiming
	granted map[wamp.ID][]granting // places given whose entry has not arrived yet

	waiters []waiter  // by version
	born    time.Time // the first step
	strange time.Time // since when others reach somebody whom this member does not
	lacking time.Time // since when a majority has been out of reach; zero when it is not
	rivals  rivals    // by procedure
	// remembered are the places of rotations without callees.
	remembered map[wamp.ID]remembered
	forgetAt   time.Time
	probes     uint64
	keeps      map[string]bool // realms whose kept events are wanted
	out        output
}

// output is what a step wants done. Messages are to be sent in order, and before those of any
// later step; the functions in done are to be called without a lock.
type output struct {
	messages []envelope
	fences   []uint64
	done     []func()
	changed  []ProcedureKey
	meta     []MetaEvent
	tells    []*tell // for the host here
	wanted   []wanted
	revoked  []listKey // registrations here that the host is to revoke
	members  bool      // the set of members or their states changed
}

// wanted is a member's wish for the kept events of a realm.
type wanted struct {
	by    *member
	realm string
}

type envelope struct {
	to *peer
	m  message
}

func newMachine(self *member, t *table, logger *slog.Logger, random func(int64) int64) *machine {
	t.members.Store(self.hash, self)
	self.up.Store(true)
	return &machine{
		self: self, table: t, logger: logger, random: random,
		own:     newOwnList(),
		seals:   map[uint64]*sealing{},
		fenced:  map[uint64]func(){},
		asks:    map[uint64]*asking{},
		askOf:   map[listKey]*asking{},
		granted: map[wamp.ID][]granting{},
		keeps:   map[string]bool{},

		remembered: map[wamp.ID]remembered{},
	}
}

// take gives the output of the step and starts a new one.
func (m *machine) take() output {
	out := m.out
	m.out = output{}
	return out
}

func (m *machine) send(to *peer, msg message) {
	if to.linked {
		m.out.messages = append(m.out.messages, envelope{to, msg})
	}
}

func (m *machine) broadcast(msg message) {
	for _, p := range m.peers {
		m.send(p, msg)
	}
}

// settle ends every step: changes of the own list go out, whoever waits for something that
// is now so is told, and slots are claimed that this member should own.
func (m *machine) settle() {
	m.flushOwn()
	m.checkGone()
	m.becomeReady()
	m.checkComplete()
	if m.viewChanged {
		m.viewChanged, m.slotsChanged = false, true
		m.out.members = true
		m.computeCandidates()
	}
	m.retryAsks()
	m.progressClaim()
	m.startClaim()
	m.revokeRivals()
	m.flushOwn()
	m.sendAcks()
	m.releaseWaiters()
}

// tick tells the time; it is wanted every few tens of milliseconds.
func (m *machine) tick() {
	m.slotsChanged = true
	m.keepLease()
	m.forget()
	m.expireAsks()
	if !m.strange.IsZero() {
		m.strangers() // they may have been met
	}
	m.settle()
}

// receive takes messages from a member with whom the links stand. Those that arrived together are one
// step, so that one change of the own list and one ack answer all of them.
func (m *machine) receive(from MemberID, msgs ...message) {
	for _, msg := range msgs {
		if p := m.peer(from); p != nil && p.linked {
			m.handle(p, msg)
		}
	}
	m.settle()
}

func (m *machine) handle(p *peer, msg message) {
	switch msg := msg.(type) {
	case *greet:
		m.onGreet(p, msg)
	case *stateChange:
		m.onState(p, msg.State)
	case *lost:
		m.onLost(p, msg)
	case *delta:
		m.onDelta(p, msg)
	case *full:
		m.onFull(p, msg)
	case *pull:
		m.flushOwn()
		m.send(p, m.ownFull())
	case *ack:
		p.acked = max(p.acked, msg.Version)
	case *seal:
		m.onSeal(p, msg)
	case *sealed:
		m.onSealed(p, msg)
	case *claim:
		m.onClaim(p, msg)
	case *promise:
		m.onPromise(p, msg)
	case *owned:
		m.onOwned(p, msg.Slots)
	case *ask:
		m.onAsk(p, msg)
	case *grant:
		m.onGrant(p.member, msg)
	case *giveBack:
		m.onGiveBack(p, msg)
	case *tell:
		m.out.tells = append(m.out.tells, msg)
	case *probe:
		m.flushOwn()
		m.send(p, &probed{Probe: msg.Probe})
	case *probed:
		m.onProbed(msg)
	case *revoke:
		m.onRevoke(msg)
	case *deposed:
		m.onDeposed(msg)
	case *want:
		m.out.wanted = append(m.out.wanted, wanted{p.member, msg.Realm})
	}
}

// setDeclared replaces the declared policies and applies them to the lists that exist.
func (m *machine) setDeclared(declared map[ProcedureKey]Declaration) {
	next := make(map[ProcedureKey]*Declaration, len(declared))
	for k, d := range declared {
		next[k] = &d
	}
	m.table.declaredMu.Lock()
	before := m.table.declared
	m.table.declared = next
	m.table.declaredMu.Unlock()
	m.table.holdings.Store(newHoldings(next))
	for _, keys := range []map[ProcedureKey]*Declaration{before, next} {
		for k := range keys {
			if p, ok := m.table.find(k); ok {
				m.table.change(p, nil, nil)
				m.out.changed = append(m.out.changed, k)
			}
		}
	}
	m.settle()
}
