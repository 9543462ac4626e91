package cluster

import (
	"context"
	"errors"
	"time"
)

// progressKey names a call from another replica.
type progressKey struct {
	origin *member
	call   uint64
}

// progressing is a progressive call on another replica, as the caller's replica sees it. A piece
// is sent when the callee has taken the one before: so the pieces stay in order, and a callee that
// is slow slows its caller.
type progressing struct{ taken chan struct{} }

func newProgressing() *progressing { return &progressing{taken: make(chan struct{}, 1)} }

// progressLook is how often a piece that waits looks whether its call is over.
const progressLook = 100 * time.Millisecond

// WaitRoom implements Waiter.
func (p *progressing) WaitRoom(ctx context.Context) error {
	look := time.NewTimer(progressLook)
	defer look.Stop()
	select {
	case <-p.taken:
		select {
		case p.taken <- struct{}{}: // for Continue, which is called again
		default:
		}
	case <-look.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// Continue takes a further piece of a progressive call (CALL with the same request) to the
// callee that has it, on another replica: call is the number that Caller.Sent told last. The
// Waiter is as for Call. A piece of a call that is over is dropped.
func (r *Realm) Continue(call uint64, c *Call) Waiter {
	x := r.node.calls
	open, ok := x.open.get(call)
	if !ok || open.progress == nil {
		return x.unplaced(c)
	}
	if open.at.full() {
		return *open.at.link.Load()
	}
	select {
	case <-open.progress.taken:
	default:
		return open.progress
	}
	if open, ok = x.open.get(call); !ok {
		return x.unplaced(c)
	}
	// It is known by now where the callee is.
	open.at.send(&frame{via: c.Via, kind: frameMore, call: call, flags: c.Flags, details: c.Details, Payload: c.Payload})
	return nil
}

// unplaced is for a piece of a call that is nowhere under its number: it is over, or it came back
// and will be sent again under another one.
func (x *calls) unplaced(c *Call) Waiter {
	if c.Caller.Open() {
		return pause{clock: x.clock}
	}
	return nil
}

// startProgress notes that a callee here took the first piece of a progressive call from another
// replica, and asks for more, unless it has answered already.
func (x *calls) startProgress(caller Caller, callee Callee) {
	c, ok := caller.(*remoteCaller)
	if !ok || !c.progressive {
		return
	}
	key := progressKey{c.to, c.call}
	x.progressive.set(key, callee)
	if c.over.Load() {
		x.progressive.delete(key)
		return
	}
	c.to.send(&frame{kind: frameTaken, call: c.call})
}

// onTaken: the callee took a piece.
func (x *calls) onTaken(from *member, f *frame) {
	var progress *progressing
	x.open.update(f.call, func(c *openCall) {
		if progress = c.progress; progress != nil {
			c.at = from
		}
	})
	if progress != nil {
		select {
		case progress.taken <- struct{}{}:
		default:
		}
	}
}

func (x *calls) onMore(from *member, f *frame) {
	if callee, ok := x.progressive.get(progressKey{from, f.call}); ok && !x.more(from, f, callee) {
		x.moreLater(from, f.own(), callee)
	}
}

// more gives a piece to the callee; false when that has no room.
func (x *calls) more(from *member, f *frame, callee Callee) bool {
	err := callee.Continue(&Delivery{
		Caller: &remoteCaller{x: x, to: from, call: f.call}, Details: f.details, Payload: f.Payload, Flags: f.flags,
	})
	if errors.Is(err, ErrBusy) {
		return false
	}
	if f.flags&Progress != 0 {
		from.send(&frame{kind: frameTaken, call: f.call})
	}
	return true
}

func (x *calls) moreLater(from *member, f *frame, callee Callee) {
	x.clock.AfterFunc(routePause, func() {
		if _, ok := x.progressive.get(progressKey{from, f.call}); ok && !x.more(from, f, callee) {
			x.moreLater(from, f, callee)
		}
	})
}

// dropProgress forgets the progressive calls from a member whose links broke.
func (x *calls) dropProgress(m *member) {
	x.progressive.each(func(k progressKey, _ Callee) {
		if k.origin == m {
			x.progressive.delete(k)
		}
	})
	x.streams.each(func(k progressKey, _ *answerStream) {
		if k.origin == m {
			x.streams.delete(k)
		}
	})
}
