package transport

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/gobwas/ws"
)

const (
	readIdle = 512      // bytes of read buffer of a quiet connection
	readBusy = 32 << 10 // what the buffer grows to when reads fill it; messages may be larger
	quiet    = 5 * time.Second

	smallReads = 64 // so many reads in a row that used a quarter of the buffer halve it
)

// inbound is the reading side. buf[r:w] has arrived and is not yet parsed.
type inbound struct {
	buf      []byte
	r, w     int
	want     int    // the size that recent traffic asks for
	small    int    // reads in a row that needed much less
	frame    frame  // the header of the last frame
	parts    []byte // of a fragmented message
	open     bool   // a fragmented message has begun
	deflated bool   // and it is compressed
	messages int    // since the last read, not yet in the stats
	err      error  // the first error, repeated for ever
	pace     *pace  // nil without a limit of messages a second
	frames   int    // of the last read, so far
}

func (in *inbound) start(early []byte) {
	in.want = max(readIdle, len(early))
	in.buf = make([]byte, in.want)
	in.w = copy(in.buf, early)
}

// ReadMessage implements Conn.
func (p *peer) ReadMessage() ([]byte, error) {
	in := &p.in
	if in.err == nil {
		var message []byte
		if message, in.err = p.readMessage(); in.err == nil {
			in.messages++
			p.via.Received()
			return message, nil
		}
		p.readingEnds()
	}
	return nil, in.err
}

// readingEnds notes why.
func (p *peer) readingEnds() {
	p.via.Flush()
	p.countMessages()
	code, reason := closeCode(p.in.err)
	if code == CloseTooBig {
		p.stats.Oversizes.Add(1)
	}
	p.out.mu.Lock()
	p.out.code, p.out.reason = code, reason
	p.out.mu.Unlock()
}

// The frames of the functions from here to the system call are what an idle connection's goroutine
// holds on its stack. They are kept small, so that the stack shrinks to 4 KiB: errors are made
// elsewhere.
var (
	errMessageInside    = protocolError(CloseProtocolError, "a WebSocket message begins inside another")
	errNothingContinued = protocolError(CloseProtocolError, "a WebSocket message is continued that never began")
)

func (p *peer) readMessage() ([]byte, error) {
	in := &p.in
	if in.pace != nil {
		p.await()
	}
	if p.packing != nil && len(p.packing.rest) > 0 {
		return p.nextOfBatch(p.packing.rest)
	}
	if cap(in.parts) > readBusy {
		in.parts = nil
	}
	if p.closing.Load() {
		return nil, p.failed(ErrClosed)
	}
	for {
		payload, err := p.readFrame()
		f := &in.frame
		if err != nil {
			return nil, err
		}
		switch f.kind {
		case frameData:
			if in.open {
				return nil, errMessageInside
			}
			if f.fin {
				return p.whole(payload, f.deflated)
			}
			in.open, in.deflated = true, f.deflated
			in.parts = append(in.parts[:0], payload...)
		case frameContinued:
			if !in.open {
				return nil, errNothingContinued
			}
			if n := len(in.parts) + len(payload); n > p.cfg.MaxMessage {
				return nil, tooBig(uint64(n), uint64(p.cfg.MaxMessage))
			}
			in.parts = append(in.parts, payload...)
			if f.fin {
				in.open = false
				return p.whole(in.parts, in.deflated)
			}
		case framePing:
			p.pong(payload)
		case framePong:
		case frameClose:
			return nil, parseClose(payload)
		}
	}
}

// whole is a whole message of the transport.
func (p *peer) whole(b []byte, deflated bool) ([]byte, error) {
	if p.packing == nil {
		return b, nil
	}
	return p.unpack(b, deflated)
}

// readFrame reads the next whole frame into in.frame and returns its payload unmasked.
func (p *peer) readFrame() ([]byte, error) {
	in := &p.in
	f := &in.frame
	for {
		ok, err := p.framing.parse(in.buf[in.r:in.w], f)
		if err != nil {
			return nil, err
		}
		total := f.header + f.length
		if ok && in.w-in.r >= total {
			payload := in.buf[in.r+f.header : in.r+total : in.r+total]
			in.r += total
			p.yield()
			if f.masked {
				ws.Cipher(payload, f.mask, 0)
			}
			return payload, nil
		}
		if !ok {
			total = 0
		}
		if err := p.fill(total); err != nil {
			return nil, err
		}
	}
}

// framesAtOnce is how many frames of one read are handled before others get the processor. Clients
// that wait for answers hardly ever send so many at once; those that always have more to say would
// keep it until the scheduler takes it away, ten milliseconds each.
const framesAtOnce = 64

// yield is called for each frame.
func (p *peer) yield() {
	if p.in.frames++; p.in.frames%framesAtOnce == 0 {
		p.via.Flush()
		runtime.Gosched()
	}
}

// fill reads once. total is the size of the frame that begins at r, 0 when not yet known.
func (p *peer) fill(total int) error {
	in := &p.in
	in.frames = 0
	in.makeRoom(total)
	p.countMessages()
	p.via.Flush()
	began := p.watcher.now()
	p.readSince.Store(began)
	n, err := p.sock.Read(in.buf[in.w:])
	p.readSince.Store(0)
	if n > 0 {
		in.w += n
		p.stats.BytesIn.Add(uint64(n))
		p.pinged.Store(0)
		in.adapt(time.Duration(p.watcher.now() - began))
		if p.closing.Load() {
			return p.failed(ErrClosed)
		}
		return nil
	}
	return p.readFailed(err)
}

// readFailed is what a read that gave nothing means.
func (p *peer) readFailed(err error) error {
	in := &p.in
	switch {
	case p.closing.Load():
		return p.failed(err)
	case errors.Is(err, io.EOF) && in.r != in.w:
		return fmt.Errorf("reading from the peer: %w", io.ErrUnexpectedEOF)
	case errors.Is(err, io.EOF):
		return io.EOF
	case err == nil:
		return nil
	}
	return fmt.Errorf("reading from the peer: %w", err)
}

// makeRoom makes space after w, for the rest of a frame of total bytes when that is known. The
// buffer at most doubles with what has arrived, whatever length a header promises: who wants
// memory must send bytes.
func (in *inbound) makeRoom(total int) {
	have := in.w - in.r
	size := in.want
	switch {
	case total <= size:
	case have < len(in.buf):
		size = max(size, len(in.buf))
	default:
		size = max(size, min(total, 2*have))
	}
	in.want = size
	switch {
	case size != len(in.buf):
		b := make([]byte, size)
		copy(b, in.buf[in.r:in.w])
		in.buf = b
	case have == 0:
	case in.r == 0:
		return
	case in.w == len(in.buf) || in.r+total > len(in.buf):
		copy(in.buf, in.buf[in.r:in.w])
	default:
		return
	}
	in.r, in.w = 0, have
}

// adapt fits the size that is wanted to the traffic: a read that filled the buffer makes it
// larger, many that did not make it smaller, and after a long wait it starts over.
func (in *inbound) adapt(waited time.Duration) {
	switch {
	case waited >= quiet:
		in.want, in.small = readIdle, 0
	case in.w == len(in.buf):
		in.want, in.small = max(in.want, min(2*in.want, readBusy)), 0
	case in.w-in.r >= in.want/4:
		in.small = 0
	default:
		if in.small++; in.small == smallReads {
			in.want, in.small = max(in.want/2, readIdle), 0
		}
	}
}

func (p *peer) countMessages() {
	if n := p.in.messages; n > 0 {
		p.stats.MessagesIn.Add(uint64(n))
		p.in.messages = 0
	}
}
