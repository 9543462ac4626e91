package cluster

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// alone starts a node without others; in a bubble, on its clock.
func alone(t *testing.T) *Node {
	t.Helper()
	n, err := Start(Config{Cluster: "test", Replica: "alone", Logger: testLogger(), Host: silentHost{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	return n
}

// A call that was lost waits for the next callee, and not for ever; then its caller is told that it
// may have been executed.
func TestLostCallWaitsForTheNextCallee(t *testing.T) {
	for name, test := range map[string]struct {
		comes time.Duration // the next callee; 0: none does
		want  string
		after time.Duration
	}{
		"in time": {3 * time.Second, "next", 3 * time.Second},
		"never":   {0, wamp.ErrCanceled, routeWait},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := alone(t)
				realm := n.Realm("realm1")
				a, began := make(answered, 2), time.Now()
				realm.Again(&Call{URI: "x.lost", Caller: a, Lost: 2})
				if test.comes > 0 {
					time.Sleep(test.comes)
					if err := register(t, realm, "x.lost", Single, 1, &echo{name: "next"}); err != nil {
						t.Fatal(err)
					}
				}
				if got := a.wait(t); got != test.want {
					t.Errorf("the call ended with %q, want %q", got, test.want)
				}
				if took := time.Since(began); took < test.after || took > test.after+time.Second {
					t.Errorf("that took %v, want %v", took, test.after)
				}
			})
		})
	}
}

// An ERROR for a callee that was lost is told from one that the callee gave, also across a link.
func TestLostTravels(t *testing.T) {
	for _, sent := range []frame{{kind: frameAnswer}, {kind: frameAnswer, lost: true}, {kind: frameAnswer, progress: true}} {
		var got frame
		if err := parseFrame(appendFrame(nil, &sent), &got); err != nil || got.lost != sent.lost || got.progress != sent.progress {
			t.Errorf("%+v came as %+v, %v", sent, got, err)
		}
	}
}

// Whatever keeps a lost call from its next callee, the caller is told that it was lost.
func TestLostCallSaysSo(t *testing.T) {
	for lost, want := range map[int]string{0: wamp.ErrNoAvailableCallee, 1: wamp.ErrCanceled} {
		a := make(answered, 1)
		r := routing{caller: a, lost: lost}
		r.fail(wamp.ErrNoAvailableCallee, "all are full")
		got := <-a
		args, _, _ := got.Payload.Decode()
		if said := args[0].(string); got.Error != want || !strings.HasSuffix(said, "all are full") || got.Lost {
			t.Errorf("lost %d times: %+v, %q", lost, got, said)
		}
	}
}
