package transport

import (
	"fmt"
	"net"
	"runtime"
	"sync"
	"time"
)

const (
	writeChunk = 128 << 10   // bytes whose writing counts as progress
	linger     = time.Second // how long a closed connection waits for the peer's end
	bufferMin  = 2 << 10     // bytes of a new outbound buffer
	bufferKeep = 256 << 10   // larger buffers are left to the garbage collector
)

// buffers holds outbound buffers that no connection needs: a quiet connection has none. What
// lies in it is *[]byte, so that putting one back allocates nothing.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// ready gives the connection a buffer for a first frame of about n bytes; called with mu held.
func (o *outbound) ready(n int) {
	if o.buf != nil {
		return
	}
	o.box = buffers.Get().(*[]byte)
	if o.buf = (*o.box)[:0]; cap(o.buf) < n {
		o.buf = make([]byte, 0, max(bufferMin, n+len(zeros)))
	}
}

func returnBuffer(box *[]byte, b []byte) {
	if *box = b; cap(b) > bufferKeep {
		*box = nil
	}
	buffers.Put(box)
}

// writerState tells whether the goroutine that writes is there. A connection that has nothing to say
// for a while has none; that saves its stack.
type writerState uint8

const (
	writerAbsent writerState = iota
	writerAsleep             // waits for wake
	writerBusy               // will look at the buffer again; or has ended with the connection
)

// restAfter is how many sweeps of the watcher must find a writer asleep before it goes.
const restAfter = 2

// write is the connection's writer. It ends when it has been asleep for a while, or with the
// connection.
func (p *peer) write() {
	var err error
	for err == nil {
		b, box, ended := p.take()
		if ended {
			break
		}
		if b == nil {
			return
		}
		err = p.writeAll(b)
		returnBuffer(box, b)
	}
	p.end(err)
	p.watcher.remove(p)
	close(p.done)
}

// take waits for frames and takes all that there are. It gives none when the writer is to go, and
// ended when the connection is closing and all is written.
func (p *peer) take() (b []byte, box *[]byte, ended bool) {
	p.out.mu.Lock()
	for len(p.out.buf) == 0 {
		if p.closing.Load() {
			p.out.mu.Unlock()
			return nil, nil, true
		}
		if p.out.brief {
			p.out.brief, p.out.writer = false, writerAbsent
			p.out.mu.Unlock()
			return nil, nil, false
		}
		if p.out.wake == nil {
			p.out.wake = make(chan struct{}, 1)
		}
		wake := p.out.wake
		p.out.writer, p.out.rests = writerAsleep, 0
		p.out.mu.Unlock()
		if _, wanted := <-wake; !wanted {
			return nil, nil, false
		}
		// Whoever woke us has more to say more often than not: let it.
		runtime.Gosched()
		p.out.mu.Lock()
	}
	if p.packing != nil {
		p.sealBatch()
	}
	b, box = p.out.buf, p.out.box
	messages := p.out.messages
	p.out.buf, p.out.box, p.out.messages = nil, nil, 0
	p.out.mu.Unlock()
	p.stats.MessagesOut.Add(uint64(messages))
	return b, box, false
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
		n, err := p.nc.Write(chunk)
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
