package cluster

import (
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/routerstate"
)

func serving(hash string) routerstate.Replica {
	return routerstate.Replica{Connected: true, Believed: true, State: &v1alpha1.RouterReplicaState{
		Ready: true, Documents: v1alpha1.RouterDocumentsState{Hash: hash},
	}}
}

// A pod is annotated at once, again while its router does not follow, at growing intervals, a few
// times; and not at all when there is nothing to bring.
func TestNudge(t *testing.T) {
	start := time.Unix(1000, 0)
	now := start
	var n nudge
	var written []string
	var at []time.Duration
	for range 100 {
		annotation, again, after := n.next("new", behindSnapshot("new", serving("old")), now)
		n = after
		if annotation != "" {
			written = append(written, annotation)
			at = append(at, now.Sub(start))
		}
		if again == 0 {
			break
		}
		now = now.Add(again)
	}
	want := []time.Duration{0, 500 * time.Millisecond, 1500 * time.Millisecond, 3500 * time.Millisecond, 7500 * time.Millisecond, 15500 * time.Millisecond}
	if len(written) != maxNudges || written[0] != "new" {
		t.Fatalf("written %v", written)
	}
	seen := map[string]bool{}
	for i, annotation := range written {
		if seen[annotation] {
			t.Errorf("%q is written twice: the kubelet would see no change", annotation)
		}
		seen[annotation] = true
		if at[i] != want[i] {
			t.Errorf("nudge %d after %s, want %s", i, at[i], want[i])
		}
	}
	if annotation, _, _ := n.next("newer", behindSnapshot("newer", serving("old")), now); annotation != "newer" {
		t.Errorf("another snapshot is nudged with %q", annotation)
	}
	for name, replica := range map[string]routerstate.Replica{
		"serves it":    serving("new"),
		"never heard":  {},
		"lost for now": {State: serving("old").State},
	} {
		if annotation, again, _ := (nudge{}).next("new", behindSnapshot("new", replica), now); annotation != "" || again != 0 {
			t.Errorf("a router that %s: %q, %s", name, annotation, again)
		}
	}
}
