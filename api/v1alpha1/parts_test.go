package v1alpha1

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func snapshotOf(documents ...string) []byte {
	return []byte(SnapshotHeader + "\n" + strings.Join(append([]string{""}, documents...), "---\n"))
}

// Whatever is split is whole again when it is joined, no part is larger than asked for, and parts of two
// snapshots are never taken for one.
func TestSnapshotPartsJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.IntRange(1, 60), 1, 40)
		draw := func(name string) (documents []string) {
			for i, n := range lines.Draw(t, name) {
				documents = append(documents, strings.Repeat(fmt.Sprintf("%s%d: x\n", name, i), n))
			}
			return documents
		}
		content := snapshotOf(draw("a")...)
		maxBytes := rapid.IntRange(1000, 4000).Draw(t, "max")
		parts := SplitSnapshot(content, maxBytes)
		for i, part := range parts {
			if len(part) > maxBytes {
				t.Fatalf("part %d has %d bytes, at most %d were asked for", i, len(part), maxBytes)
			}
			if i > 0 && !bytes.HasPrefix(part, []byte("---\n")) {
				t.Fatalf("part %d begins within a document: %.20q", i, part)
			}
		}
		if n, written := SnapshotParts(parts[0]); n != len(parts) || !written {
			t.Fatalf("the first part tells of %d parts, there are %d", n, len(parts))
		}
		joined, err := JoinSnapshot(parts)
		if err != nil || !bytes.Equal(joined, content) {
			t.Fatalf("joined again: %v", err)
		}
		other := SplitSnapshot(snapshotOf(draw("b")...), maxBytes)
		for i := range min(len(parts), len(other)) {
			mixed := append([][]byte{}, parts...)
			mixed[i] = other[i]
			if _, err := JoinSnapshot(mixed); err == nil && len(parts) > 1 {
				t.Fatalf("part %d of another snapshot went unnoticed", i)
			}
		}
		if len(parts) > 1 {
			if _, err := JoinSnapshot(parts[:len(parts)-1]); err == nil {
				t.Fatal("a part that is missing went unnoticed")
			}
		}
	})
}

// What fits stays as it is, so that routers of before read it too, and what cannot be cut is not cut.
func TestSnapshotPartsAtTheEdges(t *testing.T) {
	small := snapshotOf("a: 1\n")
	if parts := SplitSnapshot(small, 1000); len(parts) != 1 || !bytes.Equal(parts[0], small) {
		t.Errorf("a snapshot that fits became %q", parts)
	}
	large := snapshotOf("a: 1\n", "b: "+strings.Repeat("x", 2000)+"\n", "c: 1\n")
	if parts := SplitSnapshot(large, 1000); SnapshotFits(parts, 1000) {
		t.Errorf("a document of 2000 bytes fits into parts of 1000: %d parts", len(parts))
	}
	var many []string
	for range 40 {
		many = append(many, "a: "+strings.Repeat("x", 900)+"\n")
	}
	if parts := SplitSnapshot(snapshotOf(many...), 1000); SnapshotFits(parts, 1000) || len(parts) <= MaxSnapshotParts {
		t.Errorf("%d parts fit", len(parts))
	}
	if _, written := SnapshotParts([]byte("kind: WampRealm\n")); written {
		t.Error("a file of somebody else is taken for a snapshot")
	}
	if SnapshotFileName(0) != "snapshot.yaml" || SnapshotFileName(3) != "snapshot-3.yaml" {
		t.Error(SnapshotFileName(0), SnapshotFileName(3))
	}
}
