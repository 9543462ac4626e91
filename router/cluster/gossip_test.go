package cluster

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// A change of a list that was lost on its way is found by the next probe, although the links stand
// and nothing else changes.
func TestProbeFindsLostChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newBubbleNet(3)
		a, _ := startSpeaking(t, net, 1, protocols{3, 3})
		b, _ := startSpeaking(t, net, 2, protocols{3, 3})
		time.Sleep(joinWait)
		for range 20 {
			a.step(func(m *machine) {
				p := m.peer(b.self.id)
				p.linked = false // so that the change is not sent to it
				m.insertOwn(listEntry{Key: listKey{Kind: entryTestament, Realm: "realm1", URI: fmt.Sprint(m.own.version), Session: 1}}, nil)
				m.flushOwn()
				p.linked = true
			})
			start := time.Now()
			for {
				b.mu.Lock()
				behind := b.m.peer(a.self.id).version < a.version()
				b.mu.Unlock()
				if !behind {
					break
				}
				if time.Since(start) > time.Second {
					t.Fatal("a copy is behind for a second")
				}
				time.Sleep(time.Millisecond)
			}
		}
		for _, n := range []*Node{a, b} {
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(time.Minute)
	})
}
