package cluster

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// heartbeat is how often each side says that it lives. Most of what idle replicas say to one
	// another is this: each of nine, with a key, sends 5.9 kB/s, gossip and the headers of IP
	// included, and at half the interval it would be more than 10.
	heartbeat = 200 * time.Millisecond
	// maskAfter is how long a link may be silent before new calls avoid it: two heartbeats are
	// missing. breakAfter is how long before it is given up.
	maskAfter  = 500 * time.Millisecond
	breakAfter = 800 * time.Millisecond
	// judgeEvery is how often silence is looked at.
	judgeEvery = 50 * time.Millisecond
	// mostTogether is how many control messages are handled in one step: others wait meanwhile.
	mostTogether = 256
)

// link joins this replica with one other: a connection for the control protocol, one for
// calls. Both stand or neither does.
type link struct {
	to      MemberID
	replica string
	number  uint64 // as both sides know it
	via     string // the replica that relays it, or did when it came up
	control *stream
	calls   *stream
	since   time.Time
	heard   atomic.Int64  // when something last arrived, in nanoseconds since it came up
	latest  atomic.Uint64 // the sent of the other side's latest beat
	heardUp uint64        // the latest echo of this side's beats
	moved   atomic.Int32  // how many of its connections have left the relay
	done    chan struct{} // closed when it is broken
	ended   chan struct{} // closed when run returns
	once    sync.Once
	why     error
}

func newLink(to MemberID, replica string, control, calls *stream) *link {
	l := &link{to: to, replica: replica, control: control, calls: calls, since: time.Now(), done: make(chan struct{}), ended: make(chan struct{})}
	l.hear()
	control.in.heard, calls.in.heard = l.hear, l.hear
	return l
}

// direct tells whether nobody is between the two replicas.
func (l *link) direct() bool { return l.via == "" || l.moved.Load() == 2 }

// move takes one of the link's connections from the relay to a direct one.
func (l *link) move(calls bool, to *stream) error {
	s := l.control
	if calls {
		s = l.calls
	}
	if err := s.moveTo(to); err != nil {
		return err
	}
	l.moved.Add(1)
	return nil
}

func (l *link) hear() { l.heard.Store(int64(time.Since(l.since))) }

// linkUser is what is told of a link. Its functions are called by several goroutines, each by one
// at a time.
type linkUser struct {
	messages func([]message) // what one read brought, or a part of it
	frame    func(*frame)
	// silent: nothing has been heard for a moment, or something again.
	silent func(bool)
	// heardUp: the other side has heard what was sent at this time, and all before it.
	heardUp func(sent time.Time)
}

func (l *link) close(why error) {
	l.once.Do(func() {
		l.why = why
		l.control.close()
		l.calls.close()
		close(l.done)
	})
}

// send, Full and WaitRoom make a link the callLink of its member.
func (l *link) send(f *frame) bool {
	return l.calls.append(f.via, frameSize(f), func(dst []byte) ([]byte, error) { return appendFrame(dst, f), nil }) == nil
}

func (l *link) Full() bool { return l.calls.full() }

func (l *link) WaitRoom(ctx context.Context) error { return l.calls.waitRoom(ctx) }

// say sends a control message.
func (l *link) say(m message) {
	if err := l.control.append(nil, 0, func(dst []byte) ([]byte, error) { return appendMessage(dst, m) }); err != nil {
		l.close(err)
	}
}

// run serves the link until it breaks. It returns when none of its goroutines is left.
func (l *link) run(user linkUser) error {
	defer close(l.ended)
	var wg sync.WaitGroup
	serve := func(f func() error) {
		wg.Go(func() { l.close(f()) })
	}
	serve(l.control.write)
	serve(l.calls.write)
	serve(func() error {
		var together []message
		for {
			b, err := l.control.in.next()
			if err != nil {
				return err
			}
			if len(b) == 0 {
				if err := l.control.moveReader(); err != nil {
					return err
				}
				continue
			}
			beat := isBeat(b)
			if !beat {
				m, err := parseMessage(b)
				if err != nil {
					return err
				}
				together = append(together, m)
			}
			// A beat says that what came before it was heard, so that has to be dealt with first.
			if len(together) > 0 && (beat || len(together) == mostTogether || !l.control.in.more()) {
				user.messages(together)
				clear(together)
				together = together[:0]
			}
			if beat {
				if err := l.onBeat(b, user.heardUp); err != nil {
					return err
				}
			}
		}
	})
	serve(func() error {
		var f frame
		via := &l.calls.in.via
		defer via.Flush()
		for {
			b, err := l.calls.in.next()
			if err != nil {
				return err
			}
			if len(b) == 0 {
				if err := l.calls.moveReader(); err != nil {
					return err
				}
				continue
			}
			if err := parseFrame(b, &f); err != nil {
				return err
			}
			via.Received()
			f.via = via
			user.frame(&f)
		}
	})
	wg.Go(func() { l.beat(user.silent) })
	wg.Wait()
	return l.why
}
