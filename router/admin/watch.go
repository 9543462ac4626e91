package admin

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// watchers are the streams of /v1/state. Each has a set of what changed since its last line, so
// a slow reader costs the memory of that set and nothing else.
type watchers struct {
	count atomic.Int32
	mu    sync.Mutex
	all   map[*watcher]struct{}
}

// ProcedureKey names a procedure.
type ProcedureKey struct {
	Realm string
	Match v1alpha1.MatchPolicy
	URI   string
}

type watcher struct {
	wake chan struct{} // holds one token when something changed

	mu         sync.Mutex
	replica    bool
	procedures map[ProcedureKey]struct{}
}

func (w *watchers) add() *watcher {
	added := &watcher{wake: make(chan struct{}, 1), procedures: map[ProcedureKey]struct{}{}}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = map[*watcher]struct{}{}
	}
	w.all[added] = struct{}{}
	w.count.Add(1)
	return added
}

func (w *watchers) remove(old *watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.all, old)
	w.count.Add(-1)
}

func (w *watchers) changed(key ProcedureKey) {
	if w.count.Load() == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for one := range w.all {
		one.note(key)
	}
}

func (w *watcher) note(key ProcedureKey) {
	w.mu.Lock()
	w.replica = true // its ListHash changes with every procedure
	if key.URI != "" {
		w.procedures[key] = struct{}{}
	}
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// take empties the set of changes.
func (w *watcher) take() (replica bool, procedures []ProcedureKey) {
	w.mu.Lock()
	defer w.mu.Unlock()
	replica, procedures = w.replica, slices.Collect(maps.Keys(w.procedures))
	w.replica = false
	clear(w.procedures)
	return replica, procedures
}
