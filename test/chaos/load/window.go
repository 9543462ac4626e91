package load

// window remembers which of the latest numbers have been seen. The zero value is ready for use.
type window struct {
	highest uint64
	seen    uint64 // bit i: highest-i was seen
}

// see notes a number; false when it was seen before. Numbers that are more than 63 below the highest
// count as not seen.
func (w *window) see(n uint64) bool {
	switch {
	case n > w.highest:
		if shift := n - w.highest; shift < 64 {
			w.seen <<= shift
		} else {
			w.seen = 0
		}
		w.highest, w.seen = n, w.seen|1
		return true
	case w.highest-n >= 64:
		return true
	}
	bit := uint64(1) << (w.highest - n)
	fresh := w.seen&bit == 0
	w.seen |= bit
	return fresh
}
