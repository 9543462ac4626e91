package judge

import (
	"cmp"
	"slices"

	"github.com/wamp-operator/wamp-operator/test/chaos/history"
)

// moment is the begin or the end of an operation.
type moment struct {
	at     int64
	begins bool
	op     *history.Op
}

// moments are the begins and ends of operations in the order of time. What was not answered has no end.
func moments(ops []history.Op) []moment {
	var all []moment
	for i := range ops {
		op := &ops[i]
		all = append(all, moment{op.Start, true, op})
		if op.End != history.Never {
			all = append(all, moment{op.End, false, op})
		}
	}
	slices.SortStableFunc(all, func(a, b moment) int { return cmp.Compare(a.at, b.at) })
	return all
}
