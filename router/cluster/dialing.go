package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"
)

const (
	// dialWait bounds how long the direct way to a member is tried before another is.
	dialWait = time.Second
	// relayAfter is how long the direct way must have failed before another is taken: the links
	// of a replica that was killed break everywhere at once, and then nobody can relay.
	relayAfter = 200 * time.Millisecond
	// relaysAsked is how many members are asked to relay in one go.
	relaysAsked = 3
	// directFirst is how soon the direct way is tried again when another is in use; directEvery is how
	// often it is tried when it goes on failing.
	directFirst = 200 * time.Millisecond
	directEvery = 5 * time.Second
)

// dialing is how this side links to one member: directly, or through a third one when that fails.
type dialing struct {
	links   *links
	id      MemberID
	replica string
	addr    string
	// since is when the direct way began to fail, tried when it was tried last, and err how it failed.
	since, tried time.Time
	err          error
}

// dial opens a link: directly, unless that failed not long ago and there is another way.
func (d *dialing) dial(ctx context.Context) (*link, error) {
	through := d.through()
	if len(through) == 0 || time.Since(d.tried) >= dialWait {
		start := time.Now()
		link, err := d.open(ctx, nil)
		if err == nil {
			d.since = time.Time{}
			return link, nil
		}
		if d.since.IsZero() {
			d.since = start
		}
		d.tried, d.err = time.Now(), err
		through = d.through()
	}
	errs := []error{d.err}
	for _, via := range through {
		link, err := d.open(ctx, via)
		if err == nil {
			d.links.logger.Warn("linked to member through "+via.replica+": the direct way fails", "member", d.id, "error", d.err)
			return link, nil
		}
		errs = append(errs, fmt.Errorf("through %s: %w", via.replica, err))
		if ctx.Err() != nil {
			break
		}
	}
	d.tried = time.Time{} // that nobody relays may be because the direct way works again
	return nil, errors.Join(errs...)
}

// through gives members that might relay; by chance, which spreads links over them.
func (d *dialing) through() []*member {
	l := d.links
	if l.through == nil || d.since.IsZero() || time.Since(d.since) < relayAfter {
		return nil
	}
	members := slices.DeleteFunc(l.through(d.id), func(m *member) bool {
		link := l.linked(m.id)
		return link == nil || !link.direct() || l.address(m.id) == ""
	})
	rand.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	return members[:min(len(members), relaysAsked)]
}

// open opens both connections of a link; via is nil for the direct way.
func (d *dialing) open(ctx context.Context, via *member) (*link, error) {
	h := d.links.self
	h.To, h.Link = d.id, rand.Uint64()
	if via != nil {
		h.Via = via.replica
	}
	control, err := d.stream(ctx, via, h)
	if err != nil {
		return nil, err
	}
	h.Calls = true
	calls, err := d.stream(ctx, via, h)
	if err != nil {
		control.close()
		return nil, err
	}
	link := newLink(d.id, d.replica, control, calls)
	link.number, link.via = h.Link, h.Via
	return link, nil
}

func (d *dialing) stream(ctx context.Context, via *member, h linkHello) (*stream, error) {
	l := d.links
	if via == nil {
		return dialStream(ctx, l.fabric, d.addr, l.tls, h)
	}
	ask := h
	ask.To, ask.Relay = via.id, d.id
	s, err := dialStream(ctx, l.fabric, l.address(via.id), l.tls, ask)
	if err != nil {
		return nil, err
	}
	// From here on the other end of the connection is the member.
	return introduce(ctx, s.conn, l.tls, h)
}

// use serves a link until it breaks. One that is relayed moves to the direct way when that works.
func (d *dialing) use(l *link) {
	if l.via != "" {
		var moving sync.WaitGroup
		defer moving.Wait()
		ctx, stop := context.WithCancel(d.links.ctx)
		defer stop()
		moving.Go(func() { d.straighten(ctx, l) })
	}
	d.links.run(l)
}

// straighten tries the direct way every now and then, and moves the link there. Calls that are on
// their way are not touched.
func (d *dialing) straighten(ctx context.Context, l *link) {
	h := d.links.self
	h.To, h.Link, h.Move = d.id, l.number, true
	for wait := directFirst; ; wait = min(2*wait, directEvery) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		err := error(nil)
		for !l.direct() && err == nil {
			var s *stream
			if s, err = d.stream(ctx, nil, h); err == nil {
				err = l.move(h.Calls, s)
				h.Calls = true
			}
		}
		if err == nil {
			d.since = time.Time{}
			d.links.logger.Info("the link to a member goes the direct way again", "member", d.id)
			return
		}
		d.tried, d.err = time.Now(), err
		d.links.logger.Debug("the direct way to a member still fails", "member", d.id, "error", err)
	}
}

// dialWithin dials, for a bounded time.
func dialWithin(ctx context.Context, f fabric, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialWait)
	defer cancel()
	return f.dial(ctx, addr)
}
