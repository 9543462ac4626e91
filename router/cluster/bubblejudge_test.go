package cluster

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// callSomething calls from a replica what has callees at several, or at one, and judges who
// answers.
func (l *bubbleLoad) callSomething(n *bubbleNode) {
	if !n.router.enter() {
		return
	}
	defer n.router.open.Done()
	live := l.b.live()
	other := live[l.chance(len(live))]
	uri := [...]string{"com.first", "com.last", "com.random", fmt.Sprintf("com.own%d", other.number)}[l.chance(4)]
	before := n.list(uri)
	call := l.call(n, uri)
	got, ok := call.wait()
	if !ok {
		return
	}
	l.mu.Lock()
	if call.failed {
		l.done.Failed++
	}
	unharmed := l.unharmed && len(before) > 1
	l.mu.Unlock()
	uneasy := call.uneasy(l)
	if call.failed && (unharmed || !uneasy && len(before) > 0) {
		l.b.failf("%s called %s, which has %d callees: %s", n.self.replica, uri, len(before), got)
	}
	if call.failed || uneasy || uri == "com.random" {
		return
	}
	// Whose registration or end was on its way during the call may have been chosen or not.
	after := n.list(uri)
	if slices.Equal(before, after) && chosen(uri, before) != got {
		l.b.failf("%s called %s: session %s answered, its list is %v", n.self.replica, uri, got, before)
	}
}

func chosen(uri string, list []CalleeInfo) string {
	if len(list) == 0 {
		return wamp.ErrNoSuchProcedure
	}
	at := 0
	if uri == "com.last" {
		at = len(list) - 1
	}
	return strconv.Itoa(int(list[at].Session))
}

func (n *bubbleNode) list(uri string) []CalleeInfo {
	p, _ := n.Procedure(ProcedureKey{Realm: bubbleRealm, URI: uri})
	return p.Callees
}

// bubbleRotation is where one caller is in the rotation: at the callee that answered last. Calls
// that failed since may each have used up a turn.
type bubbleRotation struct {
	stamp   uint64
	unsure  int
	started bool
}

// turn is the next call of the one caller of com.rotate.
func (l *bubbleLoad) turn() {
	n := l.someone()
	if n == nil || !l.firstGroup(n) || !n.router.enter() {
		return
	}
	defer n.router.open.Done()
	list := n.list("com.rotate")
	call := l.call(n, "com.rotate")
	got, ok := call.wait()
	uneasy := call.uneasy(l)
	l.mu.Lock()
	defer l.mu.Unlock()
	r := &l.rotation
	if !ok || call.failed {
		l.done.Failed++
		r.unsure++
		if ok && len(list) > 0 && (!uneasy || l.unharmed && len(list) > 1) {
			l.b.failf("%s called com.rotate, which has %d callees: %s", n.self.replica, len(list), got)
		}
		return
	}
	l.done.Turns++
	// Of callees that came or went during the call the owner may have known, or not. A change is
	// here soon after it is elsewhere.
	for _, pause := range []time.Duration{0, 50 * time.Millisecond} {
		l.mu.Unlock()
		time.Sleep(pause)
		all, moving := merge(list, n.list("com.rotate"))
		l.mu.Lock()
		if stamp, right := l.follows(all, moving, got); right {
			r.stamp, r.unsure, r.started = stamp, 0, !l.merging
			return
		}
		list = all
	}
	if r.started {
		l.done.Jumps++
		l.b.failf("the rotation jumped: session %s answered %s, after the one at %d (%d calls failed between); the list is %v",
			got, n.self.replica, r.stamp, r.unsure, list)
	}
	r.started = false // begin anew behind whoever is next
}

// merge gives all callees that are on one of two lists, in order, and which are on only one.
func merge(a, b []CalleeInfo) (all []CalleeInfo, moving map[uint64]bool) {
	moving = map[uint64]bool{}
	for _, c := range slices.Concat(a, b) {
		if !slices.Contains(all, c) {
			all = append(all, c)
		}
		moving[c.Stamp] = !slices.Contains(a, c) || !slices.Contains(b, c)
	}
	slices.SortFunc(all, func(x, y CalleeInfo) int { return cmp.Compare(x.Stamp, y.Stamp) })
	return all, moving
}

// firstGroup tells whether a replica is on the side of a split that has the caller.
func (l *bubbleLoad) firstGroup(n *bubbleNode) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.group[n.number] == 0
}

// follows tells whether a callee may be the next, and its place.
func (l *bubbleLoad) follows(list []CalleeInfo, moving map[uint64]bool, session string) (stamp uint64, right bool) {
	r := &l.rotation
	at := -1
	for i, c := range list {
		if strconv.Itoa(int(c.Session)) == session {
			at, stamp = i, c.Stamp
		}
	}
	if at < 0 {
		return 0, false
	}
	if !r.started || l.merging {
		return stamp, true
	}
	next := 0
	for next < len(list) && list[next].Stamp <= r.stamp {
		next++
	}
	// Those of replicas in trouble may be passed over.
	for passed := 0; passed <= r.unsure; next++ {
		c := list[next%len(list)]
		if next%len(list) == at {
			return stamp, true
		}
		if next > 2*len(list) {
			return 0, false
		}
		if !l.troubledReplica(c.Replica) && !moving[c.Stamp] {
			passed++
		}
	}
	return 0, false
}

func (l *bubbleLoad) troubledReplica(name string) bool {
	number, _ := strconv.Atoi(name[1:])
	return l.troubled[number] || l.group[number] > 0
}

// unanswered counts the calls of clients that wait.
func (l *bubbleLoad) unanswered() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.calls {
		if c.Open() && !c.at.router.ended() {
			n++
		}
	}
	return n
}

// judge looks at all calls when each has had the time to be answered.
func (l *bubbleLoad) judge() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.calls {
		c.mu.Lock()
		if c.answers != 1 && (c.answers != 0 || !c.at.router.ended()) {
			l.b.failf("%s called %s and got %d answers", c.at.self.replica, c.uri, c.answers)
		}
		c.mu.Unlock()
	}
	l.b.t.Logf("%d nodes, seed %d, %v: %+v", len(l.b.nodes), l.b.seed, time.Since(l.b.start).Round(time.Millisecond), l.done)
}
