package cluster

import (
	"fmt"
	"slices"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// simNode is one member: what a Node is around the machine, and the process around that.
type simNode struct {
	net     *simNet
	id      MemberID
	replica string
	m       *machine
	calls   *calls
	fences  fences
	realm   *Realm
	born    time.Time
	links   map[MemberID]*simLink
	dialing map[MemberID]bool
	knows   map[*simNode]bool // whom gossip holds alive
	dead    bool

	// Its clock is ahead by skew, and gains drift every second.
	skew, drift time.Duration

	// While it is paused timers that are due and what arrives wait.
	paused      bool
	pauses      int
	stopped     time.Time // by the last pause
	woke        time.Time // from it
	timers      []func()
	inbox       []simInput
	slow        time.Duration // how long an input may wait
	slowest     time.Duration // how long one might so far
	busy        time.Time     // until when the inputs before keep it
	gentle      bool          // it leaves in order
	died        time.Time
	served      time.Time // when it was first seen ready
	restartedAs *simNode

	// pending are the calls that callees here have not answered.
	pending []simPending
	revoked func(k listKey)
}

// simInput is something that a paused member finds when it wakes.
type simInput struct {
	do     func()
	broken bool // a link that broke
	call   bool // came on the connection for calls
}

type simPending struct {
	callee Callee
	caller Caller
}

// Now is the member's own clock.
func (n *simNode) Now() time.Time {
	return n.net.now.Add(n.skew + time.Duration(n.net.now.Sub(n.born).Seconds()*float64(n.drift)))
}

func (n *simNode) AfterFunc(d time.Duration, f func()) { n.later(d, f) }

// later is for what a crash of the node ends.
func (n *simNode) later(d time.Duration, f func()) {
	n.net.after(d, func() {
		switch {
		case n.dead:
		case n.paused:
			n.timers = append(n.timers, f)
		default:
			n.input(f)
		}
	})
}

// input is anything that a process must run for to take it.
func (n *simNode) input(f func()) { n.take(simInput{do: f}) }

func (n *simNode) take(in simInput) {
	switch {
	case n.dead:
	case n.paused:
		n.inbox = append(n.inbox, in)
	case n.slow > 0 || n.busy.After(n.net.now):
		at := n.net.now
		if n.slow > 0 {
			at = at.Add(n.net.between(0, n.slow))
		}
		if at.Before(n.busy) {
			at = n.busy
		}
		n.busy = at
		n.net.at(at, func() {
			switch {
			case n.dead:
			case n.paused:
				n.inbox = append(n.inbox, in)
			default:
				in.do()
			}
		})
	default:
		in.do()
	}
}

// pause stops the process. The others go on sending, and notice after a while that nothing comes.
func (n *simNode) pause() {
	n.net.note("pause %s", n.id)
	n.paused, n.stopped = true, n.net.now
	n.pauses++
	n.net.refresh()
	n.net.parted()
	n.net.mourn(n, n.pauses, 1200*time.Millisecond, 1900*time.Millisecond)
}

// wake lets it run on: first the timers that are due, then what came meanwhile. A link that the
// other side gave up is noticed behind what came on it, or at once, when something is written; the
// connection for calls may be read after the one for control.
func (n *simNode) wake() {
	if n.dead || !n.paused {
		return
	}
	n.net.note("wake %s", n.id)
	n.paused, n.woke = false, n.net.now
	timers, inbox := n.timers, n.inbox
	n.timers, n.inbox = nil, nil
	if n.net.chance(2) {
		inbox = first(inbox, func(in simInput) bool { return !in.call && !in.broken })
	}
	if n.net.chance(2) {
		inbox = first(inbox, func(in simInput) bool { return in.broken })
	}
	n.busy = n.net.now
	for _, f := range timers {
		n.soon(simInput{do: f})
	}
	for _, in := range inbox {
		n.soon(in)
	}
	n.net.refresh()
	n.net.rejoin(20*time.Millisecond, 800*time.Millisecond)
}

// first gives some inputs first, and then the others.
func first(inputs []simInput, which func(simInput) bool) []simInput {
	var these, others []simInput
	for _, in := range inputs {
		if which(in) {
			these = append(these, in)
		} else {
			others = append(others, in)
		}
	}
	return append(these, others...)
}

// soon is an input that comes after all that was there before.
func (n *simNode) soon(in simInput) {
	n.busy = n.busy.Add(n.net.between(1, 50*time.Microsecond))
	n.take(in)
}

// start starts a member of a replica, under a name that was not used before.
func (s *simNet) start(replica string) *simNode {
	return s.startAs(replica, MemberID(fmt.Sprintf("%s.%08x", replica, s.random.Uint32())))
}

func (s *simNet) startAs(replica string, id MemberID) *simNode {
	self := newMember(id, replica)
	t := newTable()
	t.flaw = s.flaw
	n := &simNode{
		net: s, id: id, replica: replica, born: s.now, fences: fences{},
		links: map[MemberID]*simLink{}, dialing: map[MemberID]bool{}, knows: map[*simNode]bool{},
	}
	if s.skew > 0 {
		n.skew = s.between(-s.skew, s.skew)
		n.drift = s.between(-5*time.Millisecond, 5*time.Millisecond)
	}
	n.calls = newCalls(self, t, n, func(f func(Callee, Caller)) {
		for _, c := range slices.Clone(n.pending) {
			f(c.callee, c.caller)
		}
	})
	n.calls.random = s.random.IntN
	n.m = newMachine(self, t, s.logger, s.random.Int64N)
	n.realm = &Realm{name: "realm1", node: &Node{calls: n.calls, table: t}}
	s.nodes = append(s.nodes, n)
	s.note("start %s", id)
	if s.starting != nil {
		s.starting(n)
	}
	if s.declare != nil {
		n.step(func(m *machine) { m.setDeclared(s.declare) })
	}
	if s.quorum > 0 {
		n.step(func(m *machine) { m.setQuorum(s.quorum) })
	}
	var tick func()
	tick = func() {
		n.echoes()
		n.step((*machine).tick)
		n.later(s.tickEvery, tick)
	}
	n.later(s.between(0, s.tickEvery), tick)
	s.join(n)
	return n
}

// crash ends a process at once. What it sent last may or may not arrive. Its kernel resets its
// connections, unless that is silent as well.
func (s *simNet) crash(n *simNode, silent bool) {
	if n.dead {
		return
	}
	s.note("crash %s, silent %v", n.id, silent)
	n.dead = true
	n.timers, n.inbox = nil, nil
	for _, other := range s.nodes {
		l := other.links[n.id]
		if l == nil || l.to != n {
			continue
		}
		l.pair.broken = s.now.Add(s.between(0, 2*time.Millisecond))
		if !silent && !s.cut(n, other) {
			l.noticeAt(l.pair.broken.Add(s.between(0, time.Millisecond)))
		}
	}
	s.refresh()
	s.parted()
	if n.gentle {
		s.mourn(n, n.pauses, 0, 300*time.Millisecond)
	} else {
		s.mourn(n, n.pauses, 1200*time.Millisecond, 1900*time.Millisecond)
	}
}

func (n *simNode) onFrame(from *simLink, f *frame) {
	m := from.member
	switch f.kind {
	case frameFence:
		m.send(&frame{kind: frameFenced, call: f.call})
	case frameFenced:
		n.step(func(machine *machine) {
			if n.fences.back(f.call, m) {
				machine.fenceDone(f.call)
			}
		})
	default:
		n.calls.receive(m, f)
	}
}

// step is Node.step in the simulation.
func (n *simNode) step(f func(*machine)) {
	n.m.at(n.Now())
	f(n.m)
	var done []func()
	var revoked []listKey
	var last message
	var b []byte
	for {
		out := n.m.take()
		for _, e := range out.messages {
			if e.m != last {
				var err error
				if b, err = appendMessage(nil, e.m); err != nil {
					n.net.fail("message: %v", err)
				}
				last = e.m
				if o, ok := e.m.(*owned); ok {
					n.net.ownership += len(o.Slots)
				}
			}
			if l := n.links[e.to.id]; l != nil {
				l.say(b)
			}
		}
		done = append(done, out.done...)
		revoked = append(revoked, out.revoked...)
		if len(out.fences) == 0 {
			break
		}
		for _, fence := range out.fences {
			var to []*member
			for _, p := range n.m.peers {
				if n.links[p.id] != nil {
					to = append(to, p.member)
				}
			}
			if n.fences.start(fence, to) {
				n.m.fenceDone(fence)
			}
		}
	}
	for _, f := range done {
		f()
	}
	for _, k := range revoked {
		n.later(n.net.between(0, time.Millisecond), func() { n.revoked(k) })
	}
}

// view is the list of a procedure as this member has it.
func (n *simNode) view(uri string) *view {
	if p, ok := n.m.table.byID.get(RegistrationID("realm1", Exact, uri)); ok {
		return p.load()
	}
	return emptyView
}

func (n *simNode) has(uri string, session wamp.ID) bool {
	return slices.ContainsFunc(n.view(uri).entries, func(e entry) bool { return e.session == session })
}
