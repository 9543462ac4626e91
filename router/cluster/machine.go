package cluster

import (
	"log/slog"
	"slices"
	"strings"
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
	// goneAfter is how long the links to a member must be down before the members agree
	// that it is gone; gonePair is the same in a cluster of two, where there is nobody to
	// agree with, and goneAlone for a member that has lost the links to several others and
	// may be the one that is cut off.
	goneAfter = 50 * time.Millisecond
	gonePair  = 500 * time.Millisecond
	goneAlone = 3 * time.Second
	// claimRetry is the longest random pause after a claim was refused.
	claimRetry = 50 * time.Millisecond
)

// memberState is what a member is fit for.
type memberState uint8

const (
	stateJoining  memberState = iota // it may not know every list yet
	stateReady                       // it takes its share of the slots
	stateDraining                    // it gives its slots away
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

	state  memberState
	joined bool // the edge reached every address it knows of
	peers  []*peer
	own    ownList

	candidates  [slotCount]MemberID
	viewChanged bool // candidates must be computed again
	// slotsChanged: there may be slots to claim. ownersChanged: asks may be waiting for
	// an answer from somebody who is not the owner any more.
	slotsChanged, ownersChanged bool
	maxEpoch                    uint64
	claims                      uint64 // number of the last claim made here
	claiming                    *claiming
	claimAfter                  time.Time
	seals                       map[uint64]*sealing // by fence
	fences                      uint64

	asks    map[uint64]*asking
	askOf   map[listKey]*asking
	unsent  []*asking
	lastAsk uint64
	queued  []queuedAsk            // asks for slots that this member is claiming
	granted map[wamp.ID][]granting // places given whose entry has not arrived yet

	waiters []waiter // by version
	out     output
}

// output is what a step wants done. Messages are to be sent in order, and before those of any
// later step; the functions in done are to be called without a lock.
type output struct {
	messages []envelope
	fences   []uint64
	done     []func()
	changed  []ProcedureKey
	members  bool // the set of members or their states changed
}

type envelope struct {
	to *peer
	m  message
}

// waiter is a change of the own list whose initiator waits for everybody's ack.
type waiter struct {
	version  uint64
	deadline time.Time
	done     func()
}

// peer is another member as this one sees it.
type peer struct {
	*member
	alive   bool // by gossip
	linked  bool
	links   uint64 // how many times they came up
	greeted bool   // its greeting arrived on the present links
	state   memberState
	// down is since when it has been known without standing links; zero while they stand.
	down time.Time
	// gone: agreed to be dead although gossip has not noticed yet.
	gone bool
	// lost are the members that this one has lost the links to.
	lost map[MemberID]bool

	// version and list copy its list; synced says that the copy was complete since the
	// links last stood.
	version uint64
	list    map[listKey]listEntry
	synced  bool
	// acked is the version of the own list that it routes by.
	acked uint64
}

func newMachine(self *member, t *table, logger *slog.Logger, random func(int64) int64) *machine {
	t.members.Store(self.hash, self)
	self.up.Store(true)
	return &machine{
		self: self, table: t, logger: logger, random: random,
		own:     newOwnList(),
		seals:   map[uint64]*sealing{},
		asks:    map[uint64]*asking{},
		askOf:   map[listKey]*asking{},
		granted: map[wamp.ID][]granting{},
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
	if m.viewChanged {
		m.viewChanged, m.slotsChanged = false, true
		m.out.members = true
		m.computeCandidates()
	}
	m.retryAsks()
	m.progressClaim()
	m.startClaim()
	m.flushOwn()
	m.releaseWaiters()
}

// tick tells the time; it is wanted every few tens of milliseconds.
func (m *machine) tick() {
	m.slotsChanged = true
	m.expireAsks()
	m.settle()
}

func (m *machine) peer(id MemberID) *peer {
	at, found := slices.BinarySearchFunc(m.peers, id, func(p *peer, id MemberID) int {
		return strings.Compare(string(p.id), string(id))
	})
	if found {
		return m.peers[at]
	}
	return nil
}

// addPeer gives the peer with this name; it makes one when there is none.
func (m *machine) addPeer(id MemberID, replica string) *peer {
	if p := m.peer(id); p != nil {
		return p
	}
	p := &peer{
		member: newMember(id, replica),
		down:   m.now,
		lost:   map[MemberID]bool{},
		list:   map[listKey]listEntry{},
	}
	m.table.members.Store(p.hash, p.member)
	m.peers = append(m.peers, p)
	slices.SortFunc(m.peers, func(a, b *peer) int { return strings.Compare(string(a.id), string(b.id)) })
	m.viewChanged = true
	return p
}

// peerAlive: gossip knows the member.
func (m *machine) peerAlive(id MemberID, replica string) {
	m.addPeer(id, replica).alive = true
	m.settle()
}

// peerDead: gossip declared the member dead, or it left. Standing links are better evidence
// than gossip: with those it stays until they break.
func (m *machine) peerDead(id MemberID) {
	if p := m.peer(id); p != nil {
		p.alive = false
		m.removeIfDead(p)
	}
	m.settle()
}

func (m *machine) removeIfDead(p *peer) {
	if p.alive || p.linked {
		return
	}
	m.dropList(p)
	m.table.members.Delete(p.hash)
	m.peers = slices.DeleteFunc(m.peers, func(q *peer) bool { return q == p })
	for _, q := range m.peers {
		delete(q.lost, p.id)
	}
	m.dropAsksOf(p)
	m.viewChanged = true
}

// linkUp: the links to the member stand, all of them new.
func (m *machine) linkUp(id MemberID, replica string) {
	p := m.addPeer(id, replica)
	p.linked, p.greeted, p.synced, p.gone, p.acked = true, false, false, false, 0
	p.down = time.Time{}
	p.links++
	m.viewChanged = true
	hello := &greet{Have: p.version, State: m.state}
	for _, q := range m.peers {
		if !q.linked && q.links > 0 {
			hello.Lost = append(hello.Lost, q.id)
		}
	}
	for i := range m.table.slots {
		if epoch := m.table.slots[i].active.Load(); epoch != 0 {
			hello.Owned = append(hello.Owned, ownership{Slot: slotID(i), Epoch: epoch})
		}
	}
	m.send(p, hello)
	for _, q := range m.peers {
		if q != p {
			m.send(q, &lost{Member: p.id})
		}
	}
	m.repeatClaim(p)
	m.settle()
}

// linkDown: the links to the member broke, or it was silent on them.
func (m *machine) linkDown(id MemberID) {
	p := m.peer(id)
	if p == nil || !p.linked {
		return
	}
	p.linked, p.greeted, p.synced = false, false, false
	p.down = m.now
	p.up.Store(false)
	m.viewChanged = true
	m.broadcast(&lost{Member: p.id, Lost: true})
	m.unsendAsks(func(a *asking) bool { return a.sentTo == p.member })
	m.dropSealsOf(p)
	m.removeIfDead(p)
	m.settle()
}

func (m *machine) onLost(p *peer, l *lost) {
	if l.Lost {
		p.lost[l.Member] = true
	} else {
		delete(p.lost, l.Member)
	}
}

// checkGone removes from the lists what members registered that everybody lost. It is what
// makes a kill a matter of milliseconds: gossip needs more than a second to notice.
func (m *machine) checkGone() {
	for _, p := range m.peers {
		if p.linked || p.gone || !m.agreedGone(p) {
			continue
		}
		m.logger.Info("member is gone: nobody has a link to it", "member", p.id, "down", m.now.Sub(p.down))
		p.gone = true
		m.dropList(p)
		m.dropAsksOf(p)
		m.viewChanged = true
	}
}

func (m *machine) agreedGone(p *peer) bool {
	down := m.now.Sub(p.down)
	if down >= goneAlone {
		return true
	}
	if p.links == 0 || down < goneAfter {
		return false
	}
	others, witnesses := 0, 0
	for _, q := range m.peers {
		if q == p || q.gone || q.state == stateJoining {
			continue
		}
		others++
		if !q.linked {
			continue
		}
		if !q.lost[p.id] {
			return false
		}
		witnesses++
	}
	if others == 0 {
		return down >= gonePair
	}
	return witnesses > 0
}

// live says that the member counts: what it holds matters to claims and confirmations. One
// whose links broke counts on, although it may have been joining when it was last heard.
func (p *peer) live() bool { return !p.gone && (p.linked || p.alive && p.links > 0) }

// joinedAll: the edge has reached all it knows of; from now on the member becomes ready as
// soon as it has every list.
func (m *machine) joinedAll() {
	m.joined = true
	m.settle()
}

func (m *machine) becomeReady() {
	if m.state != stateJoining || !m.joined {
		return
	}
	for _, p := range m.peers {
		if !p.gone && !p.synced {
			return
		}
	}
	m.setState(stateReady)
}

// drain makes the member give its slots to others.
func (m *machine) drain() {
	m.setState(stateDraining)
	m.self.draining.Store(true)
	m.settle()
}

func (m *machine) setState(s memberState) {
	m.state = s
	m.viewChanged = true
	m.broadcast(&stateChange{State: s})
}

func (m *machine) onState(p *peer, s memberState) {
	p.state = s
	p.draining.Store(s == stateDraining)
	m.viewChanged = true
}

// receive takes a message from a member with whom the links stand.
func (m *machine) receive(from MemberID, msg message) {
	p := m.peer(from)
	if p == nil || !p.linked {
		return
	}
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
		m.send(p, m.own.full())
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
	}
	m.settle()
}

func (m *machine) onGreet(p *peer, g *greet) {
	p.greeted = true
	p.lost = map[MemberID]bool{}
	for _, id := range g.Lost {
		p.lost[id] = true
	}
	m.onState(p, g.State)
	m.onOwned(p, g.Owned)
	p.up.Store(true)
	m.flushOwn()
	p.acked = 0
	if g.Have == m.own.version {
		m.send(p, &delta{From: g.Have, To: g.Have})
	} else {
		m.send(p, m.own.full())
	}
	m.retryAll()
}

// settled: the member is ready and owns the slots that it should.
func (m *machine) settled() bool {
	if m.state != stateReady || m.claiming != nil {
		return false
	}
	for i := range m.candidates {
		if m.candidates[i] == m.self.id && m.table.slots[i].active.Load() == 0 {
			return false
		}
	}
	return true
}

// drained: this member owns nothing any more, or there is nobody to give it to.
func (m *machine) drained() bool {
	if !slices.ContainsFunc(m.peers, func(p *peer) bool { return p.live() && p.state == stateReady }) {
		return true
	}
	for i := range m.table.slots {
		if m.table.slots[i].active.Load() != 0 {
			return false
		}
	}
	return true
}

// linkSilent: nothing has been heard of the member for a moment, or something again. New
// calls avoid it meanwhile.
func (m *machine) linkSilent(id MemberID, silent bool) {
	if p := m.peer(id); p != nil && p.linked && p.greeted {
		p.up.Store(!silent)
	}
	m.settle()
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
	for _, keys := range []map[ProcedureKey]*Declaration{before, next} {
		for k := range keys {
			if p, ok := m.table.byKey.get(k); ok {
				m.table.change(p, nil, nil)
				m.out.changed = append(m.out.changed, k)
			}
		}
	}
	m.settle()
}
