package cluster

import (
	"maps"
	"slices"
)

// fences tracks markers that run behind the calls on every link: when all have come back,
// what was sent before them has been handled.
type fences map[uint64]map[*member]bool

// start sends a fence to members; true when there is none to wait for.
func (f fences) start(fence uint64, to []*member) bool {
	wait := map[*member]bool{}
	for _, m := range to {
		if m.send(&frame{kind: frameFence, call: fence}) {
			wait[m] = true
		}
	}
	if len(wait) == 0 {
		return true
	}
	f[fence] = wait
	return false
}

// back notes that a member has handled all before the fence; true when it was the last.
func (f fences) back(fence uint64, from *member) bool {
	wait, ok := f[fence]
	if !ok {
		return false
	}
	delete(wait, from)
	if len(wait) > 0 {
		return false
	}
	delete(f, fence)
	return true
}

// drop no longer waits for a member whose links broke; it gives the fences that are done.
func (f fences) drop(m *member) []uint64 {
	var done []uint64
	for _, fence := range slices.Sorted(maps.Keys(f)) {
		if f.back(fence, m) {
			done = append(done, fence)
		}
	}
	return done
}
