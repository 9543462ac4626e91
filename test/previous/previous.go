// Package previous has the version before this one: its programs, built from the repository's own
// history, for tests of upgrades. Its chart is kept in test/e2e/testdata, as `helm package` made it of
// the same commit.
package previous

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	// Commit is what upgrades are tested from.
	Commit = "e65800cd87a8d44abafedb6c0578ba8594580860"
	// Tag is the tag of its images.
	Tag = "e65800c"
)

// Image is an image of that version, and the file that has it.
type Image struct{ Ref, Archive string }

// Images builds the images of operator and routers, once for each cache. repo is the root of the
// repository, with history as far back as Commit.
func Images(ctx context.Context, repo string) (operator, router Image, err error) {
	const repository = "ghcr.io/wamp-operator"
	dir, err := made(ctx, repo, "images", func(src, out string) error {
		return run(ctx, src, "go", "run", "./hack/images", "-out", out, "-repo", repository, "-tag", Tag,
			"wamp-operator=./cmd/wamp-operator", "wamp-router=./cmd/wamp-router")
	})
	if err != nil {
		return Image{}, Image{}, fmt.Errorf("building the images of the previous version: %w", err)
	}
	image := func(name string) Image {
		return Image{Ref: repository + "/" + name + ":" + Tag, Archive: filepath.Join(dir, name+".tar")}
	}
	return image("wamp-operator"), image("wamp-router"), nil
}

// Router builds the router alone, and gives the path of the program.
func Router(ctx context.Context, repo string) (string, error) {
	dir, err := made(ctx, repo, "router", func(src, out string) error {
		return run(ctx, src, "go", "build", "-trimpath", "-o", filepath.Join(out, "wamp-router"), "./cmd/wamp-router")
	})
	if err != nil {
		return "", fmt.Errorf("building the router of the previous version: %w", err)
	}
	return filepath.Join(dir, "wamp-router"), nil
}

// made is a directory in the cache, filled by build from the sources when it is not there.
func made(ctx context.Context, repo, what string, build func(src, out string) error) (string, error) {
	cache, err := cache()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(filepath.Join(cache, "lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	dir := filepath.Join(cache, what)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	tmp, err := os.MkdirTemp(cache, "tmp-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	src, out := filepath.Join(tmp, "src"), filepath.Join(tmp, "out")
	if err := sources(ctx, repo, src); err != nil {
		return "", err
	}
	if err := os.Mkdir(out, 0o755); err != nil {
		return "", err
	}
	if err := build(src, out); err != nil {
		return "", err
	}
	return dir, os.Rename(out, dir)
}

// cache is where the cache of hack/kube is, in a directory of the commit.
func cache() (string, error) {
	dir := os.Getenv("WAMP_CACHE")
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("no cache directory: set WAMP_CACHE: %w", err)
		}
		dir = filepath.Join(user, "wamp-operator")
	}
	return filepath.Join(dir, "previous", Tag), nil
}

func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { _ = f.Close() }, nil
}

// sources unpacks the commit. A shallow clone does not have it: then it is fetched, alone.
func sources(ctx context.Context, repo, dir string) error {
	if run(ctx, repo, "git", "cat-file", "-e", Commit+"^{commit}") != nil {
		if err := run(ctx, repo, "git", "fetch", "--quiet", "--depth=1", "origin", Commit); err != nil {
			return fmt.Errorf("this clone does not have the commit %s and cannot fetch it: fetch the history with `git fetch --unshallow`: %w", Commit, err)
		}
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	archive, unpack := exec.CommandContext(ctx, "git", "archive", Commit), exec.CommandContext(ctx, "tar", "-x", "-C", dir)
	archive.Dir = repo
	pipe, err := archive.StdoutPipe()
	if err != nil {
		return err
	}
	unpack.Stdin = pipe
	var said strings.Builder
	archive.Stderr, unpack.Stderr = &said, &said
	if err := archive.Start(); err != nil {
		return err
	}
	if err := errors.Join(unpack.Run(), archive.Wait()); err != nil {
		return fmt.Errorf("git archive %s: %w: %s", Commit, err, said.String())
	}
	return nil
}

func run(ctx context.Context, dir, name string, args ...string) error {
	var said strings.Builder
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-buildvcs=false")
	cmd.Stdout, cmd.Stderr = io.Discard, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, said.String())
	}
	return nil
}
