package router_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// snapshot is what an operator publishes, in parts of 1500 bytes: the procedure uri with the policy, and n
// others.
func snapshot(policy string, n int, fields ...string) [][]byte {
	var b strings.Builder
	b.WriteString(v1alpha1.SnapshotHeader + "\n---\n" + realmYAML("realm1", everything))
	b.WriteString(declaration(append([]string{"invoke: " + policy}, fields...)...))
	for i := range n {
		b.WriteString(strings.ReplaceAll(declaration(), "whoami", fmt.Sprintf("other%d", i)))
	}
	return v1alpha1.SplitSnapshot([]byte(strings.TrimSuffix(b.String(), "---\n")), 1500)
}

// A snapshot whose parts arrive one after the other changes nothing before it is whole, and the state says
// what is waited for.
func TestPartsOfASnapshotAreServedTogether(t *testing.T) {
	for _, replicas := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d replicas", replicas), func(t *testing.T) {
			dir := t.TempDir()
			put := func(i int, part []byte) {
				t.Helper()
				path := filepath.Join(dir, v1alpha1.SnapshotFileName(i))
				if err := os.WriteFile(path+".next", part, 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.Rename(path+".next", path); err != nil {
					t.Fatal(err)
				}
			}
			before, after := snapshot("roundrobin", 6), snapshot("last", 12)
			if len(before) < 2 || len(after) <= len(before) {
				t.Fatalf("%d and %d parts", len(before), len(after))
			}
			for i, part := range before {
				put(i, part)
			}
			dev := start(t, replicas, func(c *router.DevConfig) { c.Documents = []string{dir} })
			says := func(want string) {
				t.Helper()
				for _, r := range dev.Routers {
					eventually(t, "the state says "+want, func() bool {
						err := r.State().Documents.Error
						return want == "" && err == "" || want != "" && strings.Contains(err, want)
					})
				}
			}
			served := dev.Routers[0].State().Documents.Hash
			callee(t, dev, 0, "roundrobin")
			callee(t, dev, 1, "roundrobin")
			for i := len(after) - 1; i > 0; i-- {
				put(i, after[i])
			}
			says("parts of two snapshots")
			for _, r := range dev.Routers {
				if hash := r.State().Documents.Hash; hash != served || len(r.Missing()) > 0 {
					t.Errorf("while parts are waited for %s is served instead of %s, and %v is missing", hash, served, r.Missing())
				}
			}
			for i := range 4 {
				if got := who(t, join(t, dev, i)); got != name(i%2) {
					t.Errorf("meanwhile call %d went to %s", i, got)
				}
			}
			put(0, after[0])
			says("")
			for i := range 4 {
				if got := who(t, join(t, dev, i)); got != name(1) {
					t.Errorf("declared as last, call %d went to %s", i, got)
				}
			}
			one := snapshot("first", 0)
			put(0, one[0])
			for _, r := range dev.Routers {
				eventually(t, "the snapshot of one part", func() bool {
					return r.State().Documents.Hash == v1alpha1.HashDocuments(map[string][]byte{"snapshot.yaml": one[0]})
				})
			}
			if got := who(t, join(t, dev, 1)); got != name(0) {
				t.Errorf("declared as first, the call went to %s", got)
			}
		})
	}
}

// A router that is older than the operator serves what it knows of the procedures, and says what it does
// not.
func TestSnapshotOfALaterVersion(t *testing.T) {
	for _, replicas := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d replicas", replicas), func(t *testing.T) {
			dir := t.TempDir()
			part := snapshot("last", 0, "retries: 3")[0]
			if err := os.WriteFile(filepath.Join(dir, v1alpha1.SnapshotFileName(0)), part, 0o600); err != nil {
				t.Fatal(err)
			}
			dev := start(t, replicas, func(c *router.DevConfig) { c.Documents = []string{dir} })
			for _, r := range dev.Routers {
				documents := r.State().Documents
				if documents.Error != "" || !strings.Contains(documents.Warnings, "spec.retries of procedure whoami is not known") {
					t.Errorf("the state says %+v", documents)
				}
			}
			c := join(t, dev, 0)
			if _, err := c.Register(uri, map[string]any{"invoke": "first"}, func(m *wamptest.Message) { c.Yield(m) }); err != nil {
				t.Errorf("declared with Override, it answers %v", err)
			}
			if _, err := c.Call("com.example.nobody"); wamptest.URI(err) != wamp.ErrNoSuchProcedure {
				t.Errorf("the realm is not served: %v", err)
			}
		})
	}
}
