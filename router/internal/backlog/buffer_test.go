package backlog

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// What is taken is what was appended, in order, whatever the sizes of frames, also when a frame
// is longer than was said, and when some of it is put back.
func TestBufferKeepsOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var b Buffer
	var pieces []Piece
	for range 200 {
		var want []byte
		for range r.IntN(20) {
			n := 1 << r.IntN(19)
			frame := bytes.Repeat([]byte{byte(r.Int())}, 1+r.IntN(n))
			b.Room(len(frame) >> r.IntN(2))
			b.Last = append(b.Last, frame...)
			want = append(want, frame...)
		}
		if b.Len() != len(want) {
			t.Fatalf("%d bytes wait, want %d", b.Len(), len(want))
		}
		var got []byte
		for pieces = b.Take(pieces[:0]); len(pieces) > 0; pieces = b.Take(pieces[:0]) {
			part := (len(pieces[0].Bytes()) + 1) / 2
			got = append(got, pieces[0].Bytes()[:part]...)
			if pieces[0].Written(part); len(pieces[0].Bytes()) == 0 {
				pieces[0].Return()
				pieces = pieces[1:]
			}
			b.PutBack(pieces)
			if b.Len() != len(want)-len(got) {
				t.Fatalf("%d bytes wait, want %d", b.Len(), len(want)-len(got))
			}
		}
		if !bytes.Equal(got, want) || b.Len() != 0 {
			t.Fatal("the bytes taken are not those that were appended")
		}
	}
}

// Frames cost no allocation, however large: a frame that does not fit begins another piece.
func TestBufferAllocatesNothing(t *testing.T) {
	for _, size := range []int{16, 1 << 10, 64 << 10, 1 << 20} {
		frame := make([]byte, size)
		var b Buffer
		var pieces []Piece
		allocs := testing.AllocsPerRun(100, func() {
			for range 10 {
				b.Room(len(frame))
				b.Last = append(b.Last, frame...)
			}
			pieces = b.Take(pieces[:0])
			for _, p := range pieces {
				p.Return()
			}
		})
		if allocs >= 5 && !raceEnabled {
			t.Errorf("10 frames of %d bytes cost %.0f allocations", size, allocs)
		}
	}
}
