package cluster

import (
	"bytes"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// A link whose other side stopped reading is given up after a stated time; one whose other side
// is slow but reads is not.
func TestStallOfAWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		s := newStream(here, maxFrame)
		var ended error
		gone := make(chan struct{})
		go func() {
			ended = s.write()
			close(gone)
		}()
		var w stall
		watch := func(d time.Duration) (over bool) {
			for end := time.Now().Add(d); time.Now().Before(end) && !over; time.Sleep(heartbeat / 2) {
				over = w.over(s, time.Now())
			}
			return over
		}
		frame := bytes.Repeat([]byte{1}, 3*writeChunk)
		if err := s.append(nil, len(frame), func(dst []byte) ([]byte, error) { return append(dst, frame...), nil }); err != nil {
			t.Fatal(err)
		}
		for range 2 { // a chunk every 8 s
			if watch(8 * time.Second) {
				t.Fatal("a slow reader was taken for one that stopped")
			}
			if _, err := there.Read(make([]byte, writeChunk)); err != nil {
				t.Fatal(err)
			}
		}
		if !watch(writeWait + 3*heartbeat) {
			t.Error("a reader that stopped was not noticed")
		}
		s.close()
		<-gone
		if ended == nil {
			t.Error("the writer ended without a reason")
		}
		_ = there.Close()
	})
}
