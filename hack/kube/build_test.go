package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The list of programs and the modules that pin them are two files; a program that its module
// does not name would be built at a version that nobody chose, or not at all.
func TestEveryProgramIsPinned(t *testing.T) {
	for _, g := range groups {
		src := filepath.Join("build", g.Dir)
		if _, err := g.version(src); err != nil {
			t.Error(err)
		}
		gomod, err := os.ReadFile(filepath.Join(src, "go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		for name, pkg := range g.Bins {
			if pkg != "." && !strings.Contains(string(gomod), pkg+"\n") {
				t.Errorf("%s/go.mod has no tool directive for %s (%s)", src, name, pkg)
			}
		}
	}
}

// A changed pin must lead to a new directory, or the old programs would go on being used.
func TestDirectoryFollowsThePins(t *testing.T) {
	l := layout{Repo: t.TempDir(), Cache: "/cache"}
	for _, g := range groups {
		dir := filepath.Join(l.Repo, "hack/kube/build", g.Dir)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("v1"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	before, err := l.binDir()
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := l.binDir(); again != before {
		t.Errorf("unchanged pins: %s, then %s", before, again)
	}
	if err := os.WriteFile(filepath.Join(l.Repo, "hack/kube/build/etcd/go.mod"), []byte("v2"), 0o644); err != nil {
		t.Fatal(err)
	}
	if after, _ := l.binDir(); after == before {
		t.Error("a changed pin left the directory the same")
	}
}
