package cluster

import (
	"context"
	"sync"
	"sync/atomic"
)

// member is what the path of a call needs to know of a replica. The machine writes it, calls
// read it without a lock.
type member struct {
	id      MemberID
	hash    uint64 // of the id: the member's name in frames
	replica string
	// up: the links to it stand, so that calls may be sent. Always true for self.
	up atomic.Bool
	// draining: it is leaving; calls go elsewhere where there is an elsewhere.
	draining atomic.Bool
	link     atomic.Pointer[callLink]
	// echo is when this replica sent what the member has heard, as it said on the links that
	// stand now: by steady; 0 when they broke.
	echo atomic.Int64
	// lostBefore is the number of the last call made here before the links to it broke.
	lostBefore atomic.Uint64
	// lostVia is the same for the links between it and an owner: *member to uint64.
	lostVia sync.Map
}

func newMember(id MemberID, replica string) *member {
	return &member{id: id, hash: hashOf(id), replica: replica}
}

// callLink carries frames of calls, answers and events to one other replica, in order.
type callLink interface {
	// send appends one frame and wakes the writer; it never blocks. False: the link is
	// down and the frame went nowhere.
	send(f *frame) bool
	// Full says that more bytes are waiting than should be.
	Full() bool
	// WaitRoom blocks until that is over or the link is down.
	WaitRoom(ctx context.Context) error
}

// frames recycles what is handed to a link: it would be allocated, since a link is an interface.
var frames = sync.Pool{New: func() any { return new(frame) }}

func (m *member) send(f *frame) bool {
	link := m.link.Load()
	if link == nil {
		return false
	}
	out := frames.Get().(*frame)
	*out = *f
	sent := (*link).send(out)
	*out = frame{}
	frames.Put(out)
	return sent
}

func (m *member) full() bool {
	link := m.link.Load()
	return link != nil && (*link).Full()
}
