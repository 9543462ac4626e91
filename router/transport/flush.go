package transport

import "github.com/wamp-operator/wamp-operator/router/internal/backlog"

// Flush implements backlog.Flusher.
func (p *peer) Flush(now bool) {
	p.out.mu.Lock()
	p.out.promised = false
	state := p.out.writer
	switch {
	case state == writerBusy, p.out.buf.Len() == 0:
		p.out.mu.Unlock()
		return
	case !now, !p.sock.Direct(), p.closing.Load():
		p.wakeAndUnlock(nil, 0)
		return
	}
	p.out.writer = writerBusy // for the time that it takes
	var few [2]backlog.Piece
	rest := p.writeSome(p.takeAndUnlock(few[:0]))
	p.out.mu.Lock()
	p.out.writer = state
	p.out.buf.PutBack(rest)
	if p.out.queued.Load() <= int64(p.cfg.SoftLimit)/2 {
		p.out.release()
	}
	if p.out.buf.Len() > 0 || p.closing.Load() {
		p.wakeAndUnlock(nil, 0)
		return
	}
	p.out.mu.Unlock()
}

// writeSome writes what can be written without waiting, and gives back what is left.
func (p *peer) writeSome(pieces []backlog.Piece) []backlog.Piece {
	for i := range pieces {
		b := pieces[i].Bytes()
		n := p.sock.TryWrite(b)
		p.stats.BytesOut.Add(uint64(n))
		p.out.queued.Add(int64(-n))
		if n < len(b) {
			pieces[i].Written(n)
			return pieces[i:]
		}
		pieces[i].Return()
	}
	return nil
}
