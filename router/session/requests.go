package session

import (
	"slices"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// requestWindow is how many ids a request may be ahead of one that is missing. The WAMP text
// wants ids that go up by one; clients that call from several goroutines or threads take an id
// and send the message in two steps (nexus does), so neighbours change places now and then.
const requestWindow = 64

// maxProgressive is how many calls of one session may be open for further pieces. When there
// are more, the oldest is forgotten: a client that got its answer early may never send the
// last piece.
const maxProgressive = 1024

// requests checks the ids of a client's requests (WAMP basic profile, "IDs in the session
// scope"): each is used once, and none is left out for long.
type requests struct {
	done  wamp.ID // all ids up to it were used
	ahead uint64  // bit i: id done+2+i was used, done+1 is missing
	// progressive are the calls of which further pieces may come under the same id (WAMP
	// advanced profile, "Progressive Call Invocations"), sorted.
	progressive []wamp.ID
}

// take uses an id; what is wrong with it otherwise.
func (r *requests) take(id wamp.ID) error {
	next := r.done%wamp.MaxID + 1
	switch {
	case id == next:
		r.done = next
		for ; r.ahead&1 != 0; r.ahead >>= 1 {
			r.done++
		}
		r.ahead >>= 1
		return nil
	case id > next && id-next <= requestWindow && r.ahead&(1<<(id-next-1)) == 0:
		r.ahead |= 1 << (id - next - 1)
		return nil
	case id > next && id-next > requestWindow:
		return violation("request id %d, and %d has not been used: the ids of a session's requests begin at 1 and go up by one", id, next)
	}
	return violation("request id %d was used before: the ids of a session's requests begin at 1 and go up by one, the next is %d", id, next)
}

// call uses the id of a CALL, which is that of an earlier one when it brings a further piece of
// it (continues). more tells that another piece will follow.
func (r *requests) call(id wamp.ID, more bool) (continues bool, err error) {
	if len(r.progressive) == 0 && !more {
		return false, r.take(id)
	}
	at, continues := slices.BinarySearch(r.progressive, id)
	switch {
	case continues && !more:
		r.progressive = slices.Delete(r.progressive, at, at+1)
	case continues:
	default:
		if err := r.take(id); err != nil || !more {
			return false, err
		}
		r.progressive = slices.Insert(r.progressive, at, id)
		if len(r.progressive) > maxProgressive {
			r.progressive = slices.Delete(r.progressive, 0, 1)
		}
	}
	return continues, nil
}
