package load

import (
	"math/bits"
	"time"
)

const subBits = 5 // each power of two is 32 buckets: values are right within 3 %

// histogram counts durations in nanoseconds.
type histogram struct {
	buckets [64 << subBits]uint64
	total   uint64
}

func (h *histogram) add(ns int64) {
	h.buckets[bucket(uint64(max(ns, 0)))]++
	h.total++
}

func bucket(v uint64) int {
	e := max(bits.Len64(v)-1-subBits, 0)
	return e<<subBits + int(v>>e)
}

// quantile gives the middle of the bucket that the q-th part of the values ends in; zero when
// there are none.
func (h *histogram) quantile(q float64) time.Duration {
	left := uint64(q * float64(h.total))
	for i, n := range h.buckets {
		if n > left {
			return middle(i)
		}
		left -= n
	}
	return 0
}

func middle(i int) time.Duration {
	e := max(i>>subBits-1, 0)
	low := uint64(i-e<<subBits) << e
	return time.Duration(low + 1<<e/2)
}
