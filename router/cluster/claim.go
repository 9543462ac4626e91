package cluster

import (
	"slices"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// claiming is a claim on its way: first the owners that live seal the slots, so that every
// turn they dealt has arrived; then every live member promises to refuse lower epochs, and
// says what it knows of the rotations. Only then does the claimant act. Without the second
// step a turn of the old owner could still be delivered after a turn of the new one; without
// the first a turn could be refused while a later one of the same owner passes.
type claiming struct {
	number   uint64
	epoch    uint64 // 0 while sealing
	slots    slotSet
	need     map[MemberID]bool // answers that are missing
	versions map[MemberID]uint64
	turns    map[wamp.ID]turn
}

// sealing is a seal that waits until the turns dealt before it have arrived.
type sealing struct {
	to    MemberID
	slots slotSet
	reply *sealed
}

// computeCandidates finds the slots of which this is the ready member with the highest score.
func (m *machine) computeCandidates() {
	ready := m.members(stateReady)
	if len(ready) == 0 {
		// When all are leaving, ownership stays among them.
		ready = m.members(stateDraining)
	}
	if slices.Equal(ready, m.candidatesOf) {
		return
	}
	m.candidatesOf = ready
	hashes := make([]uint64, len(ready))
	for i, id := range ready {
		hashes[i] = hashOf(id)
	}
	m.share = slotSet{}
	for s := range slotID(slotCount) {
		best, most := -1, uint64(0)
		for i, id := range ready {
			if w := score(hashes[i], s); best < 0 || w > most || w == most && id > ready[best] {
				best, most = i, w
			}
		}
		if best >= 0 && ready[best] == m.self.id {
			m.share.add(s)
		}
	}
}

// members gives the names of the members in a state.
func (m *machine) members(state memberState) []MemberID {
	var ids []MemberID
	if m.state == state {
		ids = append(ids, m.self.id)
	}
	for _, p := range m.peers {
		if p.live() && p.state == state {
			ids = append(ids, p.id)
		}
	}
	return ids
}

// startClaim claims what this member should own and does not.
func (m *machine) startClaim() {
	if m.claiming != nil || !m.slotsChanged || m.now.Before(m.claimAfter) || !m.table.leased(m.now) || m.tooYoung() {
		return
	}
	m.slotsChanged = false
	var slots, own slotSet
	seals := map[MemberID]*slotSet{}
	m.share.each(func(s slotID) {
		slot := &m.table.slots[s]
		if slot.active.Load() != 0 {
			return
		}
		slots.add(s)
		if m.dealing[s] != 0 {
			own.add(s)
		}
		if owner := slot.owner.Load(); owner != nil {
			if seals[owner.id] == nil {
				seals[owner.id] = &slotSet{}
			}
			seals[owner.id].add(s)
		}
	})
	if slots.empty() || m.strangers() {
		return
	}
	m.claims++
	c := &claiming{
		number: m.claims, slots: slots, need: map[MemberID]bool{},
		versions: map[MemberID]uint64{}, turns: map[wamp.ID]turn{},
	}
	m.claiming = c
	for _, p := range m.peers {
		if part := seals[p.id]; part != nil && p.live() {
			c.need[p.id] = true
			m.send(p, &seal{Claim: c.number, Slots: *part})
		}
	}
	if !own.empty() {
		// It dealt in them before, and that may still be on its way, whoever owned them since.
		c.need[m.self.id] = true
		m.startFence(&sealing{to: m.self.id, slots: own, reply: &sealed{Claim: c.number}})
	}
	m.progressClaim()
}

// repeatClaim tells a member whose links came up (again) of the claim that is on its way.
func (m *machine) repeatClaim(p *peer) {
	c := m.claiming
	switch {
	case c == nil:
	case c.epoch != 0:
		c.need[p.id] = true
		m.send(p, &claim{Claim: c.number, Epoch: c.epoch, Slots: c.slots})
	case c.need[p.id]:
		m.send(p, &seal{Claim: c.number, Slots: c.slots})
	}
}

// progressClaim takes the claim as far as the answers allow.
func (m *machine) progressClaim() {
	c := m.claiming
	if c == nil {
		return
	}
	for id := range c.need {
		if p := m.peer(id); id != m.self.id && (p == nil || !p.live()) {
			delete(c.need, id)
		}
	}
	if len(c.need) > 0 {
		return
	}
	if c.epoch == 0 {
		m.promiseSelf(c)
		for _, p := range m.peers {
			if p.live() {
				c.need[p.id] = true
				m.send(p, &claim{Claim: c.number, Epoch: c.epoch, Slots: c.slots})
			}
		}
		if len(c.need) > 0 {
			return
		}
	}
	if !m.majority(1+len(c.versions)) || m.strangers() {
		return // who comes yet will be asked
	}
	for id, version := range c.versions {
		if p := m.peer(id); p != nil && p.live() && p.version < version {
			return // registrations that an old owner granted are still on their way here
		}
	}
	m.act(c)
}

func (m *machine) promiseSelf(c *claiming) {
	m.maxEpoch++
	c.epoch = m.maxEpoch
	c.slots.each(func(s slotID) {
		slot := &m.table.slots[s]
		if slot.promised.Load() >= c.epoch {
			c.slots.remove(s)
			return
		}
		slot.promised.Store(c.epoch)
		slot.owner.Store(m.self)
	})
	m.ownersChanged = true
	m.collectTurns(&c.slots, c.addTurn)
}

func (c *claiming) addTurn(id wamp.ID, t turn) {
	if t.after(c.turns[id]) {
		c.turns[id] = t
	}
}

// collectTurns gives the last turn known here of each procedure in the slots. Taking the lock
// of each makes sure that turns which passed the fence before it moved are seen.
func (m *machine) collectTurns(slots *slotSet, add func(wamp.ID, turn)) {
	m.table.inSlots(slots, func(p *procedure) {
		var last turn
		p.mu.Lock()
		if p.turns != nil {
			last = p.turns.last()
		}
		p.mu.Unlock()
		if last != (turn{}) {
			add(p.id, last)
		}
	})
	for id, r := range m.remembered {
		if slots.has(slotOf(id)) {
			add(id, r.last())
		}
	}
}

func (m *machine) turnRecords(slots *slotSet) []turnRecord {
	var turns []turnRecord
	m.collectTurns(slots, func(id wamp.ID, t turn) {
		turns = append(turns, turnRecord{Procedure: id, Epoch: t.Epoch, Seq: t.Seq, Stamp: t.Stamp})
	})
	return turns
}

// act makes this member the owner of what was promised to it by everybody.
func (m *machine) act(c *claiming) {
	m.claiming = nil
	m.slotsChanged = true
	c.slots.each(func(s slotID) {
		slot := &m.table.slots[s]
		if slot.promised.Load() != c.epoch || slot.owner.Load() != m.self {
			c.slots.remove(s) // claimed by another meanwhile
		}
	})
	m.dropGrants(func(id wamp.ID, _ *granting) bool { return c.slots.has(slotOf(id)) })
	for id, t := range c.turns {
		if !c.slots.has(slotOf(id)) {
			continue
		}
		m.maxStamp = max(m.maxStamp, t.Stamp)
		p, ok := m.table.byID.get(id)
		if !ok {
			m.rememberTurn(id, t)
			continue
		}
		if m.table.flaw == flawCursorReset {
			t.Stamp = 0
		}
		p.mu.Lock()
		p.rotation().dealt = turn{Epoch: c.epoch, Seq: uint64(m.now.UnixMicro()), Stamp: t.Stamp}
		p.mu.Unlock()
	}
	news := &owned{}
	c.slots.each(func(s slotID) {
		m.table.slots[s].active.Store(c.epoch)
		m.dealing[s] = m.fences + 1
		news.Slots = append(news.Slots, ownership{Slot: s, Epoch: c.epoch})
	})
	if len(news.Slots) > 0 {
		m.logger.Info("took ownership of slots", "slots", len(news.Slots), "epoch", c.epoch)
		m.broadcast(news)
	}
	m.answerQueued()
	m.startClaim()
}

// onSeal stops dealing and granting in slots that a candidate wants, and answers when what
// was dealt has arrived: a fence runs through every link for calls, behind the last turn.
func (m *machine) onSeal(p *peer, s *seal) {
	s.Slots.each(func(id slotID) {
		m.table.slots[id].active.Store(0)
		if m.claiming != nil {
			m.claiming.slots.remove(id) // it must not begin to deal after it has answered
		}
	})
	reply := &sealed{Claim: s.Claim, Turns: m.turnRecords(&s.Slots)}
	m.startFence(&sealing{to: p.id, slots: s.Slots, reply: reply})
}

func (m *machine) startFence(s *sealing) {
	m.fences++
	m.seals[m.fences] = s
	m.out.fences = append(m.out.fences, m.fences)
}

// fenceDone: every member with standing links has seen what was sent before the fence.
func (m *machine) fenceDone(fence uint64) {
	if done := m.fenced[fence]; done != nil {
		delete(m.fenced, fence)
		m.out.done = append(m.out.done, done)
	}
	if s := m.seals[fence]; s != nil {
		delete(m.seals, fence)
		s.slots.each(func(id slotID) {
			if m.dealing[id] <= fence {
				m.dealing[id] = 0
			}
		})
		if p := m.peer(s.to); p != nil {
			m.send(p, s.reply)
		}
		if c := m.claiming; s.to == m.self.id && c != nil && c.number == s.reply.Claim {
			delete(c.need, m.self.id)
		}
	}
	m.settle()
}

func (m *machine) dropSealsOf(p *peer) {
	for fence, s := range m.seals {
		if s.to == p.id {
			delete(m.seals, fence)
		}
	}
}

func (m *machine) onSealed(p *peer, s *sealed) {
	c := m.claiming
	if c == nil || c.number != s.Claim || c.epoch != 0 {
		return
	}
	delete(c.need, p.id)
	for _, t := range s.Turns {
		c.addTurn(t.Procedure, turn{Epoch: t.Epoch, Seq: t.Seq, Stamp: t.Stamp})
	}
}

// onClaim promises: from here on turns and grants of lower epochs are refused here.
func (m *machine) onClaim(p *peer, c *claim) {
	m.maxEpoch = max(m.maxEpoch, c.Epoch)
	reply := &promise{Claim: c.Claim}
	c.Slots.each(func(id slotID) {
		slot := &m.table.slots[id]
		if now := slot.promised.Load(); now > c.Epoch || now == c.Epoch && slot.owner.Load() != p.member || m.tooYoung() {
			reply.Refused = append(reply.Refused, ownership{Slot: id, Epoch: now})
			c.Slots.remove(id)
			return
		}
		m.promiseTo(p, slot, c.Epoch)
	})
	reply.Turns = m.turnRecords(&c.Slots)
	m.flushOwn()
	reply.Version = m.own.version
	m.send(p, reply)
	m.refuseQueued()
}

func (m *machine) promiseTo(p *peer, slot *slot, epoch uint64) {
	if c := m.claiming; c != nil && c.epoch == 0 {
		// It was claimed from its old owner; the new one has to be asked to seal it.
		c.slots.remove(slot.id)
	}
	slot.active.Store(0)
	slot.promised.Store(epoch)
	slot.owner.Store(p.member)
	m.ownersChanged, m.slotsChanged = true, true
}

func (m *machine) onPromise(p *peer, answer *promise) {
	c := m.claiming
	if c == nil || c.number != answer.Claim || c.epoch == 0 {
		return
	}
	delete(c.need, p.id)
	c.versions[p.id] = answer.Version
	for _, r := range answer.Refused {
		c.slots.remove(r.Slot)
		m.maxEpoch = max(m.maxEpoch, r.Epoch)
		m.claimAfter = m.now.Add(time.Duration(m.random(int64(claimRetry))))
	}
	for _, t := range answer.Turns {
		c.addTurn(t.Procedure, turn{Epoch: t.Epoch, Seq: t.Seq, Stamp: t.Stamp})
	}
}

// onOwned learns of owners whose claim this member did not see. When it owns the same slots
// itself, the two were apart: neither goes on, and the candidate claims with a higher epoch. An owner
// that others have taken the place of is told so, whoever that was: its turns would be refused.
func (m *machine) onOwned(p *peer, slots []ownership) {
	told := map[*member]*deposed{}
	tell := func(to *member, o ownership) {
		if told[to] == nil {
			told[to] = &deposed{}
		}
		told[to].Slots = append(told[to].Slots, o)
	}
	for _, o := range slots {
		m.maxEpoch = max(m.maxEpoch, o.Epoch)
		slot := &m.table.slots[o.Slot]
		now, owner := slot.promised.Load(), slot.owner.Load()
		switch {
		case now < o.Epoch:
			if owner != nil && owner != m.self && owner != p.member {
				tell(owner, o)
			}
			m.promiseTo(p, slot, o.Epoch)
		case owner == p.member:
		case now == o.Epoch && owner == m.self && slot.active.Load() != 0:
			slot.active.Store(0)
			m.slotsChanged = true
			tell(p.member, o)
		default:
			tell(p.member, ownership{Slot: o.Slot, Epoch: now})
		}
	}
	for _, q := range m.peers {
		if d := told[q.member]; d != nil {
			m.send(q, d)
		}
	}
	m.retryAll()
}

// onDeposed: somebody has promised slots to an owner of this epoch or a higher one.
func (m *machine) onDeposed(d *deposed) {
	for _, o := range d.Slots {
		m.maxEpoch = max(m.maxEpoch, o.Epoch)
		slot := &m.table.slots[o.Slot]
		if active := slot.active.Load(); active != 0 && active <= o.Epoch {
			slot.active.Store(0)
		}
	}
	m.ownersChanged, m.slotsChanged = true, true
}
