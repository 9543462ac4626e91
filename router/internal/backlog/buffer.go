// Package backlog holds what connections to clients and links between replicas have in common:
// bytes that wait to be written, and who sees to it that they are.
package backlog

import (
	"math/bits"
	"slices"
	"sync"
)

const (
	first    = 2 << 10   // bytes of a new first piece
	together = 32 << 10  // what a piece of small frames may grow to
	large    = 128 << 10 // the least bytes of the pieces after it
)

// Buffer gathers frames that wait to be written, in pieces. Small frames share a piece, which
// grows to 32 KiB; a frame that does not fit begins another piece. So nothing large is copied
// because something else waits before it, and all memory comes from pools: that of a quiet
// connection is none. The zero Buffer is empty.
type Buffer struct {
	// Last is the piece to append to after Room; nil while nothing waits.
	Last []byte
	box  *[]byte
	full []Piece // before Last
	size int     // bytes in full
}

// Piece is a part of a Buffer.
type Piece struct {
	all     []byte
	written int
	box     *[]byte // that the pool gave; it lies there again when the piece is returned
}

// Bytes are those that are not written yet.
func (p *Piece) Bytes() []byte { return p.all[p.written:] }

// Written notes that n more bytes were.
func (p *Piece) Written(n int) { p.written += n }

// What lies in the pools is *[]byte, so that putting one back allocates nothing.
var (
	small = sync.Pool{New: func() any { return new([]byte) }}
	// sized are for pieces with a capacity of 1<<i.
	sized [33]sync.Pool
)

// Fits says that n bytes can be appended to Last, perhaps after Room, without beginning another
// piece.
func (b *Buffer) Fits(n int) bool {
	return b.Last != nil && len(b.Last)+n <= max(cap(b.Last), together)
}

// Room sees to it that n bytes can be appended to Last without copying much of what is in it.
func (b *Buffer) Room(n int) {
	if b.Fits(n) {
		if need := len(b.Last) + n; need > cap(b.Last) {
			b.Last = append(make([]byte, 0, power(need)), b.Last...)
		}
		return
	}
	if b.Last != nil {
		if len(b.Last) > 0 {
			b.full = append(b.full, b.last())
			b.size += len(b.Last)
		} else {
			b.last().Return()
		}
	}
	if b.size == 0 && n <= together {
		b.box = small.Get().(*[]byte)
		if b.Last = (*b.box)[:0]; cap(b.Last) < max(n, first) {
			b.Last = make([]byte, 0, power(max(n, first)))
		}
		return
	}
	n = power(max(n, large))
	if box, ok := sized[bits.Len(uint(n-1))].Get().(*[]byte); ok {
		b.box, b.Last = box, (*box)[:0]
		return
	}
	b.box, b.Last = new([]byte), make([]byte, 0, n)
}

// power is the least power of two that is not less than n.
func power(n int) int { return 1 << bits.Len(uint(n-1)) }

// Len is the number of bytes that wait.
func (b *Buffer) Len() int { return b.size + len(b.Last) }

// Take empties the buffer: it appends its pieces to dst, each of them to be returned when it is
// written.
func (b *Buffer) Take(dst []Piece) []Piece {
	dst = append(dst, b.full...)
	if b.Last != nil {
		dst = append(dst, b.last())
	}
	clear(b.full)
	*b = Buffer{full: b.full[:0]}
	return dst
}

// PutBack puts pieces that were taken, and are not or not all written, before what waits now.
func (b *Buffer) PutBack(pieces []Piece) {
	b.full = slices.Insert(b.full, 0, pieces...)
	for i := range pieces {
		b.size += len(pieces[i].Bytes())
	}
}

// Drop empties the buffer without writing it.
func (b *Buffer) Drop() {
	for _, p := range b.Take(nil) {
		p.Return()
	}
}

func (b *Buffer) last() Piece { return Piece{all: b.Last, box: b.box} }

// Return gives the memory of a piece back.
func (p Piece) Return() {
	n := cap(p.all)
	switch {
	case n <= together:
		*p.box = p.all[:0]
		small.Put(p.box)
	case n >= large && n == power(n):
		*p.box = p.all[:0]
		sized[bits.Len(uint(n-1))].Put(p.box)
	}
}
