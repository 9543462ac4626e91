package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// later is goodProcedure with a field of a later version.
func later(i int) string {
	return strings.Replace(goodProcedure, "com.example.add", fmt.Sprintf("com.example.add%d", i), 1) +
		"  retries: {most: 3}\n"
}

// A field of a procedure that only a later version knows does not keep a router from serving what an operator of
// that version says, in whatever part it is; it is named, once.
func TestUnknownFieldsOfProceduresAreLeftOut(t *testing.T) {
	content := v1alpha1.SnapshotHeader + "\n---\n" + goodRealm
	for i := range 12 {
		content += "---\n" + later(i)
	}
	for _, most := range []int{1 << 20, 1000} {
		dir := t.TempDir()
		parts := v1alpha1.SplitSnapshot([]byte(content), most)
		for i, part := range parts {
			write(t, dir, v1alpha1.SnapshotFileName(i), string(part))
		}
		docs, err := LoadDocuments([]string{dir})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"spec.retries of procedure add and 11 more is not known to this version of the router and has no effect: upgrade the router"}
		if len(docs.Realms) != 1 || len(docs.Procedures) != 12 || !slices.Equal(docs.Unknown, want) {
			t.Errorf("in %d parts: %d realms, %d procedures, %q", len(parts), len(docs.Realms), len(docs.Procedures), docs.Unknown)
		}
	}
}

// What people write by hand is refused, as a slip; and so is what nobody knows of a realm, since it may be there
// to forbid something, and a value that is not known.
func TestUnknownFieldsThatAreRefused(t *testing.T) {
	for content, want := range map[string]string{
		goodRealm + "---\n" + later(1): "spec.retries: unknown field",
		v1alpha1.SnapshotHeader + "\n---\n" + goodRealm + "  forbidden: [everything]\n":                                        "spec.forbidden: unknown field",
		v1alpha1.SnapshotHeader + "\n---\n" + goodRealm + "---\n" + strings.Replace(goodProcedure, "roundrobin", "fairest", 1): "write one of single",
	} {
		dir := t.TempDir()
		write(t, dir, "snapshot.yaml", content)
		if _, err := LoadDocuments([]string{dir}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
