package cluster

import "math/bits"

// slotSet is a set of slots.
type slotSet [slotCount / 64]uint64

func (s *slotSet) add(id slotID)      { s[id/64] |= 1 << (id % 64) }
func (s *slotSet) remove(id slotID)   { s[id/64] &^= 1 << (id % 64) }
func (s *slotSet) has(id slotID) bool { return s[id/64]&(1<<(id%64)) != 0 }
func (s *slotSet) empty() bool        { return *s == slotSet{} }

// each calls f for the slots in ascending order.
func (s *slotSet) each(f func(slotID)) {
	for i, word := range s {
		for ; word != 0; word &= word - 1 {
			f(slotID(i*64 + bits.TrailingZeros64(word)))
		}
	}
}
