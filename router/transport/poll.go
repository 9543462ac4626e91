package transport

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net"
	"os"
	"sync"
	"time"
)

// poll is a long-poll session: a connection in memory whose far end are HTTP requests. Above it all is
// what it is on any connection, queues, limits and closing included: a message counts as written when a
// request took it, and a request that sends waits until the session has read.
type poll struct {
	id      string
	batch   batching
	far     net.Conn // the end of a net.Pipe whose other end the peer has
	peer    *peer
	idle    *time.Timer
	timeout time.Duration

	sending sync.Mutex // held by the request that sends

	mu       sync.Mutex
	current  *polling      // the last request that asked for messages, while it waits
	reading  sync.Mutex    // held by the request that receives; guards taken
	taken    []byte        // what was read from far and not yet answered: frames, the last perhaps in part
	idleEnds bool          // the session is over: the timer is not started again
	fetched  chan struct{} // of one place: taken is empty
}

// polling is a request that waits for messages.
type polling struct{ done chan struct{} }

// pollEnd is the peer's end of the pipe.
type pollEnd struct {
	net.Conn
	local net.Addr
}

func (e *pollEnd) LocalAddr() net.Addr { return e.local }

// startIdle lets the session end when nobody polls from now on.
func (p *poll) startIdle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.idleEnds && p.current == nil {
		p.idle.Reset(p.timeout)
	}
}

// forgotten ends a session that nobody polls.
func (p *poll) forgotten() {
	p.peer.stats.Silences.Add(1)
	p.peer.fail(ErrSilent)
}

// end is called when the session is over.
func (p *poll) end() {
	p.mu.Lock()
	p.idleEnds = true
	p.idle.Stop()
	p.mu.Unlock()
	_ = p.far.Close()
}

// awaitFetched waits, when the session is over, until its last messages were asked for, for as long as
// any session may be idle.
func (p *poll) awaitFetched(stop <-chan struct{}) {
	timer := time.NewTimer(p.timeout)
	defer timer.Stop()
	for {
		p.reading.Lock()
		left := p.whole() > 0
		p.reading.Unlock()
		if !left {
			return
		}
		select {
		case <-p.fetched:
		case <-timer.C:
			return
		case <-stop:
			return
		}
	}
}

// send hands messages to the session, which takes them at its own speed.
func (p *poll) send(messages [][]byte) error {
	p.sending.Lock()
	defer p.sending.Unlock()
	for _, m := range messages {
		frame := append(binary.BigEndian.AppendUint32(make([]byte, 0, batchPrefix+len(m)), uint32(len(m))), m...)
		if _, err := p.far.Write(frame); err != nil {
			return ErrClosed
		}
	}
	return nil
}

// receive waits for messages and calls answer with one, or with all that are there in a batch. When
// none comes within wait or before ctx ends, or when a later request takes over, it returns
// os.ErrDeadlineExceeded.
func (p *poll) receive(ctx context.Context, wait time.Duration, answer func([]byte) error) error {
	me := &polling{done: make(chan struct{})}
	p.mu.Lock()
	if p.current != nil {
		close(p.current.done)
		_ = p.far.SetReadDeadline(time.Unix(1, 0))
	}
	p.current = me
	p.idle.Stop()
	p.mu.Unlock()
	defer p.startIdle()
	p.reading.Lock()
	defer p.reading.Unlock()
	defer func() {
		p.mu.Lock()
		if p.current == me {
			p.current = nil
		}
		p.mu.Unlock()
	}()
	p.mu.Lock()
	select {
	case <-me.done:
		p.mu.Unlock()
		return os.ErrDeadlineExceeded
	default:
		_ = p.far.SetReadDeadline(time.Now().Add(wait))
	}
	p.mu.Unlock()
	stop := context.AfterFunc(ctx, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.current == me {
			_ = p.far.SetReadDeadline(time.Unix(1, 0))
		}
	})
	defer stop()
	whole := p.whole()
	for whole == 0 {
		if cap(p.taken)-len(p.taken) < readIdle {
			grown := make([]byte, len(p.taken), max(4<<10, 2*cap(p.taken)))
			copy(grown, p.taken)
			p.taken = grown
		}
		n, err := p.far.Read(p.taken[len(p.taken):cap(p.taken)])
		p.taken = p.taken[:len(p.taken)+n]
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return os.ErrDeadlineExceeded
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe):
			return ErrClosed
		case err != nil:
			return err
		}
		whole = p.whole()
	}
	return p.answer(whole, answer)
}

// answer passes on the frames in taken[:whole] as the protocol wants them.
func (p *poll) answer(whole int, answer func([]byte) error) error {
	frames := p.taken[:whole]
	var body []byte
	switch p.batch {
	case unbatched:
		_, n := frameAt(frames)
		body, whole = frames[batchPrefix:n], n
	case batchLengths: // which is what the frames are
		body = frames
	case batchLines:
		for rest := frames; len(rest) > 0; {
			_, n := frameAt(rest)
			body = append(append(body, rest[batchPrefix:n]...), separator)
			rest = rest[n:]
		}
	}
	err := answer(body)
	p.taken = p.taken[:copy(p.taken, p.taken[whole:])]
	if len(p.taken) == 0 {
		p.taken = nil
		select {
		case p.fetched <- struct{}{}:
		default:
		}
	}
	if err != nil { // the message is lost, and the session must not go on without it
		p.peer.fail(err)
	}
	return err
}

// frameAt is the length of the frame at the start of b, with its header; ok when it is there whole.
func frameAt(b []byte) (ok bool, n int) {
	if len(b) < batchPrefix {
		return false, 0
	}
	n = batchPrefix + int(binary.BigEndian.Uint32(b))
	return n <= len(b), n
}

// whole is how many bytes of taken are whole frames.
func (p *poll) whole() (n int) {
	for {
		ok, size := frameAt(p.taken[n:])
		if !ok {
			return n
		}
		n += size
	}
}

// pollFraming is what goes through the pipe: four octets of length, and the message.
type pollFraming struct {
	max   int
	batch batching // what requests and answers use; the pipe does not
}

func (p *pollFraming) parse(b []byte, f *frame) (bool, error) {
	if len(b) < batchPrefix {
		return false, nil
	}
	n := int(binary.BigEndian.Uint32(b))
	if n > p.max {
		return false, tooBig(uint64(n), uint64(p.max))
	}
	*f = frame{kind: frameData, fin: true, header: batchPrefix, length: n}
	return true, nil
}

func (*pollFraming) headerSize(int) int { return batchPrefix }

func (*pollFraming) seal(b []byte, _ frameKind, payload int) {
	binary.BigEndian.PutUint32(b, uint32(payload))
}

func (*pollFraming) maxPayload() int { return math.MaxInt32 }
