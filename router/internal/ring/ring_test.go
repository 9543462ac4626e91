package ring

import (
	"math/rand/v2"
	"testing"
)

// A ring holds what a map holds, whatever comes and goes.
func TestRingIsAMap(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	var r Ring[uint64, int]
	model := map[uint64]int{}
	last := uint64(0)
	for step := range 200_000 {
		window := 1 + step/1000%500
		switch random.IntN(4) {
		case 0, 1:
			if len(model) < window {
				last++
				r.Put(last, step)
				model[last] = step
			}
		case 2:
			id := random.Uint64N(last + 2)
			if random.IntN(3) > 0 && last > 0 { // mostly one of the newest
				id = last - random.Uint64N(min(last, 2*uint64(window)))
			}
			got, ok := r.Take(id)
			if want, there := model[id]; got != want || ok != there {
				t.Fatalf("step %d: took %d, %v for %d, want %d, %v", step, got, ok, id, want, there)
			}
			delete(model, id)
		case 3:
			id := random.Uint64N(last + 2)
			got := r.Get(id)
			if want, there := model[id]; there != (got != nil) || there && *got != want {
				t.Fatalf("step %d: got %v for %d, want %d, %v", step, got, id, want, there)
			}
		}
		if r.Len() != len(model) {
			t.Fatalf("step %d: %d values, want %d", step, r.Len(), len(model))
		}
	}
	for id, v := range r.All() {
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
	for name, r := range map[string]*Ring[uint64, *bool]{
		"taken out": {},
		"forgotten": {Forget: func(done *bool) bool { return *done }},
	} {
		t.Run(name, func(t *testing.T) {
			var stay []*bool
			for id := uint64(1); id <= 100_000; id++ {
				done := new(bool)
				r.Put(id, done)
				switch {
				case id%25_000 == 1:
					stay = append(stay, done)
				case r.Forget != nil:
					*done = true
				default:
					r.Take(id)
				}
			}
			if len(r.slots) > 64 {
				t.Errorf("%d slots for %d values", len(r.slots), len(stay))
			}
			for i, want := range stay {
				if got := r.Get(uint64(i*25_000 + 1)); got == nil || *got != want {
					t.Errorf("straggler %d is lost", i)
				}
			}
		})
	}
}

// A burst is not paid for with memory for ever.
func TestEmptyRingLetsGoOfABurst(t *testing.T) {
	var r Ring[uint64, int]
	for id := uint64(1); id <= 10*idle; id++ {
		r.Put(id, 1)
	}
	for id := uint64(1); id <= 10*idle; id++ {
		r.Take(id)
	}
	if len(r.slots) > idle || r.Len() != 0 {
		t.Errorf("%d slots for %d values", len(r.slots), r.Len())
	}
}

// BenchmarkRing compares the ring with a map, 16 calls in flight.
func BenchmarkRing(b *testing.B) {
	type entry [4]uintptr
	b.Run("ring", func(b *testing.B) {
		var r Ring[uint64, entry]
		for id := uint64(1); b.Loop(); id++ {
			r.Put(id, entry{})
			if id > 16 {
				r.Take(id - 16)
			}
		}
	})
	b.Run("map", func(b *testing.B) {
		m := map[uint64]entry{}
		for id := uint64(1); b.Loop(); id++ {
			m[id] = entry{}
			if id > 16 {
				delete(m, id-16)
			}
		}
	})
}
