package cluster

import (
	"fmt"
	"slices"
	"time"
)

// memberState is what a member is fit for.
type memberState uint8

const (
	stateJoining  memberState = iota // it may not know every list yet
	stateReady                       // it takes its share of the slots
	stateDraining                    // it gives its slots away
)

// at tells the time of the step. A member that was asleep (paused, or starved of CPU) for long may
// have been replaced as an owner and not know it yet: it grants and deals nothing before it has
// claimed its slots again.
func (m *machine) at(now time.Time) {
	if !m.now.IsZero() && now.Sub(m.now) > asleep {
		m.logger.Warn("this replica was asleep; it claims again what it owned", "duration", now.Sub(m.now))
		m.disown()
	}
	if m.born.IsZero() {
		m.born = now
	}
	m.now = now
	m.table.stepped.Store(steady(now))
}

// joinedAll: the edge has reached all it knows of; from now on the member becomes ready as
// soon as it has every list.
func (m *machine) joinedAll() {
	m.joined = true
	m.settle()
}

// stampTime is the time of a stamp.
func stampTime(stamp uint64) time.Time { return time.UnixMicro(int64(stamp)) }

func (m *machine) becomeReady() {
	if m.state != stateJoining || !m.joined {
		return
	}
	for _, p := range m.peers {
		if p.replica == m.self.replica && p.links == 0 {
			continue // an earlier run of this replica, which gossip has not found dead yet
		}
		if !p.gone && !p.synced {
			return
		}
	}
	m.setState(stateReady)
}

// waiting says what a member waits for until it is settled; empty when it is.
func (m *machine) waiting() string {
	switch {
	case m.settled():
		return ""
	case m.state == stateDraining:
		return "it leaves the cluster"
	case m.state == stateReady:
		return "it claims its share of the procedures"
	}
	for _, p := range m.peers {
		if !p.gone && !p.synced {
			return fmt.Sprintf("the list of replica %s has not arrived", p.replica)
		}
	}
	return "it joins the cluster"
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

// settled: the member is ready and owns the slots that it should.
func (m *machine) settled() bool {
	if m.state != stateReady || m.claiming != nil {
		return false
	}
	settled := true
	m.share.each(func(s slotID) { settled = settled && m.table.slots[s].active.Load() != 0 })
	return settled
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
