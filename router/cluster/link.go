package cluster

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	heartbeat = 100 * time.Millisecond
	// maskAfter is how long a link may be silent before new calls avoid it, breakAfter
	// before it is given up.
	maskAfter  = 3 * heartbeat
	breakAfter = 8 * heartbeat
)

// link joins this replica with one other: a connection for the control protocol, one for
// calls. Both stand or neither does.
type link struct {
	to      MemberID
	replica string
	control *stream
	calls   *stream
	heard   atomic.Int64  // when something last arrived, in nanoseconds since 1970
	done    chan struct{} // closed when it is broken
	ended   chan struct{} // closed when run returns
	once    sync.Once
	why     error
}

func newLink(to MemberID, replica string, control, calls *stream) *link {
	l := &link{to: to, replica: replica, control: control, calls: calls, done: make(chan struct{}), ended: make(chan struct{})}
	l.hear()
	control.in.heard, calls.in.heard = l.hear, l.hear
	return l
}

func (l *link) hear() { l.heard.Store(time.Now().UnixNano()) }

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
func (l *link) run(onMessage func(message), onFrame func(*frame), onSilence func(silent bool)) error {
	defer close(l.ended)
	var wg sync.WaitGroup
	serve := func(f func() error) {
		wg.Go(func() { l.close(f()) })
	}
	serve(l.control.write)
	serve(l.calls.write)
	serve(func() error {
		for {
			b, err := l.control.in.next()
			if err != nil {
				return err
			}
			if len(b) == 0 {
				continue // a heartbeat
			}
			m, err := parseMessage(b)
			if err != nil {
				return err
			}
			onMessage(m)
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
			if err := parseFrame(b, &f); err != nil {
				return err
			}
			via.Received()
			f.via = via
			onFrame(&f)
		}
	})
	wg.Go(func() { l.beat(onSilence) })
	wg.Wait()
	return l.why
}

// beat sends heartbeats, and judges the silence of the other side and writes that do not end. A replica that was itself
// asleep (paused, starved of CPU) must not take its own silence for the other's.
func (l *link) beat(onSilence func(bool)) {
	ticker := time.NewTicker(heartbeat / 2)
	defer ticker.Stop()
	silent, last := false, time.Now()
	var control, calls stall
	for i := 0; ; i++ {
		select {
		case <-l.done:
			return
		case <-ticker.C:
		}
		now := time.Now()
		if now.Sub(last) > 2*heartbeat {
			l.hear()
		}
		last = now
		if i%2 == 0 {
			if err := l.control.append(nil, 0, func(dst []byte) ([]byte, error) { return dst, nil }); err != nil {
				l.close(err)
				return
			}
		}
		quiet := now.Sub(time.Unix(0, l.heard.Load()))
		switch {
		case control.over(l.control, now), calls.over(l.calls, now):
			l.close(errStreamStalled)
			return
		case quiet > breakAfter:
			l.close(errSilent)
			return
		case (quiet > maskAfter) != silent:
			silent = !silent
			onSilence(silent)
		}
	}
}
