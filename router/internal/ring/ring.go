// Package ring keeps what is in flight under ids that go up by one.
package ring

import "iter"

const (
	least = 8    // slots of a ring that holds anything
	idle  = 1024 // slots that an empty ring keeps
)

// Ring keeps values by ids that mostly go up by one, as the requests of a session do: the slot
// of an id is its remainder, so putting, finding and taking cost no hash and no allocation. Two
// ids that want the same slot make the ring longer while it is at least half full; otherwise the
// older one is a straggler, as a call that takes hours among thousands of short ones, and goes to
// a map. The zero Ring is empty; ids are at least 1.
type Ring[K ~uint64, V any] struct {
	slots      []slot[K, V] // a power of two
	stragglers map[K]V
	count      int // in slots
	// Forget, when there, tells which values need not be kept: whoever is done with one need
	// not take it out, it makes room for the next.
	Forget func(V) bool
}

type slot[K ~uint64, V any] struct {
	id    K // 0: free
	value V
}

// Put adds a value under an id that is not there.
func (r *Ring[K, V]) Put(id K, v V) {
	if len(r.slots) > 0 {
		if s := &r.slots[int(id)&(len(r.slots)-1)]; s.id == 0 {
			s.id, s.value = id, v
			r.count++
			return
		} else if r.Forget != nil && r.Forget(s.value) {
			s.id, s.value = id, v
			return
		}
	}
	r.makeRoom(id)
	r.Put(id, v)
}

// makeRoom frees the slot of id.
func (r *Ring[K, V]) makeRoom(id K) {
	if r.Forget != nil {
		r.sweep()
	}
	if 2*r.count >= len(r.slots) {
		r.grow()
		return
	}
	s := &r.slots[int(id)&(len(r.slots)-1)]
	if s.id == 0 {
		return
	}
	if r.stragglers == nil {
		r.stragglers = make(map[K]V)
	}
	r.stragglers[s.id] = s.value
	*s = slot[K, V]{}
	r.count--
}

// sweep takes out what need not be kept.
func (r *Ring[K, V]) sweep() {
	for i := range r.slots {
		if s := &r.slots[i]; s.id != 0 && r.Forget(s.value) {
			*s = slot[K, V]{}
			r.count--
		}
	}
	for id, v := range r.stragglers {
		if r.Forget(v) {
			delete(r.stragglers, id)
		}
	}
}

// grow doubles the slots. Ids that had different remainders have different ones again.
func (r *Ring[K, V]) grow() {
	old := r.slots
	r.slots = make([]slot[K, V], max(least, 2*len(old)))
	for _, s := range old {
		if s.id != 0 {
			r.slots[int(s.id)&(len(r.slots)-1)] = s
		}
	}
}

// Get finds a value; it may be changed in place until the ring changes. Nil when there is none.
func (r *Ring[K, V]) Get(id K) *V {
	if len(r.slots) > 0 && id != 0 {
		if s := &r.slots[int(id)&(len(r.slots)-1)]; s.id == id {
			return &s.value
		}
	}
	if v, ok := r.stragglers[id]; ok {
		// A straggler comes back, so that a pointer to it can be given: the others make room.
		delete(r.stragglers, id)
		r.Put(id, v)
		return r.Get(id)
	}
	return nil
}

// Take takes a value out.
func (r *Ring[K, V]) Take(id K) (v V, ok bool) {
	if len(r.slots) > 0 && id != 0 {
		if s := &r.slots[int(id)&(len(r.slots)-1)]; s.id == id {
			v = s.value
			*s = slot[K, V]{}
			if r.count--; r.count == 0 && len(r.slots) > idle {
				r.slots = nil
			}
			return v, true
		}
	}
	if v, ok = r.stragglers[id]; ok {
		delete(r.stragglers, id)
	}
	return v, ok
}

// Long says that the ring has grown to more slots than an empty one keeps.
func (r *Ring[K, V]) Long() bool { return len(r.slots) > idle }

// Len counts the values, those to forget included.
func (r *Ring[K, V]) Len() int { return r.count + len(r.stragglers) }

// All walks over the values, in no order. The ring must not change meanwhile.
func (r *Ring[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for i := range r.slots {
			if s := &r.slots[i]; s.id != 0 && !yield(s.id, s.value) {
				return
			}
		}
		for id, v := range r.stragglers {
			if !yield(id, v) {
				return
			}
		}
	}
}
