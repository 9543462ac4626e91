package config

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// settle is how long the files must be quiet before they are read: an editor or a copy
	// writes in several steps.
	settle = 20 * time.Millisecond
	// pollInterval is the safety net for file systems that tell of no change.
	pollInterval = 10 * time.Second
)

// Watch loads the documents, calls apply with them, and goes on to do so each time the files
// changed, until ctx ends. When the files cannot be served apply gets the error, and what was
// applied before stays good. It calls apply at least once, and not for files it has seen.
//
// The folders are watched rather than the files, so that a file that is replaced by a rename,
// and the swapped symbolic link with which Kubernetes updates a mounted ConfigMap, are seen.
func Watch(ctx context.Context, log *slog.Logger, paths []string, apply func(*Documents, error)) {
	w := &watcher{paths: paths, apply: apply}
	follow(ctx, log, paths, w.load)
}

// WatchKeys is Watch for the file with the keys of a cluster.
func WatchKeys(ctx context.Context, log *slog.Logger, path string, apply func([][]byte, error)) {
	last := ""
	follow(ctx, log, []string{path}, func() {
		content, err := readFile(path)
		seen := "keys " + string(content)
		if err != nil {
			seen = "error " + err.Error()
		}
		if seen == last {
			return
		}
		last = seen
		if err != nil {
			apply(nil, err)
			return
		}
		apply(parseKeys(path, content))
	})
}

// follow calls load at once, when something changed in the folders of the paths, and now and then.
func follow(ctx context.Context, log *slog.Logger, paths []string, load func()) {
	var events chan fsnotify.Event
	var errs chan error
	if notify, err := fsnotify.NewWatcher(); err != nil {
		log.Warn("cannot watch files, polling instead", "error", err, "interval", pollInterval)
	} else {
		defer func() { _ = notify.Close() }()
		for _, dir := range folders(paths) {
			if err := notify.Add(dir); err != nil {
				log.Warn("cannot watch a folder, polling instead", "folder", dir, "error", err, "interval", pollInterval)
			}
		}
		events, errs = notify.Events, notify.Errors
	}
	load() // after the watch began: no change falls between

	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	quiet := time.NewTimer(settle)
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-events:
			quiet.Reset(settle)
		case err := <-errs: // for example an overflow of the kernel's queue
			log.Warn("watching files", "error", err)
			quiet.Reset(settle)
		case <-quiet.C:
			load()
		case <-poll.C:
			load()
		}
	}
}

type watcher struct {
	paths []string
	apply func(*Documents, error)
	last  string // what apply was called for
}

func (w *watcher) load() {
	files, err := readDocuments(w.paths)
	seen := ""
	if err != nil {
		seen = "error " + err.Error()
	} else {
		seen = "hash " + hash(files)
	}
	if seen == w.last {
		return
	}
	w.last = seen
	if err != nil {
		w.apply(nil, err)
		return
	}
	w.apply(parseDocuments(files))
}

// folders gives what to watch: each folder itself, and the folder of each file.
func folders(paths []string) []string {
	seen := map[string]bool{}
	var dirs []string
	add := func(dir string) {
		if !seen[dir] {
			seen[dir] = true
			dirs = append(dirs, dir)
		}
	}
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			add(path)
		} else {
			add(filepath.Dir(path))
		}
	}
	return dirs
}
