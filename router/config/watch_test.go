package config

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

type applied struct {
	docs *Documents
	err  error
}

func watch(t *testing.T, paths ...string) <-chan applied {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan applied, 16)
	done := make(chan struct{})
	go func() {
		defer close(done)
		Watch(ctx, slog.New(slog.DiscardHandler), paths, func(d *Documents, err error) { got <- applied{d, err} })
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		goleak.VerifyNone(t)
	})
	return got
}

func next(t *testing.T, got <-chan applied) applied {
	t.Helper()
	select {
	case a := <-got:
		return a
	case <-time.After(5 * time.Second):
		t.Fatal("nothing was applied within 5 s")
		return applied{}
	}
}

func TestWatchFollowsAFileThatIsReplaced(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "docs.yaml", goodRealm)
	got := watch(t, path)
	if a := next(t, got); a.err != nil || len(a.docs.Realms) != 1 {
		t.Fatalf("first load: %+v", a)
	}
	// An editor writes beside the file and renames.
	if err := os.Rename(write(t, dir, "docs.yaml~", goodRealm+"---\n"+goodProcedure), path); err != nil {
		t.Fatal(err)
	}
	if a := next(t, got); a.err != nil || len(a.docs.Procedures) != 1 {
		t.Fatalf("after the rename: %+v", a)
	}
	write(t, dir, "docs.yaml", "kind: [\n")
	if a := next(t, got); a.err == nil || !strings.Contains(a.err.Error(), "docs.yaml:") {
		t.Fatalf("broken file: %+v", a)
	}
	write(t, dir, "docs.yaml", goodRealm)
	if a := next(t, got); a.err != nil {
		t.Fatalf("mended file: %v", a.err)
	}
}

// The kubelet updates a mounted ConfigMap by swapping the symbolic link ..data.
func TestWatchFollowsAMountedConfigMap(t *testing.T) {
	dir := t.TempDir()
	version := func(name, content string) {
		t.Helper()
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name), "snapshot.yaml", content)
		link := filepath.Join(dir, "..data_tmp")
		if err := os.Symlink(name, link); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(link, filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	version("..1", goodRealm)
	if err := os.Symlink("..data/snapshot.yaml", filepath.Join(dir, "snapshot.yaml")); err != nil {
		t.Fatal(err)
	}
	got := watch(t, dir)
	if a := next(t, got); a.err != nil || len(a.docs.Procedures) != 0 {
		t.Fatalf("first load: %+v", a)
	}
	version("..2", goodRealm+"---\n"+goodProcedure)
	if a := next(t, got); a.err != nil || len(a.docs.Procedures) != 1 {
		t.Fatalf("after the swap: %+v", a)
	}
}

// The keys of a mounted Secret: what stands in the file is told once, with what is wrong with it.
func TestWatchKeysFollowsTheFile(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "key", "MDEyMzQ1Njc4OWFiY2RlZg==")
	ctx, cancel := context.WithCancel(t.Context())
	type applied struct {
		keys [][]byte
		err  error
	}
	got, done := make(chan applied, 16), make(chan struct{})
	go func() {
		defer close(done)
		WatchKeys(ctx, slog.New(slog.DiscardHandler), path, func(keys [][]byte, err error) { got <- applied{keys, err} })
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		goleak.VerifyNone(t)
	})
	next := func() applied {
		t.Helper()
		select {
		case a := <-got:
			return a
		case <-time.After(5 * time.Second):
			t.Fatal("nothing was applied within 5 s")
			return applied{}
		}
	}
	replace := func(content string) {
		t.Helper()
		if err := os.Rename(write(t, dir, "key~", content), path); err != nil {
			t.Fatal(err)
		}
	}
	if a := next(); a.err != nil || len(a.keys) != 1 {
		t.Fatalf("first load: %+v", a)
	}
	replace("MDEyMzQ1Njc4OWFiY2RlZg==\nZmVkY2JhOTg3NjU0MzIxMA==")
	if a := next(); a.err != nil || len(a.keys) != 2 {
		t.Fatalf("a second key: %+v", a)
	}
	replace("MDEyMzQ1Njc4OWFiY2RlZg==\n?")
	if a := next(); a.err == nil || !strings.Contains(a.err.Error(), "key:2:") {
		t.Fatalf("a broken file: %+v", a)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if a := next(); a.err == nil || !strings.Contains(a.err.Error(), "cannot be read") {
		t.Fatalf("no file: %+v", a)
	}
	replace("ZmVkY2JhOTg3NjU0MzIxMA==")
	if a := next(); a.err != nil || len(a.keys) != 1 {
		t.Fatalf("mended: %+v", a)
	}
}
