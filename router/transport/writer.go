package transport

import (
	"fmt"
	"net"
	"runtime"
	"time"

	"github.com/wamp-operator/wamp-operator/router/internal/backlog"
)

const (
	writeChunk = 128 << 10   // bytes whose writing counts as progress
	linger     = time.Second // how long a closed connection waits for the peer's end
)

// writerState tells whether the goroutine that writes is there. A connection that has nothing to say
// for a while has none; that saves its stack.
type writerState uint8

const (
	writerAbsent writerState = iota
	writerAsleep             // waits for wake
	writerBusy               // will look at the buffer again; or has ended with the connection; or a reader is writing
)

// restAfter is how many sweeps of the watcher must find a writer asleep before it goes.
const restAfter = 2

// write is the connection's writer. It ends when it has been asleep for a while, or with the
// connection.
func (p *peer) write() {
	var few [2]backlog.Piece
	pieces, err := few[:0], error(nil)
	for err == nil {
		var ended bool
		if pieces, ended = p.take(pieces[:0]); ended {
			break
		}
		if len(pieces) == 0 {
			return
		}
		for i := range pieces {
			if err == nil {
				err = p.writeAll(pieces[i].Bytes())
			}
			pieces[i].Return()
			pieces[i] = backlog.Piece{}
		}
	}
	p.end(err)
	p.watcher.remove(p)
	close(p.done)
}

// take waits for frames and takes all that there are. It gives none when the writer is to go, and
// ended when the connection is closing and all is written.
func (p *peer) take(dst []backlog.Piece) (pieces []backlog.Piece, ended bool) {
	p.out.mu.Lock()
	for p.out.buf.Len() == 0 {
		if p.closing.Load() {
			p.out.mu.Unlock()
			return nil, true
		}
		if p.out.brief {
			p.out.brief, p.out.writer = false, writerAbsent
			p.out.mu.Unlock()
			return nil, false
		}
		if p.out.wake == nil {
			p.out.wake = make(chan struct{}, 1)
		}
		wake := p.out.wake
		p.out.writer, p.out.rests = writerAsleep, 0
		p.out.mu.Unlock()
		if _, wanted := <-wake; !wanted {
			return nil, false
		}
		// Whoever woke us has more to say more often than not: let it.
		runtime.Gosched()
		p.out.mu.Lock()
	}
	pieces = p.takeAndUnlock(dst)
	return pieces, false
}

// takeAndUnlock takes all frames; called with mu held, releases it.
func (p *peer) takeAndUnlock(dst []backlog.Piece) []backlog.Piece {
	if p.packing != nil {
		p.sealBatch()
	}
	pieces := p.out.buf.Take(dst)
	messages := p.out.messages
	p.out.messages = 0
	p.out.mu.Unlock()
	p.stats.MessagesOut.Add(uint64(messages))
	return pieces
}

// rest sends a writer away that has been asleep for a while. It never waits.
func (p *peer) rest() {
	if !p.out.mu.TryLock() {
		return
	}
	defer p.out.mu.Unlock()
	if p.out.writer != writerAsleep {
		return
	}
	if p.out.rests++; p.out.rests >= restAfter {
		close(p.out.wake)
		p.out.writer, p.out.wake = writerAbsent, nil
	}
}

// writeAll writes b in chunks, so that a slow peer that takes some is told from one that
// takes nothing.
func (p *peer) writeAll(b []byte) error {
	for len(b) > 0 {
		chunk := b[:min(len(b), writeChunk)]
		p.takeSince.Store(p.watcher.now())
		n, err := p.sock.Write(chunk)
		p.takeSince.Store(0)
		p.stats.BytesOut.Add(uint64(n))
		queued := p.out.queued.Add(int64(-len(chunk)))
		if err != nil {
			return err
		}
		b = b[len(chunk):]
		if queued <= int64(p.cfg.SoftLimit)/2 {
			p.out.mu.Lock()
			p.out.release()
			p.out.mu.Unlock()
		}
	}
	return nil
}

// end closes the connection after the last write. When all was written it first says so and
// reads what the peer still sends, for a second at most: closing with unread input resets
// the connection, and the reset can overtake our last words.
func (p *peer) end(err error) {
	if err != nil {
		err = fmt.Errorf("writing to the peer: %w", err)
		p.failure.CompareAndSwap(nil, &err)
	}
	p.out.mu.Lock()
	p.closing.Store(true)
	p.out.release()
	p.out.mu.Unlock()
	if half, ok := p.nc.(interface{ CloseWrite() error }); ok && err == nil && half.CloseWrite() == nil {
		drain(p.nc)
	}
	_ = p.nc.Close()
}

func drain(nc net.Conn) {
	if nc.SetReadDeadline(time.Now().Add(linger)) != nil {
		return
	}
	var b [512]byte
	for {
		if _, err := nc.Read(b[:]); err != nil {
			return
		}
	}
}
