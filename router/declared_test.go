package router_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
)

// declaration is a WampProcedure for uri; a line of spec is a field and its value.
func declaration(spec ...string) string {
	return strings.Replace(procedureYAML("single", "Override"), "  invoke: single\n", "  "+strings.Join(spec, "\n  ")+"\n", 1)
}

// declared runs a test on one replica and on three that serve a declaration; rewrite replaces it
// everywhere.
func declared(t *testing.T, content string, test func(t *testing.T, dev *router.Dev, rewrite func(string))) {
	for _, replicas := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d replicas", replicas), func(t *testing.T) {
			docs := filepath.Join(t.TempDir(), "docs.yaml")
			write := func(content string) {
				if err := os.WriteFile(docs+".next", []byte(realmYAML("realm1", everything)+content), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.Rename(docs+".next", docs); err != nil {
					t.Fatal(err)
				}
			}
			write(content)
			dev := start(t, replicas, func(c *router.DevConfig) { c.Documents = []string{docs} })
			test(t, dev, func(content string) {
				before := dev.Routers[0].State().Documents.Hash
				write(content)
				for _, r := range dev.Routers {
					eventually(t, "the documents served", func() bool { return r.State().Documents.Hash != before })
				}
			})
		})
	}
}

// With rotation: Replica each replica takes the callees in turn for its own callers, whatever the
// others do, nobody is skipped when the list changes, and it can be switched while the list lives.
func TestRotationOfEachReplica(t *testing.T) {
	declared(t, declaration("invoke: roundrobin", "rotation: Replica"), func(t *testing.T, dev *router.Dev, rewrite func(string)) {
		var callees []*wamptest.Client
		for i := range 3 {
			c, _ := callee(t, dev, i, "roundrobin")
			callees = append(callees, c)
		}
		turns := func(caller *wamptest.Client, n int) []string {
			var got []string
			for range n {
				got = append(got, who(t, caller))
			}
			return got
		}
		for i := range dev.Routers {
			caller := join(t, dev, i)
			if got, want := turns(caller, 5), []string{name(0), name(1), name(2), name(0), name(1)}; !slices.Equal(got, want) {
				t.Fatalf("replica %d went to %v, want %v", i, got, want)
			}
		}
		callees[0].Kill()
		for _, r := range dev.Routers {
			eventually(t, "callee 0 off the list", func() bool { return len(listed(r)) == 2 })
		}
		callee(t, dev, 3, "roundrobin")
		for i := range dev.Routers {
			if got, want := turns(join(t, dev, i), 4), []string{name(2), name(3), name(1), name(2)}; !slices.Equal(got, want) {
				t.Errorf("after a change of the list replica %d went to %v, want %v", i, got, want)
			}
		}
		rewrite(declaration("invoke: roundrobin"))
		var got []string
		for i := range 9 {
			got = append(got, who(t, join(t, dev, i)))
		}
		if want := []string{name(1), name(2), name(3)}; !slices.Equal(got, slices.Repeat(want, 3)) {
			t.Errorf("declared to be one rotation, it went to %v", got)
		}
		rewrite(declaration("invoke: roundrobin", "rotation: Replica"))
		if got, want := turns(join(t, dev, 0), 3), []string{name(3), name(1), name(2)}; !slices.Equal(got, want) {
			t.Errorf("declared to be of each replica again, it went to %v, want %v", got, want)
		}
	})
}

// Concurrent calls of one replica take one turn each.
func TestRotationOfAReplicaUnderLoad(t *testing.T) {
	declared(t, declaration("invoke: roundrobin", "rotation: Replica"), func(t *testing.T, dev *router.Dev, _ func(string)) {
		var counts [5]int
		var mu sync.Mutex
		for i := range counts {
			c := join(t, dev, i)
			if _, err := c.Register(uri, map[string]any{"invoke": "roundrobin"}, func(m *wamptest.Message) {
				mu.Lock()
				counts[i]++
				mu.Unlock()
				c.Yield(m)
			}); err != nil {
				t.Fatal(err)
			}
		}
		var callers sync.WaitGroup
		for range 4 {
			caller := join(t, dev, 0)
			callers.Go(func() {
				var answers []<-chan *wamptest.Message
				for range 250 {
					answers = append(answers, caller.StartCall(uri))
				}
				for _, answer := range answers {
					if _, err := caller.Await(answer); err != nil {
						t.Error(err)
					}
				}
			})
		}
		callers.Wait()
		for i, n := range counts {
			if n != 200 {
				t.Errorf("of 1000 calls %d went to callee %d: %v", n, i, counts)
			}
		}
	})
}

// A callee at its concurrency is passed over, and calls wait when all are.
func TestRotationOfAReplicaMindsConcurrency(t *testing.T) {
	declared(t, declaration("invoke: roundrobin", "rotation: Replica"), func(t *testing.T, dev *router.Dev, _ func(string)) {
		boxes := []inbox{newInbox(), newInbox()}
		var clients []*wamptest.Client
		for i, box := range boxes {
			c := join(t, dev, i+1)
			clients = append(clients, c)
			if _, err := c.Register(uri, map[string]any{"invoke": "roundrobin", "concurrency": 1}, box.put); err != nil {
				t.Fatal(err)
			}
		}
		caller := join(t, dev, 0)
		first, second := caller.StartCall(uri), caller.StartCall(uri)
		held := boxes[0].next(t)
		clients[1].Yield(boxes[1].next(t), "1")
		if m, err := caller.Await(second); err != nil || m.Args[0] != "1" {
			t.Fatalf("the second call: %v, %v", m, err)
		}
		for range 3 { // every other turn is that of the callee that is busy
			answer := caller.StartCall(uri)
			clients[1].Yield(boxes[1].next(t), "1")
			if _, err := caller.Await(answer); err != nil {
				t.Fatal(err)
			}
		}
		fourth := caller.StartCall(uri)
		waiting := boxes[1].next(t)
		fifth := caller.StartCall(uri)
		clients[0].Yield(held, "0")
		clients[1].Yield(waiting, "1")
		select {
		case m := <-boxes[0]:
			clients[0].Yield(m, "0")
		case m := <-boxes[1]:
			clients[1].Yield(m, "1")
		}
		for i, answer := range []<-chan *wamptest.Message{first, fourth, fifth} {
			if _, err := caller.Await(answer); err != nil {
				t.Errorf("call %d: %v", i, err)
			}
		}
	})
}
