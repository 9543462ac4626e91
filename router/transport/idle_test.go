package transport

import (
	"runtime"
	"runtime/debug"
	"slices"
	"testing"
	"time"
)

// An idle connection is small: 12 KiB are for the whole session. What is measured includes the
// test's own end of each connection, about 1.5 KiB.
func TestIdleConnectionIsSmall(t *testing.T) {
	if raceDetector() {
		t.Skip("the race detector takes memory of its own")
	}
	const n, limit = 3000, 12 << 10
	for _, scheme := range []string{"ws", "tcp"} {
		address, conns := accepted(t, &Server{})
		open := func() Conn {
			if scheme == "ws" {
				upgraded(t, address, "wamp.2.msgpack")
			} else {
				rawPeer(t, address)
			}
			return within(t, conns)
		}
		open()
		before := inUse()
		var idle []*peer
		for range n {
			// A message out, so that a buffer has been used.
			c := open()
			if err := c.SendEncoded([]byte("hello")); err != nil {
				t.Fatal(err)
			}
			idle = append(idle, c.(*peer))
		}
		for deadline := time.Now().Add(20 * time.Second); slices.ContainsFunc(idle, (*peer).writing); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("writers that have nothing to do stay")
			}
		}
		each := (inUse() - before) / n
		for range 20 { // goroutines of the handshakes may still be ending
			each = min(each, (inUse()-before)/n)
		}
		t.Logf("%s: %d bytes", scheme, each)
		if each > limit {
			t.Errorf("an idle %s connection takes %d bytes, more than %d", scheme, each, limit)
		}
	}
}

// writing tells whether the connection has a writer.
func (p *peer) writing() bool {
	p.out.mu.Lock()
	defer p.out.mu.Unlock()
	return p.out.writer != writerAbsent
}

// inUse is the memory of heap and stacks after all garbage is gone.
func inUse() int {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}

func raceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}
