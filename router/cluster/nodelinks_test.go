package cluster

import (
	"net"
	"sync"
	"testing"
	"time"
)

// A link that comes up while the one before it breaks is the one in use, and stays so: else a
// replica that wakes from a pause is masked and then forgotten although its links stand.
func TestLinkReplaced(t *testing.T) {
	n, err := Start(Config{Cluster: "test", Replica: "a", Logger: testLogger(), Host: silentHost{}})
	if err != nil {
		t.Fatal(err)
	}
	enough := make(chan struct{})
	var busy, serving sync.WaitGroup
	for range 2 { // others that want the lock, so that links take turns at it with each other
		busy.Go(func() {
			for {
				select {
				case <-enough:
					return
				default:
					n.step(func(*machine) { time.Sleep(50 * time.Microsecond) })
				}
			}
		})
	}
	var last *link
	for range 100 {
		last = newLink("b.1", "b", pipe(t), pipe(t))
		serving.Go(func() { n.serveLink(last) })
		for used := false; !used; time.Sleep(100 * time.Microsecond) {
			n.mu.Lock()
			used = n.active["b.1"] == last
			n.mu.Unlock()
		}
	}
	close(enough)
	busy.Wait()
	n.mu.Lock()
	if p := n.m.peer("b.1"); p == nil || !p.linked {
		t.Error("the link in use counts as broken")
	}
	n.mu.Unlock()
	last.close(errStreamClosed)
	serving.Wait()
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}

// pipe is one connection of a link to a member that says nothing.
func pipe(t *testing.T) *stream {
	here, there := net.Pipe()
	t.Cleanup(func() { _ = there.Close() })
	return newStream(here, maxControl)
}
