package judge

import "github.com/wamp-operator/wamp-operator/test/chaos/history"

// Spread is the largest difference of calls received between any two callees of one roundrobin
// procedure while its list was stable, however many callers there were: one rotation gives at most 1.
//
// A stretch of a history counts from the end of a Register or Unregister to the start of the next,
// with all calls that began and ended in it, up to the last moment at which no call was in flight; a
// call without a result ends the stretch, because it may have used a turn. Callees that had no call
// in a stretch count as well, when their REGISTERED was read before it began. Counted is how many
// calls were in such stretches: 0 says that nothing was judged.
func Spread(ops []history.Op) (difference, counted int64) {
	var (
		listed  = map[int64]bool{}
		counts  = map[int64]int64{}
		flying  int
		broken  bool
		settled int64 // of the calls in counts
	)
	settle := func() {
		if broken || len(counts) == 0 {
			return
		}
		least, most, sum := history.Never, int64(0), int64(0)
		for id := range listed {
			least, most = min(least, counts[id]), max(most, counts[id])
		}
		for id, n := range counts {
			if !listed[id] { // called before its REGISTERED was read
				return
			}
			sum += n
		}
		difference = max(difference, most-least)
		counted, settled = counted+sum-settled, sum
	}
	for _, m := range moments(ops) {
		switch op := m.op; op.Kind {
		case history.Call:
			if m.begins {
				flying++
				continue
			}
			flying--
			if op.Error != "" || op.Callee == 0 {
				broken = true
			}
			counts[op.Callee]++
			if flying == 0 {
				settle()
			}
		case history.Register, history.Unregister:
			if op.Kind == history.Register && !m.begins && op.Error == "" {
				listed[op.Callee] = true
			}
			if op.Kind == history.Unregister && m.begins {
				delete(listed, op.Callee)
			}
			clear(counts)
			settled, broken = 0, flying > 0
			continue
		}
		if flying == 0 && broken {
			clear(counts)
			settled, broken = 0, false
		}
	}
	return difference, counted
}
