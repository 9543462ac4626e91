package cluster

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"testing"
)

// Frames come out as they went in, however large they are and however the network cuts them.
func TestFramesOfAllSizes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	here, there := net.Pipe()
	defer func() { _ = here.Close() }()
	var sent bytes.Buffer
	var frames [][]byte
	for i := range 60 {
		size := []int{0, 1, 100, 5 << 10, incomingLeast - 4, incomingLeast, incomingMost - 4, incomingMost - 3, 3 * incomingMost}[i%9]
		frame := make([]byte, size+r.IntN(3))
		for j := range frame {
			frame[j] = byte(r.Int())
		}
		frames = append(frames, frame)
		sent.Write(binary.BigEndian.AppendUint32(nil, uint32(len(frame))))
		sent.Write(frame)
	}
	go func() {
		defer func() { _ = there.Close() }()
		for sent.Len() > 0 {
			if _, err := there.Write(sent.Next(1 + r.IntN(200<<10))); err != nil {
				return
			}
		}
	}()
	in := incoming{conn: here, max: maxFrame}
	for i, want := range frames {
		got, err := in.next()
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("frame %d: %d bytes, %v; want %d bytes", i, len(got), err, len(want))
		}
	}
	if _, err := in.next(); err != io.EOF {
		t.Errorf("after the last frame: %v", err)
	}
}
