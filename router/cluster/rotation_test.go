package cluster

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// In Majority mode a replica that is cut off refuses the rotation of the cluster at once, and serves
// what needs no owner: other policies, and a rotation of its own. What was lost there counts as lost.
func TestMinorityRefusesTheRotationOfTheCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := alone(t)
		n.SetDeclared(map[ProcedureKey]Declaration{
			{Realm: "realm1", URI: "x.own"}: {Invoke: RoundRobin, LocalRotation: true},
		})
		realm := n.Realm("realm1")
		for i, uri := range []string{"x.cluster", "x.own", "x.first"} {
			invoke := RoundRobin
			if uri == "x.first" {
				invoke = First
			}
			if err := register(t, realm, uri, invoke, wamp.ID(i+1), &echo{name: uri}); err != nil {
				t.Fatal(err)
			}
			if got := call(t, realm, uri); got != uri {
				t.Errorf("%s: %s", uri, got)
			}
		}
		n.SetQuorum(3)
		time.Sleep(2 * minorityAfter)
		if !n.Minority() {
			t.Fatal("one of three is not in the minority")
		}
		began := time.Now()
		for uri, want := range map[string]string{"x.cluster": wamp.ErrUnavailable, "x.own": "x.own", "x.first": "x.first"} {
			if got := call(t, realm, uri); got != want {
				t.Errorf("%s in the minority: %s, want %s", uri, got, want)
			}
		}
		lost := make(answered, 1)
		realm.Again(&Call{URI: "x.cluster", Caller: lost, Lost: 1})
		if got := lost.wait(t); got != wamp.ErrCanceled {
			t.Errorf("a call that was lost before: %s", got)
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("that took %v", took)
		}
		n.SetQuorum(1)
		if got := call(t, realm, "x.cluster"); got != "x.cluster" {
			t.Errorf("with a majority again: %s", got)
		}
	})
}

// A call waits for callees that are on the list and cannot be reached, for the hold or as long as
// without one, and does not hold up its caller.
func TestHeldCallOfACalleeOutOfReach(t *testing.T) {
	for name, test := range map[string]struct {
		hold time.Duration
		want time.Duration
	}{
		"short hold": {time.Second, routeWait},
		"long hold":  {20 * time.Second, 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, realm := holding(t, map[ProcedureKey]Declaration{{Realm: "realm1", URI: "x.away"}: {Invoke: First, Hold: test.hold}})
				if err := register(t, realm, "x.away", First, 1, &echo{name: "away", fail: ErrGone}); err != nil {
					t.Fatal(err)
				}
				a, began := make(answered, 1), time.Now()
				if w := realm.Call(&Call{URI: "x.away", Caller: a}); w != nil {
					t.Error("the call holds up its caller")
				}
				for len(a) == 0 {
					time.Sleep(10 * time.Millisecond)
				}
				if got := a.wait(t); got != wamp.ErrNoAvailableCallee {
					t.Errorf("the call ended with %s", got)
				}
				if took := time.Since(began); took < test.want || took > test.want+time.Second {
					t.Errorf("that took %v, want %v", took, test.want)
				}
				if calls, queues := n.parked(); calls+queues != 0 {
					t.Errorf("%d calls are left under %d URIs", calls, queues)
				}
			})
		})
	}
}
