package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// written is a snapshot as the operator writes it, with n procedures, cut into parts of 700 bytes.
func written(n int) [][]byte {
	var b strings.Builder
	b.WriteString(v1alpha1.SnapshotHeader + "\n---\n" + goodRealm)
	for i := range n {
		b.WriteString("---\n" + strings.Replace(goodProcedure, "com.example.add", fmt.Sprintf("com.example.add%d", i), 1))
	}
	return v1alpha1.SplitSnapshot([]byte(b.String()), 700)
}

// A snapshot of several parts is served as a whole or not at all, while its parts arrive one after the
// other, and what a larger one has left over is not served.
func TestWatchServesWholeSnapshots(t *testing.T) {
	dir := t.TempDir()
	put := func(i int, part []byte) {
		t.Helper()
		// As the kubelet does, a file changes at once.
		if err := os.Rename(write(t, t.TempDir(), "part", string(part)), filepath.Join(dir, v1alpha1.SnapshotFileName(i))); err != nil {
			t.Fatal(err)
		}
	}
	small, large := written(2), written(20)
	if len(small) != 2 || len(large) < 4 {
		t.Fatalf("%d and %d parts", len(small), len(large))
	}
	for i, part := range small {
		put(i, part)
	}
	got := watch(t, dir)
	if a := next(t, got); a.err != nil || len(a.docs.Procedures) != 2 {
		t.Fatalf("first load: %+v", a)
	}
	// The larger one comes from its end, as the operator writes it.
	for i := len(large) - 1; i > 0; i-- {
		put(i, large[i])
		if i == 1 {
			if a := next(t, got); !Waiting(a.err) || !strings.Contains(a.err.Error(), "parts of two snapshots") {
				t.Fatalf("parts of two snapshots were taken: %+v", a)
			}
		}
	}
	put(0, large[0])
	if a := next(t, got); a.err != nil || len(a.docs.Procedures) != 20 {
		t.Fatalf("the larger one: %+v", a)
	}
	// The first part of a small one comes before the others are gone.
	one := written(0)
	put(0, one[0])
	a := next(t, got)
	if a.err != nil || len(a.docs.Procedures) != 0 || len(a.docs.Realms) != 1 {
		t.Fatalf("after the first part of a snapshot of one part: %+v", a)
	}
	if want := v1alpha1.HashDocuments(map[string][]byte{"snapshot.yaml": one[0]}); a.docs.Hash != want {
		t.Errorf("files that are left over change the hash")
	}
	put(0, large[0])
	if a := next(t, got); a.err != nil || len(a.docs.Procedures) != 20 {
		t.Fatalf("the larger one again: %+v", a)
	}
	if err := os.Remove(filepath.Join(dir, v1alpha1.SnapshotFileName(2))); err != nil {
		t.Fatal(err)
	}
	if a := next(t, got); !Waiting(a.err) || !strings.Contains(a.err.Error(), "snapshot-2.yaml") {
		t.Fatalf("a missing part: %+v", a)
	}
}

// Files that somebody else calls by the same names are theirs.
func TestFilesOfOthersAreNoParts(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "snapshot.yaml", goodRealm)
	write(t, dir, "snapshot-1.yaml", goodProcedure)
	docs, err := LoadDocuments([]string{dir})
	if err != nil || len(docs.Procedures) != 1 {
		t.Errorf("%+v, %v", docs, err)
	}
}
