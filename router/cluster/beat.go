package cluster

import (
	"encoding/binary"
	"errors"
	"time"
)

// kindBeat begins a heartbeat, which goes among the control messages and is none.
const kindBeat messageKind = 0

// beatSize is the kind and two times.
const beatSize = 1 + 8 + 8

var errBeat = errors.New("heartbeat has a wrong length or a time that has not come yet")

// beat is a heartbeat on a link's control connection. Times are nanoseconds since the sender's side
// of the link came up, on a clock that nobody sets; they mean nothing to the other side, which only
// gives them back.
type beat struct {
	sent uint64
	// echo is the sent of the latest beat that came from the other side; 0: none came.
	echo uint64
}

func appendBeat(dst []byte, b beat) []byte {
	dst = append(dst, byte(kindBeat))
	dst = binary.BigEndian.AppendUint64(dst, b.sent)
	return binary.BigEndian.AppendUint64(dst, b.echo)
}

// parseBeat reads what appendBeat wrote.
func parseBeat(b []byte) (beat, error) {
	if len(b) != beatSize || messageKind(b[0]) != kindBeat {
		return beat{}, errBeat
	}
	return beat{binary.BigEndian.Uint64(b[1:]), binary.BigEndian.Uint64(b[9:])}, nil
}

func isBeat(b []byte) bool { return len(b) > 0 && messageKind(b[0]) == kindBeat }

var began = time.Now()

// steady gives a time in nanoseconds, about since 1970. The times that time.Now gives are compared by
// it rightly although somebody sets the clock of the machine between them.
func steady(t time.Time) int64 { return began.UnixNano() + int64(t.Sub(began)) }

// clock is what this side's beats say of the time.
func (l *link) clock() uint64 { return uint64(max(1, time.Since(l.since))) }

// sendBeat says that this side lives, and what it has heard.
func (l *link) sendBeat() error {
	return l.control.append(nil, beatSize, func(dst []byte) ([]byte, error) {
		return appendBeat(dst, beat{sent: l.clock(), echo: l.latest.Load()}), nil
	})
}

// onBeat takes the other side's heartbeat. It is called by the goroutine that reads the control
// connection.
func (l *link) onBeat(b []byte, heardUp func(sent time.Time)) error {
	x, err := parseBeat(b)
	if err != nil {
		return err
	}
	l.latest.Store(max(l.latest.Load(), x.sent))
	switch {
	case x.echo > l.clock():
		return errBeat
	case x.echo > l.heardUp:
		l.heardUp = x.echo
		heardUp(l.since.Add(time.Duration(x.echo)))
	}
	return nil
}

// beat sends heartbeats, and judges the silence of the other side and writes that do not end. A replica that was itself
// asleep (paused, starved of CPU) must not take its own silence for the other's.
func (l *link) beat(onSilence func(bool)) {
	ticker := time.NewTicker(judgeEvery)
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
		if now.Sub(last) > 4*judgeEvery {
			l.hear()
		}
		last = now
		if i%int(heartbeat/judgeEvery) == 0 {
			if err := l.sendBeat(); err != nil {
				l.close(err)
				return
			}
		}
		quiet := now.Sub(l.since) - time.Duration(l.heard.Load())
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
