package dealer

import (
	"iter"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

const (
	ringLeast = 8    // slots of a ring that holds anything
	ringIdle  = 1024 // slots that an empty ring keeps
)

// ring keeps values by ids that mostly go up by one, as the requests of a session do: the slot
// of an id is its remainder, so putting, finding and taking cost no hash and no allocation. Two
// ids that want the same slot make the ring longer while it is at least half full; otherwise the
// older one is a straggler, as a call that takes hours among thousands of short ones, and goes to
// a map. The zero ring is empty.
type ring[V any] struct {
	slots      []slot[V] // a power of two
	stragglers map[wamp.ID]V
	count      int // in slots
	// forget, when there, tells which values need not be kept: whoever is done with one need
	// not take it out, it makes room for the next.
	forget func(V) bool
}

type slot[V any] struct {
	id    wamp.ID // 0: free
	value V
}

// put adds a value under an id that is not there.
func (r *ring[V]) put(id wamp.ID, v V) {
	if len(r.slots) > 0 {
		if s := &r.slots[int(id)&(len(r.slots)-1)]; s.id == 0 {
			s.id, s.value = id, v
			r.count++
			return
		} else if r.forget != nil && r.forget(s.value) {
			s.id, s.value = id, v
			return
		}
	}
	r.makeRoom(id)
	r.put(id, v)
}

// makeRoom frees the slot of id.
func (r *ring[V]) makeRoom(id wamp.ID) {
	if r.forget != nil {
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
		r.stragglers = make(map[wamp.ID]V)
	}
	r.stragglers[s.id] = s.value
	*s = slot[V]{}
	r.count--
}

// sweep takes out what need not be kept.
func (r *ring[V]) sweep() {
	for i := range r.slots {
		if s := &r.slots[i]; s.id != 0 && r.forget(s.value) {
			*s = slot[V]{}
			r.count--
		}
	}
	for id, v := range r.stragglers {
		if r.forget(v) {
			delete(r.stragglers, id)
		}
	}
}

// grow doubles the slots. Ids that had different remainders have different ones again.
func (r *ring[V]) grow() {
	old := r.slots
	r.slots = make([]slot[V], max(ringLeast, 2*len(old)))
	for _, s := range old {
		if s.id != 0 {
			r.slots[int(s.id)&(len(r.slots)-1)] = s
		}
	}
}

// get finds a value; it may be changed in place until the ring changes. Nil when there is none.
func (r *ring[V]) get(id wamp.ID) *V {
	if len(r.slots) > 0 && id != 0 {
		if s := &r.slots[int(id)&(len(r.slots)-1)]; s.id == id {
			return &s.value
		}
	}
	if v, ok := r.stragglers[id]; ok {
		// A straggler comes back, so that a pointer to it can be given: the others make room.
		delete(r.stragglers, id)
		r.put(id, v)
		return r.get(id)
	}
	return nil
}

// take takes a value out.
func (r *ring[V]) take(id wamp.ID) (v V, ok bool) {
	if len(r.slots) > 0 && id != 0 {
		if s := &r.slots[int(id)&(len(r.slots)-1)]; s.id == id {
			v = s.value
			*s = slot[V]{}
			if r.count--; r.count == 0 && len(r.slots) > ringIdle {
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

// len counts the values, those to forget included.
func (r *ring[V]) len() int { return r.count + len(r.stragglers) }

// all walks over the values, in no order. The ring must not change meanwhile.
func (r *ring[V]) all() iter.Seq2[wamp.ID, V] {
	return func(yield func(wamp.ID, V) bool) {
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
