package routerstate

import (
	"context"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
)

// cluster listens to the routers of one WampCluster.
type cluster struct {
	watcher *Watcher
	name    types.NamespacedName

	mu      sync.Mutex
	token   string
	routers map[string]*router
	hearing Hearing
	// deadline ends the time of grace; it runs while routers are there and none is heard.
	deadline *time.Timer
	expired  bool
	closed   bool
}

// router is one pod that is listened to.
type router struct {
	target    Target
	cancel    context.CancelFunc
	connected bool
	report    *report
	trouble   string
}

func newCluster(w *Watcher, name types.NamespacedName) *cluster {
	return &cluster{watcher: w, name: name, routers: map[string]*router{}}
}

// watch starts and stops streams so that there is one to each target.
func (c *cluster) watch(targets []Target, token string) {
	c.update(func(change *Change) {
		wanted := make(map[string]Target, len(targets))
		for _, t := range targets {
			wanted[t.Replica] = t
		}
		for name, r := range c.routers {
			if t, still := wanted[name]; !still || t != r.target || token != c.token {
				r.cancel()
				if r.report != nil {
					change.Procedures = append(change.Procedures, slices.Collect(maps.Keys(r.report.procedures))...)
				}
				delete(c.routers, name)
				change.Replicas = true
			}
		}
		c.token = token
		for name, t := range wanted {
			if c.routers[name] == nil {
				c.listen(t)
				change.Replicas = true
			}
		}
	})
}

func (c *cluster) listen(t Target) {
	ctx, cancel := context.WithCancel(c.watcher.ctx)
	r := &router{target: t, cancel: cancel}
	c.routers[t.Replica] = r
	token := c.token
	c.watcher.streams.Go(func() {
		defer cancel()
		c.run(ctx, r, token)
	})
}

// run keeps a stream open until ctx is done.
func (c *cluster) run(ctx context.Context, r *router, token string) {
	options := c.watcher.options
	log := options.Log.WithValues("cluster", c.name, "replica", r.target.Replica)
	pause := options.Retry
	for ctx.Err() == nil {
		err := read(ctx, options.Client, options.URL(r.target), token, func(line *v1alpha1.RouterState) {
			if c.take(r, line) {
				pause = options.Retry
			}
		})
		if ctx.Err() != nil {
			return
		}
		if c.lost(r, err) {
			log.Info("stream of a router ended", "reason", err.Error())
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause)):
		}
		pause = min(2*pause, 20*options.Retry)
	}
}

// take folds a line in; it tells whether the router is heard now.
func (c *cluster) take(r *router, line *v1alpha1.RouterState) (heard bool) {
	c.update(func(change *Change) {
		if c.routers[r.target.Replica] != r {
			return
		}
		next := r.report
		if next == nil || !r.connected {
			next = &report{}
			if r.report != nil && line.Complete {
				// What the broken stream said is still there to compare with.
				next.procedures = r.report.procedures
			}
		}
		before := next.replica
		var changed []snapshot.ProcedureKey
		if changed, heard = next.fold(line); !heard {
			return
		}
		if !r.connected {
			// Until now the others spoke for it: anything that it knows may differ.
			changed = append(changed, slices.Collect(maps.Keys(next.procedures))...)
		}
		change.Procedures = changed
		change.Replicas = !r.connected || !sameButSessions(before, next.replica)
		r.report, r.connected, r.trouble = next, true, ""
	})
	return heard
}

// lost records the end of a stream; it tells whether the router was heard until now.
func (c *cluster) lost(r *router, reason error) (was bool) {
	c.update(func(change *Change) {
		if c.routers[r.target.Replica] != r {
			return
		}
		was = r.connected
		if was {
			change.Procedures = slices.Collect(maps.Keys(r.report.procedures))
		}
		change.Replicas = was || r.trouble != reason.Error()
		r.connected, r.trouble = false, reason.Error()
	})
	return was
}

// update runs f under the lock and tells subscribers what it changed.
func (c *cluster) update(f func(*Change)) {
	change := Change{Cluster: c.name}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	before, hashes := c.hearing, c.hashes()
	f(&change)
	c.listenFor()
	after := c.hashes()
	if c.hearing != before || (len(hashes) == 0) != (len(after) == 0) {
		change.All, change.Replicas = true, true
	}
	change.Hashes = differing(hashes, after)
	c.mu.Unlock()
	if change.Replicas || change.All || len(change.Hashes) > 0 || len(change.Procedures) > 0 {
		c.watcher.notify(change)
	}
}

// listenFor sets the Hearing anew, and the clock of the time of grace.
func (c *cluster) listenFor() {
	connected := false
	for _, r := range c.routers {
		connected = connected || r.connected
	}
	switch {
	case len(c.routers) == 0:
		c.hearing = Empty
	case connected:
		c.hearing = Heard
	case c.expired:
		c.hearing = Silent
	case c.hearing == Empty:
		// Routers that have only just come were never heard.
		c.hearing = Unheard
	}
	if len(c.routers) == 0 || connected {
		c.expired = false
		if c.deadline != nil {
			c.deadline.Stop()
			c.deadline = nil
		}
	} else if c.deadline == nil && !c.expired {
		c.startDeadline()
	}
}

func (c *cluster) startDeadline() {
	var deadline *time.Timer
	deadline = time.AfterFunc(c.watcher.options.Grace, func() {
		c.update(func(*Change) {
			if c.deadline == deadline { // not stopped while this waited for the lock
				c.deadline, c.expired = nil, true
			}
		})
	})
	c.deadline = deadline
}

// hashes gives the documents that routers serve, by replica.
func (c *cluster) hashes() map[string]string {
	return c.viewLocked().ServingHashes()
}

func (c *cluster) view() View {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.viewLocked()
}

func (c *cluster) viewLocked() View {
	v := View{Hearing: c.hearing, Replicas: make(map[string]Replica, len(c.routers))}
	believed := c.heard()
	for name, r := range c.routers {
		replica := Replica{Connected: r.connected, Trouble: r.trouble}
		replica.Believed = believed[name] != nil && c.hearing == Heard
		if r.report != nil {
			state := r.report.replica
			replica.State = &state
		}
		v.Replicas[name] = replica
	}
	return v
}

func (c *cluster) procedure(key snapshot.ProcedureKey) (Procedure, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return merge(key, c.heard())
}

// heard gives the reports to believe: those of connected routers, or the last of all when none is
// connected any more.
func (c *cluster) heard() map[string]*report {
	connected, all := map[string]*report{}, map[string]*report{}
	for name, r := range c.routers {
		if r.report == nil {
			continue
		}
		all[name] = r.report
		if r.connected {
			connected[name] = r.report
		}
	}
	if len(connected) > 0 {
		return connected
	}
	return all
}

func (c *cluster) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.deadline != nil {
		c.deadline.Stop()
	}
	for _, r := range c.routers {
		r.cancel()
	}
}

// sameButSessions compares what the status tells of: sessions come and go and are not in it.
func sameButSessions(a, b v1alpha1.RouterReplicaState) bool {
	a.Sessions, b.Sessions = 0, 0
	return reflect.DeepEqual(a, b)
}

// differing gives the values that are in one of two maps under a key and not in the other.
func differing(before, after map[string]string) []string {
	out := map[string]struct{}{}
	for key, value := range before {
		if after[key] != value {
			out[value] = struct{}{}
		}
	}
	for key, value := range after {
		if before[key] != value {
			out[value] = struct{}{}
		}
	}
	return slices.Collect(maps.Keys(out))
}
