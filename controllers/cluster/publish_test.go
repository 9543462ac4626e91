package cluster

import (
	"slices"
	"strings"
	"testing"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
)

// What does not fit is named, with its size, and what to do about it: moving a realm away helps against
// many objects, and not against one that no ConfigMap holds.
func TestTooLargeSaysWhatToDo(t *testing.T) {
	full := make([]byte, snapshot.MaxBytes)
	for name, c := range map[string]struct {
		compiled snapshot.Snapshot
		mentions []string
	}{
		"many objects": {
			snapshot.Snapshot{Realms: 2, Procedures: 90000, Content: make([]byte, 17<<20), Parts: slices.Repeat([][]byte{full}, v1alpha1.MaxSnapshotParts+1)},
			[]string{"2 realms and 90000 procedures", "17825792 bytes", "16 parts of 1032192 bytes", "to another WampCluster"},
		},
		"one object":  {snapshot.Snapshot{Realms: 1, Parts: [][]byte{full, append(slices.Clone(full), 0)}}, []string{"One of its WampRealms makes 1032193 bytes", "shorten"}},
		"credentials": {snapshot.Snapshot{Parts: [][]byte{nil}, Credentials: make([]byte, 2<<20)}, []string{"2097152 bytes", "one Secret", "to another WampCluster"}},
	} {
		if !c.compiled.TooLarge() {
			t.Errorf("%s: it fits", name)
		}
		says := tooLarge(&c.compiled)
		for _, m := range append(c.mentions, "the routers serve what they did before.") {
			if !strings.Contains(says, m) {
				t.Errorf("%s: %q, want %q in it", name, says, m)
			}
		}
	}
}
