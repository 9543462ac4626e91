package transport

import (
	"sync"

	"github.com/wamp-operator/wamp-operator/router/internal/backlog"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// packing is what happens to messages between the serialization and the frame: batching, and
// compression. A connection that does neither has none.
type packing struct {
	batch   batching
	deflate *deflater // nil without compression

	// Inbound, of the reading goroutine.
	rest []byte // of the batch at hand

	// Outbound, guarded by the connection's outbound lock.
	sep         byte
	open        bool // the buffer ends in a batch that takes further messages
	start, head int  // where that begins, and the room for its header
	// mu is held while a message is compressed and queued, since each may refer to the one
	// before. It is taken before the outbound lock.
	mu sync.Mutex
}

func newPacking(k batching, d *deflater) *packing {
	if k == unbatched && d == nil {
		return nil
	}
	return &packing{batch: k, deflate: d, sep: separator}
}

// unpack takes the message, or the first of several, out of a whole message of the transport.
func (p *peer) unpack(b []byte, deflated bool) ([]byte, error) {
	k := p.packing
	if deflated {
		var err error
		if b, err = k.deflate.decompress(b, p.cfg.MaxMessage); err != nil {
			return nil, err
		}
	}
	if k.batch == unbatched {
		return b, nil
	}
	if len(b) == 0 {
		return nil, protocolError(CloseInvalidData, "a batch holds no message")
	}
	return p.nextOfBatch(b)
}

func (p *peer) nextOfBatch(b []byte) (message []byte, err error) {
	k := p.packing
	var sep byte
	if message, k.rest, sep, err = k.batch.split(b); err != nil {
		return nil, err
	}
	if sep == oldSeparator {
		p.out.mu.Lock()
		k.sep = sep
		p.out.mu.Unlock()
	}
	return message, nil
}

// sendPacked is Send where there is a packing. encoded is the message, when it is encoded already.
func (p *peer) sendPacked(via *backlog.Via, m *wamp.Message, encoded []byte) error {
	if p.packing.deflate != nil {
		return p.sendDeflated(via, m, encoded)
	}
	n := len(encoded)
	if m != nil {
		n = wamp.SizeHint(m)
	}
	p.out.mu.Lock()
	if p.closing.Load() {
		p.out.mu.Unlock()
		return ErrClosed
	}
	before := p.out.buf.Len()
	start := p.addToBatch(n)
	if m != nil {
		p.out.buf.Last = wamp.Append(p.out.buf.Last, p.format, m)
	} else {
		p.out.buf.Last = append(p.out.buf.Last, encoded...)
	}
	p.out.buf.Last = p.packing.batch.close(p.out.buf.Last, start, p.packing.sep)
	added := p.out.buf.Len() - before
	if p.out.queued.Load()+int64(added) > int64(p.cfg.HardLimit) {
		p.out.queued.Add(int64(added))
		p.out.mu.Unlock()
		p.stats.Overflows.Add(1)
		p.fail(ErrOverflow)
		return ErrOverflow
	}
	p.out.messages++
	p.wakeAndUnlock(via, added)
	return nil
}

// addToBatch begins a message of about n bytes in the batch that is open at the end of the outbound
// buffer, or in a new one, and returns where it begins. Called with mu held.
func (p *peer) addToBatch(n int) (start int) {
	o, k := &p.out, p.packing
	if k.open && (len(o.buf.Last)-k.start > batchSize || !o.buf.Fits(n+len(zeros))) {
		p.sealBatch()
	}
	o.buf.Room(n + len(zeros))
	if !k.open {
		k.open, k.start = true, len(o.buf.Last)
		// Most batches need a length of two octets; sealBatch moves those that do not.
		k.head = p.framing.headerSize(max(n+batchPrefix, wsMaxControl+1))
		o.buf.Last = append(o.buf.Last, zeros[:k.head]...)
	}
	start = len(o.buf.Last)
	o.buf.Last = k.batch.open(o.buf.Last)
	return start
}

// sealBatch ends the batch that is open at the end of the outbound buffer, if there is one. Called
// with mu held.
func (p *peer) sealBatch() {
	o, k := &p.out, p.packing
	if !k.open {
		return
	}
	before, n := len(o.buf.Last), len(o.buf.Last)-k.start-k.head
	p.fitHeader(k.start, k.head, n)
	o.queued.Add(int64(len(o.buf.Last) - before))
	p.framing.seal(o.buf.Last[k.start:], frameData, n)
	k.open = false
}

// scratch is what a message is put together in before it is compressed, and compressed into. What
// lies in the pool is *[]byte, so that putting one back allocates nothing.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

// scratchKeep bounds what is kept in the pool.
const scratchKeep = 256 << 10

func returnScratch(box *[]byte, b []byte) {
	if *box = b; cap(b) > scratchKeep {
		*box = nil
	}
	scratch.Put(box)
}

// sendDeflated compresses a message, as a batch of one where batches were agreed on.
func (p *peer) sendDeflated(via *backlog.Via, m *wamp.Message, encoded []byte) error {
	k := p.packing
	plain, packed := scratch.Get().(*[]byte), scratch.Get().(*[]byte)
	b, out := (*plain)[:0], (*packed)[:0]
	defer func() { returnScratch(plain, b); returnScratch(packed, out) }()

	b = k.batch.open(b)
	if m != nil {
		b = wamp.Append(b, p.format, m)
	} else {
		b = append(b, encoded...)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	p.out.mu.Lock()
	sep := k.sep
	p.out.mu.Unlock()
	b = k.batch.close(b, 0, sep)
	kind, message := frameData, b
	if len(b) >= k.deflate.cfg.MinSize {
		var err error
		if out, err = k.deflate.compress(out, b); err != nil {
			return err
		}
		kind, message = frameDeflated, out
	}
	p.out.mu.Lock()
	start, head, err := p.begin(len(message))
	if err == nil {
		p.out.buf.Last = append(p.out.buf.Last, message...)
	}
	return p.finish(via, kind, start, head, err)
}
