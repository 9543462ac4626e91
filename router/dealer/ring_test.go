package dealer

import (
	"math/rand/v2"
	"testing"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// A ring holds what a map holds, whatever comes and goes.
func TestRingIsAMap(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	var r ring[int]
	model := map[wamp.ID]int{}
	last := wamp.ID(0)
	for step := range 200_000 {
		window := 1 + step/1000%500
		switch random.IntN(4) {
		case 0, 1:
			if len(model) < window {
				last++
				r.put(last, step)
				model[last] = step
			}
		case 2:
			id := wamp.ID(random.Uint64N(uint64(last) + 2))
			if random.IntN(3) > 0 && last > 0 { // mostly one of the newest
				id = last - wamp.ID(random.Uint64N(uint64(min(int(last), 2*window))))
			}
			got, ok := r.take(id)
			if want, there := model[id]; got != want || ok != there {
				t.Fatalf("step %d: took %d, %v for %d, want %d, %v", step, got, ok, id, want, there)
			}
			delete(model, id)
		case 3:
			id := wamp.ID(random.Uint64N(uint64(last) + 2))
			got := r.get(id)
			if want, there := model[id]; there != (got != nil) || there && *got != want {
				t.Fatalf("step %d: got %v for %d, want %d, %v", step, got, id, want, there)
			}
		}
		if r.len() != len(model) {
			t.Fatalf("step %d: %d values, want %d", step, r.len(), len(model))
		}
	}
	for id, v := range r.all() {
		if model[id] != v {
			t.Errorf("%d under %d, want %d", v, id, model[id])
		}
		delete(model, id)
	}
	if len(model) > 0 {
		t.Errorf("%d values were not walked over", len(model))
	}
}

// One old call among many short ones must not make the ring grow with the number of calls.
func TestStragglersDoNotGrowARing(t *testing.T) {
	for name, r := range map[string]*ring[*bool]{
		"taken out": {},
		"forgotten": {forget: func(done *bool) bool { return *done }},
	} {
		t.Run(name, func(t *testing.T) {
			var stay []*bool
			for id := wamp.ID(1); id <= 100_000; id++ {
				done := new(bool)
				r.put(id, done)
				switch {
				case id%25_000 == 1:
					stay = append(stay, done)
				case r.forget != nil:
					*done = true
				default:
					r.take(id)
				}
			}
			if len(r.slots) > 64 {
				t.Errorf("%d slots for %d values", len(r.slots), len(stay))
			}
			for i, want := range stay {
				if got := r.get(wamp.ID(i*25_000 + 1)); got == nil || *got != want {
					t.Errorf("straggler %d is lost", i)
				}
			}
		})
	}
}

// A burst is not paid for with memory for ever.
func TestEmptyRingLetsGoOfABurst(t *testing.T) {
	var r ring[int]
	for id := wamp.ID(1); id <= 10*ringIdle; id++ {
		r.put(id, 1)
	}
	for id := wamp.ID(1); id <= 10*ringIdle; id++ {
		r.take(id)
	}
	if len(r.slots) > ringIdle || r.len() != 0 {
		t.Errorf("%d slots for %d values", len(r.slots), r.len())
	}
}

// BenchmarkRing compares the ring with a map, 16 calls in flight.
func BenchmarkRing(b *testing.B) {
	type entry struct{ a, b, c, d uintptr }
	b.Run("ring", func(b *testing.B) {
		var r ring[entry]
		for id := wamp.ID(1); b.Loop(); id++ {
			r.put(id, entry{})
			if id > 16 {
				r.take(id - 16)
			}
		}
	})
	b.Run("map", func(b *testing.B) {
		m := map[wamp.ID]entry{}
		for id := wamp.ID(1); b.Loop(); id++ {
			m[id] = entry{}
			if id > 16 {
				if _, ok := m[id-16]; ok {
					delete(m, id-16)
				}
			}
		}
	})
}
