package transport

import (
	"context"
	"fmt"

	"github.com/wamp-operator/wamp-operator/router/internal/backlog"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Send implements Conn.
func (p *peer) Send(m *wamp.Message) error { return p.SendVia(nil, m) }

// SendVia implements Conn.
func (p *peer) SendVia(via *backlog.Via, m *wamp.Message) error {
	foreign := m.Dict.Raw != nil && m.Dict.Format != p.format ||
		!m.Payload.Empty() && m.Payload.Format != p.format
	if foreign {
		return p.sendForeign(via, m)
	}
	if p.packing != nil {
		return p.sendPacked(via, m, nil)
	}
	p.out.mu.Lock()
	start, head, err := p.begin(wamp.SizeHint(m))
	if err == nil {
		p.out.buf.Last = wamp.Append(p.out.buf.Last, p.format, m)
	}
	return p.finish(via, frameData, start, head, err)
}

// sendForeign transcodes before Send takes the lock.
func (p *peer) sendForeign(via *backlog.Via, m *wamp.Message) error {
	own := *m
	var err error
	if own.Dict, err = m.Dict.In(p.format); err != nil {
		return fmt.Errorf("sending %s: %w", m.Type, err)
	}
	if own.Payload, err = m.Payload.In(p.format); err != nil {
		return fmt.Errorf("sending %s: %w", m.Type, err)
	}
	return p.SendVia(via, &own)
}

// SendEncoded implements Conn.
func (p *peer) SendEncoded(message []byte) error {
	if p.packing != nil {
		return p.sendPacked(nil, nil, message)
	}
	p.out.mu.Lock()
	start, head, err := p.begin(len(message))
	if err == nil {
		p.out.buf.Last = append(p.out.buf.Last, message...)
	}
	return p.finish(nil, frameData, start, head, err)
}

// zeros are appended to make room for a header.
var zeros [16]byte

// begin starts a data frame of about n bytes: it reserves the header. Called with mu held.
func (p *peer) begin(n int) (start, head int, err error) {
	if p.closing.Load() {
		return 0, 0, ErrClosed
	}
	p.out.buf.Room(n + len(zeros))
	start, head = len(p.out.buf.Last), p.framing.headerSize(n)
	p.out.buf.Last = append(p.out.buf.Last, zeros[:head]...)
	return start, head, nil
}

// finish completes the frame that begin started, or takes it back, and releases mu. The guess
// at its size decided how much room the header got; only when that was wrong is it moved.
func (p *peer) finish(via *backlog.Via, kind frameKind, start, head int, err error) error {
	if err != nil {
		p.out.mu.Unlock()
		return err
	}
	n := len(p.out.buf.Last) - start - head
	if p.framing.headerSize(n) != head {
		head = p.fitHeader(start, head, n)
	}
	queued := p.out.queued.Load() + int64(head+n)
	if n > p.framing.maxPayload() || queued > int64(p.cfg.HardLimit) {
		p.out.buf.Last = p.out.buf.Last[:start]
		p.out.mu.Unlock()
		if n > p.framing.maxPayload() {
			return ErrTooLarge
		}
		p.stats.Overflows.Add(1)
		p.fail(ErrOverflow)
		return ErrOverflow
	}
	p.framing.seal(p.out.buf.Last[start:], kind, n)
	p.out.messages++
	p.wakeAndUnlock(via, head+n)
	return nil
}

// fitHeader makes the room for the header of the frame at start, which is head bytes, what its n bytes
// of payload need, and returns that. Called with mu held; the frame is the last of the buffer.
func (p *peer) fitHeader(start, head, n int) int {
	h := p.framing.headerSize(n)
	if h == head {
		return h
	}
	if h > head {
		p.out.buf.Last = append(p.out.buf.Last, zeros[:h-head]...)
	}
	copy(p.out.buf.Last[start+h:], p.out.buf.Last[start+head:start+head+n])
	p.out.buf.Last = p.out.buf.Last[:start+h+n]
	return h
}

// wakeAndUnlock counts n more bytes in buf, sees to it that they are written, by via where there is
// one, and releases mu.
func (p *peer) wakeAndUnlock(via *backlog.Via, n int) {
	p.out.queued.Add(int64(n))
	before := p.out.writer
	if via != nil && before != writerBusy {
		again := p.out.promised
		p.out.promised = true
		p.out.mu.Unlock()
		if !again {
			via.Promise(p)
		}
		return
	}
	p.out.writer = writerBusy
	wake := p.out.wake
	p.out.mu.Unlock()
	switch before {
	case writerAsleep:
		wake <- struct{}{}
	case writerAbsent:
		go p.write()
	}
}

// control queues a control frame; called with mu held, releases it.
func (p *peer) control(kind frameKind, payload []byte) {
	if p.packing != nil {
		p.sealBatch()
	}
	p.out.buf.Room(len(payload) + len(zeros))
	start, head := len(p.out.buf.Last), p.framing.headerSize(len(payload))
	p.out.buf.Last = append(append(p.out.buf.Last, zeros[:head]...), payload...)
	p.framing.seal(p.out.buf.Last[start:], kind, len(payload))
	p.wakeAndUnlock(nil, head+len(payload))
}

// ping asks a silent peer for a sign of life.
func (p *peer) ping() {
	p.out.mu.Lock()
	if p.closing.Load() {
		p.out.mu.Unlock()
		return
	}
	p.out.brief = p.out.writer == writerAbsent
	p.control(framePing, nil)
}

// pong answers a ping, unless so much waits already that the peer, were it reading, would
// see that we live.
func (p *peer) pong(payload []byte) {
	p.out.mu.Lock()
	if p.closing.Load() || p.Full() {
		p.out.mu.Unlock()
		return
	}
	p.control(framePong, payload)
}

// Full implements Conn.
func (p *peer) Full() bool { return p.out.queued.Load() > int64(p.cfg.SoftLimit) }

// WaitRoom implements Conn.
func (p *peer) WaitRoom(ctx context.Context) error {
	for {
		p.out.mu.Lock()
		if p.closing.Load() {
			p.out.mu.Unlock()
			return ErrClosed
		}
		if !p.Full() {
			p.out.mu.Unlock()
			return nil
		}
		if p.out.room == nil {
			p.out.room = make(chan struct{})
		}
		room := p.out.room
		p.out.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// release lets those in WaitRoom go; called with mu held.
func (o *outbound) release() {
	if o.room != nil {
		close(o.room)
		o.room = nil
	}
}

// Close implements Conn.
func (p *peer) Close() {
	p.out.mu.Lock()
	p.close(p.out.code, p.out.reason)
}

// CloseWith implements Conn.
func (p *peer) CloseWith(code CloseCode, reason string) {
	p.out.mu.Lock()
	p.close(code, reason)
}

// close queues the end of the connection; called with mu held, releases it.
func (p *peer) close(code CloseCode, reason string) {
	if p.closing.Load() {
		p.out.mu.Unlock()
		return
	}
	p.closing.Store(true)
	p.closeBy.Store(p.watcher.now() + int64(p.cfg.CloseTimeout))
	p.out.release()
	if p.kind == WebSocket {
		p.control(frameClose, closePayload(code, reason))
		return
	}
	p.wakeAndUnlock(nil, 0)
}

// Abort implements Conn.
func (p *peer) Abort() {
	p.out.mu.Lock()
	p.closing.Store(true)
	p.out.queued.Add(int64(-p.out.buf.Len()))
	p.out.buf.Drop()
	p.out.messages = 0
	p.out.release()
	_ = rawConn(p.nc).Close()
	p.wakeAndUnlock(nil, 0)
}
