// Package outbound holds what connections to clients and links between replicas have in common:
// bytes that wait to be written.
package outbound

import (
	"math/bits"
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
	size int     // of full
}

// Piece is a part of a Buffer.
type Piece struct {
	Bytes []byte
	box   *[]byte // that the pool gave; it lies there again when the piece is returned
}

// What lies in the pools is *[]byte, so that putting one back allocates nothing.
var (
	small = sync.Pool{New: func() any { return new([]byte) }}
	// sized are for pieces with a capacity of 1<<i.
	sized [33]sync.Pool
)

// Room sees to it that n bytes can be appended to Last without copying much of what is in it.
func (b *Buffer) Room(n int) {
	if b.Last != nil {
		need := len(b.Last) + n
		if need <= cap(b.Last) {
			return
		}
		if need <= together {
			b.Last = append(make([]byte, 0, power(need)), b.Last...)
			return
		}
		if len(b.Last) > 0 {
			b.full = append(b.full, Piece{b.Last, b.box})
			b.size += len(b.Last)
		} else {
			Piece{b.Last, b.box}.Return()
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
		dst = append(dst, Piece{b.Last, b.box})
	}
	clear(b.full)
	*b = Buffer{full: b.full[:0]}
	return dst
}

// Return gives the memory of a piece back.
func (p Piece) Return() {
	n := cap(p.Bytes)
	switch {
	case n <= together:
		*p.box = p.Bytes[:0]
		small.Put(p.box)
	case n >= large && n == power(n):
		*p.box = p.Bytes[:0]
		sized[bits.Len(uint(n-1))].Put(p.box)
	}
}
