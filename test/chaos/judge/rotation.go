package judge

import (
	"container/list"
	"fmt"
	"math"

	"github.com/wamp-operator/wamp-operator/test/chaos/history"
)

// Rotation judges P2 for one roundrobin procedure that one caller calls, one call at a time: a call
// goes to the callee that registered next after the one that answered the call before.
//
// It is told what happened, one operation after the other, in the order in which they ended, with Add; it keeps
// some numbers for each callee that is there and none for those that left, and a call costs the
// same however many there are while the list is stable. Faults tells what came of it.
//
// What counts as a fault. A callee is *certainly there* for a call when REGISTERED was read before
// the call was sent, and the end of the registration began after the answer was read. Such a callee was
//   - passed over, when another callee had two turns and it had none between them, or when it is known
//     to have registered after the callee of one call and before that of the next (one REGISTERED was
//     read before the other REGISTER was sent);
//   - repeated, when it was called twice in a row although another one was certainly there. That other
//     one was passed over, so this is counted with those as well.
//
// What does not count. A call that ended in an error, or was not answered, may or may not have used
// the turn of one callee: each such call excuses one callee that was passed over since that callee had
// its last turn. A callee whose replica was in trouble (history.Trouble) at some time between the two
// turns may be passed over. When its session was lost, its client tells so by an Unregister that
// starts when it last knew that the registration was there; what was passed over before that counts.
//
// A fault is not counted before the callee that was passed over has shown that it was there, by
// answering another call, or by an Unregister that began later, or when Finish is called: until then it
// might turn out that its session had ended.
//
// The zero value is ready for use. It is for one goroutine.
type Rotation struct {
	callees map[int64]*callee
	order   list.List // of *callee that are certainly there, by mark, latest first
	arrived *callee   // REGISTERED was read after the last call ended; linked by next
	trouble map[string][]span
	changes int     // of the list of callees
	calls   int64   // how many ended
	last    *callee // that answered the last call; nil when that call failed
	errors  credits
	// suspected is judged in the order of calls, so that failed calls excuse as many as they can.
	suspected []*suspicion
	repeated  int64 // the last call that was suspected to go to the callee of the call before
	faults    Faults
}

// Faults is what was found.
type Faults struct {
	// Calls is how many calls ended, Answered how many of them with a result.
	Calls, Answered int64
	// PassedOver is how often a callee was passed over, Repeated how many calls that passed over
	// callees went to the callee of the call before.
	PassedOver, Repeated int64
	// Excused is how often a callee was passed over because a call had failed or its replica was
	// in trouble.
	Excused int64
	// First are the first faults.
	First []Fault
}

// Fault is a callee that was passed over.
type Fault struct {
	Callee int64 // that was passed over
	For    int64 // that answered instead
	Call   int64 // number of the call, from 1
	At     int64 // when its answer was read
}

func (f Fault) String() string {
	return fmt.Sprintf("call %d, answered at %.6f s by registration %d: registration %d was passed over",
		f.Call, float64(f.At)/1e9, f.For, f.Callee)
}

// maxFirst is how many faults are kept in full.
const maxFirst = 20

// maxSuspected is how many faults wait for proof that the callee was there. One that is lost is
// suspected to be passed over once a round for as long as nobody says that it is gone.
const maxSuspected = 1 << 16

type span struct{ start, end int64 }

// callee is a registration.
type callee struct {
	id         int64
	replica    string
	start, end int64 // of the Register; 0, history.Never when that has not been told yet
	certain    int64 // number of the first call for which it was certainly there; 0: none yet
	turn       int64 // number of the last call that it answered; 0: none
	turnStart  int64 // when that call began
	// mark is the number of the last call after which nothing is owed to it: its last turn, the
	// call before the first for which it was certainly there, or the last for which it was excused.
	mark      int64
	place     *list.Element
	next      *callee // in Rotation.arrived
	follower  *callee // that was called next after it without fault, as long as changes is agreed
	agreed    int
	suspected []*suspicion
}

// suspicion is a fault if the callee was there.
type suspicion struct {
	Fault
	callee      *callee
	repeated    bool  // the first of its call, which went to the callee of the call before
	owedSince   int64 // mark of the callee
	windowStart int64
	verdict     verdict
}

type verdict uint8

const (
	open    verdict = iota
	there           // the callee was there
	leaving         // it was not certainly there
)

// Add takes the next operation. Register and Unregister count from their answer; a Register that
// was refused or not answered need not be added. A Trouble is added when it begins, with an End of
// history.Never, and again when it is over.
func (r *Rotation) Add(op history.Op) {
	switch op.Kind {
	case history.Register:
		r.register(op)
	case history.Unregister:
		r.unregister(op)
	case history.Call:
		r.call(op)
	case history.Trouble:
		r.troubled(op)
	}
}

func (r *Rotation) known(id int64) *callee {
	c := r.callees[id]
	if c == nil {
		if r.callees == nil {
			r.callees = map[int64]*callee{}
		}
		c = &callee{id: id, end: history.Never}
		r.callees[id] = c
	}
	return c
}

func (r *Rotation) register(op history.Op) {
	if op.Error != "" || op.End == history.Never {
		return
	}
	c := r.known(op.Callee)
	c.replica, c.start, c.end = op.Replica, op.Start, op.End
	c.next, r.arrived = r.arrived, c
	r.changes++
}

func (r *Rotation) unregister(op history.Op) {
	c := r.callees[op.Callee]
	if c == nil || op.Error != "" {
		return
	}
	r.prove(c, op.Start)
	if c.place != nil {
		r.order.Remove(c.place)
	}
	if r.last == c {
		r.last = nil
	}
	delete(r.callees, c.id)
	c.certain, c.end, c.follower = 0, history.Never, nil // it may still be in arrived
	r.changes++
}

func (r *Rotation) troubled(op history.Op) {
	if r.trouble == nil {
		r.trouble = map[string][]span{}
	}
	spans := r.trouble[op.Replica]
	if n := len(spans); n > 0 && spans[n-1].start == op.Start {
		spans[n-1].end = op.End
		return
	}
	r.trouble[op.Replica] = append(spans, span{op.Start, op.End})
}

func (r *Rotation) call(op history.Op) {
	r.faults.Calls++
	r.calls++
	n := r.calls
	r.arrive(n, op.Start)
	if op.Callee == 0 || op.Error != "" || op.End == history.Never {
		r.errors.add(n)
		r.last = nil
		return
	}
	r.faults.Answered++
	c := r.known(op.Callee)
	r.prove(c, op.End)
	if last := r.last; last != nil && (last.follower != c || last.agreed != r.changes) && r.inOrder(last, c, n, op) {
		last.follower, last.agreed = c, r.changes
	}
	if c.turn > 0 {
		for e := r.order.Back(); e != nil; e = r.order.Back() {
			other := e.Value.(*callee)
			if other.mark > c.turn {
				break
			}
			if other == c {
				if e = e.Prev(); e == nil || e.Value.(*callee).mark > c.turn {
					break
				}
				other = e.Value.(*callee)
			}
			r.suspect(other, c, c.turnStart, n, op)
		}
	}
	c.turn, c.turnStart = n, op.Start
	r.mark(c, n)
	r.last = c
}

// arrive makes callees part of the order whose REGISTERED was read before call n was sent. Those
// for which it was read during the call are there from the next one.
func (r *Rotation) arrive(n, start int64) {
	var later *callee
	for c := r.arrived; c != nil; {
		next := c.next
		switch {
		case c.end == history.Never: // it has left again
		case c.end <= start:
			c.certain = n
			c.place = r.order.PushFront(c)
			c.mark = max(c.mark, n-1)
			r.sink(c)
		default:
			c.next, later = later, c
		}
		c = next
	}
	r.arrived = later
}

// mark says that nothing is owed to a callee up to call n.
func (r *Rotation) mark(c *callee, n int64) {
	c.mark = n
	if c.place != nil {
		r.order.MoveToFront(c.place)
		r.sink(c)
	}
}

// sink restores the order after a callee was put in front.
func (r *Rotation) sink(c *callee) {
	for e := c.place.Next(); e != nil && e.Value.(*callee).mark > c.mark; e = c.place.Next() {
		r.order.MoveAfter(c.place, e)
	}
}

// suspect notes that a callee was passed over when another one answered call n.
func (r *Rotation) suspect(c, by *callee, windowStart, n int64, op history.Op) {
	s := &suspicion{
		Fault:     Fault{Callee: c.id, For: by.id, Call: n, At: op.End},
		callee:    c,
		repeated:  by.turn == n-1 && r.repeated != n,
		owedSince: c.mark, windowStart: windowStart,
	}
	if s.repeated {
		r.repeated = n
	}
	c.suspected = append(c.suspected, s)
	r.suspected = append(r.suspected, s)
	if len(r.suspected) > maxSuspected && r.suspected[0].verdict == open {
		r.suspected[0].verdict = there
		r.judge()
	}
	r.mark(c, n)
}

// inOrder looks for callees that registered between two that were called one after the other.
func (r *Rotation) inOrder(a, b *callee, n int64, op history.Op) bool {
	fine := true
	for _, c := range r.callees {
		if c != b && c.certain != 0 && c.certain <= n && c.mark < n && between(a, c, b) && (c != a || a == b) {
			r.suspect(c, b, a.turnStart, n, op)
			fine = false
		}
	}
	return fine
}

// before says that a is known to have registered before b.
func before(a, b *callee) bool { return a.end <= b.start }

// between says that c is known to come after a and before b on the ring.
func between(a, c, b *callee) bool {
	switch {
	case a == b:
		return c != a
	case before(a, c) && before(c, b):
		return true
	default:
		return before(b, a) && (before(a, c) || before(c, b))
	}
}

// prove says that a callee was there until some time, so that what it is suspected to have missed
// before is a fault, unless it is excused.
func (r *Rotation) prove(c *callee, until int64) {
	if len(c.suspected) == 0 {
		return
	}
	for _, s := range c.suspected {
		if s.verdict == open {
			s.verdict = there
			if s.At > until {
				s.verdict = leaving
			}
		}
	}
	c.suspected = nil
	r.judge()
}

// judge judges the suspicions that are not open any more, in the order of calls.
func (r *Rotation) judge() {
	for len(r.suspected) > 0 && r.suspected[0].verdict != open {
		s := r.suspected[0]
		r.suspected[0], r.suspected = nil, r.suspected[1:]
		switch {
		case s.verdict == leaving:
		case r.inTrouble(s.callee, s.windowStart, s.At), r.errors.use(s.owedSince, s.Call):
			r.faults.Excused++
		default:
			r.faults.PassedOver++
			if s.repeated {
				r.faults.Repeated++
			}
			if len(r.faults.First) < maxFirst {
				r.faults.First = append(r.faults.First, s.Fault)
			}
		}
	}
}

func (r *Rotation) inTrouble(c *callee, from, to int64) bool {
	spans := r.trouble[c.replica]
	for i := len(spans) - 1; i >= 0; i-- {
		if spans[i].start <= to && from <= spans[i].end {
			return true
		}
	}
	return false
}

// Finish says that all callees that have not left were there until the end.
func (r *Rotation) Finish() {
	for _, c := range r.callees {
		if c.certain != 0 {
			r.prove(c, math.MaxInt64)
		}
	}
}

// Faults is what was found so far.
func (r *Rotation) Faults() Faults { return r.faults }

// RotationOf judges a history that was saved.
func RotationOf(ops []history.Op) Faults {
	var r Rotation
	for _, op := range byEnd(ops) {
		r.Add(op)
	}
	r.Finish()
	return r.Faults()
}
