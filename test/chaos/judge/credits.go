package judge

import (
	"cmp"
	"slices"

	"github.com/wamp-operator/wamp-operator/test/chaos/history"
)

// credits are the numbers of failed calls that have not excused anybody yet, ascending.
type credits struct{ calls []int64 }

// maxCredits bounds them: who was passed over more failed calls ago than that is not excused.
const maxCredits = 1 << 16

func (c *credits) add(call int64) {
	if len(c.calls) == maxCredits {
		c.calls = slices.Delete(c.calls, 0, maxCredits/2)
	}
	c.calls = append(c.calls, call)
}

// use takes the earliest failed call between two others. When those who ask are asked about in the
// order of to, this excuses as many as can be excused.
func (c *credits) use(from, to int64) bool {
	i, _ := slices.BinarySearch(c.calls, from+1)
	if i == len(c.calls) || c.calls[i] >= to {
		return false
	}
	c.calls = slices.Delete(c.calls, i, i+1)
	return true
}

// byEnd sorts operations as an online judge gets them: in the order in which they ended, the end of
// a registration that nobody confirmed when it began, and times of trouble before all else.
func byEnd(ops []history.Op) []history.Op {
	at := func(op *history.Op) int64 {
		switch {
		case op.Kind == history.Trouble:
			return -1
		case op.Kind == history.Unregister && op.End == history.Never:
			return op.Start
		default:
			return op.End
		}
	}
	sorted := slices.Clone(ops)
	slices.SortStableFunc(sorted, func(a, b history.Op) int { return cmp.Compare(at(&a), at(&b)) })
	return sorted
}
