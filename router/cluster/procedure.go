package cluster

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// procedure is one registered procedure: the callees of the whole cluster in the order of
// their stamps, and the place of its rotation.
type procedure struct {
	key  ProcedureKey
	id   wamp.ID
	slot *slot

	// view is replaced, never changed: readers take no lock.
	view atomic.Pointer[view]

	// mu orders the turns of a rotation: a turn is dealt, and a dealt turn is delivered,
	// while it is held, so that whoever takes it after a change of the slot's fence sees
	// every turn that passed before.
	mu sync.Mutex
	// turns is there from the first turn on, see rotation.
	turns *rotation
}

// rotation is the place of a rotation as one replica knows it.
type rotation struct {
	// dealt is the last turn that this replica dealt as the owner of the slot.
	dealt turn
	// delivered is the last turn delivered to a callee here, whoever dealt it.
	delivered turn
	// here is the stamp of the callee that the last turn of this replica's own rotation went to,
	// see rotateHere.
	here uint64
}

// last is the later of the two.
func (r *rotation) last() turn {
	if r.delivered.after(r.dealt) {
		return r.delivered
	}
	return r.dealt
}

// rotation gives the place of the procedure's rotation; called with mu held.
func (p *procedure) rotation() *rotation {
	if p.turns == nil {
		p.turns = &rotation{}
	}
	return p.turns
}

// turn is one step of a rotation: the seq-th that the owner of this epoch dealt, to the
// callee with this stamp.
type turn struct {
	Epoch uint64
	Seq   uint64
	Stamp uint64
}

// after orders turns: owners by epoch, their turns by number.
func (t turn) after(u turn) bool {
	return t.Epoch > u.Epoch || t.Epoch == u.Epoch && t.Seq > u.Seq
}

// view is the list of callees at one moment.
type view struct {
	invoke  Policy
	local   bool              // each replica has a rotation of its own
	flags   RegistrationFlags // of any of the entries
	entries []entry           // by stamp, then session
}

// entry is one callee in a list.
type entry struct {
	stamp   uint64
	session wamp.ID
	invoke  Policy
	flags   RegistrationFlags
	member  *member
	callee  Callee // nil when connected to another replica
}

var emptyView = &view{}

func (p *procedure) load() *view {
	if v := p.view.Load(); v != nil {
		return v
	}
	return emptyView
}

func compareEntries(a, b entry) int {
	switch {
	case a.stamp != b.stamp && a.stamp < b.stamp, a.stamp == b.stamp && a.session < b.session:
		return -1
	case a.stamp == b.stamp && a.session == b.session:
		return 0
	}
	return 1
}

// with gives the view with one more callee, without the ones that drop asks for.
func (v *view) with(add *entry, drop func(*entry) bool, declared *Declaration) *view {
	size := len(v.entries)
	if add != nil {
		size++
	}
	next := &view{}
	var entries []entry
	if size == 1 { // most procedures have one callee: that is one allocation
		one := &struct {
			view
			entry [1]entry
		}{}
		next, entries = &one.view, one.entry[:0]
	} else {
		entries = make([]entry, 0, size)
	}
	for i := range v.entries {
		if drop == nil || !drop(&v.entries[i]) {
			entries = append(entries, v.entries[i])
		}
	}
	if add != nil {
		at, _ := slices.BinarySearchFunc(entries, *add, compareEntries)
		entries = slices.Insert(entries, at, *add)
	}
	v = next
	v.entries, v.invoke = entries, effectivePolicy(entries, declared)
	for i := range entries {
		v.flags |= entries[i].flags
	}
	if declared != nil {
		v.local = declared.LocalRotation && v.invoke == RoundRobin
		if declared.Idempotent {
			v.flags |= Idempotent
		}
	}
	return v
}

// effectivePolicy is the declared policy where it overrides, else that of the oldest callee.
func effectivePolicy(entries []entry, declared *Declaration) Policy {
	switch {
	case declared != nil && declared.Override:
		return declared.Invoke
	case len(entries) > 0:
		return entries[0].invoke
	}
	return Single
}

// find gives the callee with this stamp that is connected here.
func (v *view) find(stamp uint64) *entry {
	at, _ := slices.BinarySearchFunc(v.entries, stamp, func(e entry, stamp uint64) int {
		switch {
		case e.stamp < stamp:
			return -1
		case e.stamp > stamp:
			return 1
		}
		return 0
	})
	for ; at < len(v.entries) && v.entries[at].stamp == stamp; at++ {
		if v.entries[at].callee != nil {
			return &v.entries[at]
		}
	}
	return nil
}

// skip says which callees a choice passes over, and where chance comes from.
type skip struct {
	random   func(n int) int
	gone     []uint64 // stamps that a replica refused as gone
	busy     []uint64 // stamps whose queue is full
	limited  []uint64 // stamps whose concurrency is used up
	tried    []uint64 // stamps that answered wamp.error.unavailable
	draining bool     // callees of replicas that are leaving
}

func (s *skip) passes(e *entry) bool {
	return e.member.up.Load() &&
		!slices.Contains(s.gone, e.stamp) && !slices.Contains(s.busy, e.stamp) &&
		!slices.Contains(s.limited, e.stamp) && !slices.Contains(s.tried, e.stamp) &&
		(!s.draining || !e.member.draining.Load())
}

// exhausted says that every callee of the view has answered that it is not available.
func (s *skip) exhausted(v *view) bool {
	if len(s.tried) == 0 {
		return false
	}
	for i := range v.entries {
		if !slices.Contains(s.tried, v.entries[i].stamp) {
			return false
		}
	}
	return true
}

// choose picks the callee for one call by the policy of the view; cursor is the stamp of the
// callee that the previous turn went to and is used for roundrobin only. Callees on replicas
// that are leaving are taken only when there are no others.
func (v *view) choose(cursor uint64, s *skip) *entry {
	s.draining = true
	if e := v.pick(cursor, s); e != nil {
		return e
	}
	s.draining = false
	return v.pick(cursor, s)
}

func (v *view) pick(cursor uint64, s *skip) *entry {
	n := len(v.entries)
	if n == 0 {
		return nil
	}
	start, step := 0, 1
	switch v.invoke {
	case Last:
		start, step = n-1, n-1
	case Random:
		start = s.random(n)
	case RoundRobin:
		// The next is the first larger stamp, else the smallest: whoever came or went
		// meanwhile, nobody is skipped or repeated.
		start, _ = slices.BinarySearchFunc(v.entries, cursor+1, func(e entry, stamp uint64) int {
			if e.stamp < stamp {
				return -1
			}
			return 1
		})
	}
	for i, at := 0, start; i < n; i, at = i+1, at+step {
		if e := &v.entries[at%n]; s.passes(e) {
			return e
		}
	}
	return nil
}
