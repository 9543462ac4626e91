package cluster

import (
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/wamp-operator/wamp-operator/controllers/secrets"
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
)

// memory is what the reconciler remembers of a cluster between passes. All of it can be lost: a
// restarted operator finds it again. Only one pass of a cluster runs at a time; dirty, vault and
// listener alone are written from outside.
type memory struct {
	uid types.UID
	// began is the first pass.
	began time.Time

	// dirty: a realm, a procedure, a namespace or a Secret changed since the last compilation.
	dirty      atomic.Bool
	generation int64
	routers    int32
	compiler   snapshot.Compiler
	compiled   *snapshot.Snapshot
	pace       pace
	vault      vault
	listener   listenerSecrets
	// salt of the credentials, and left, the credentials that an earlier operator published.
	salt string
	left []byte

	gossip             gossipKey
	admin, credentials credential
	certificate        issuance
	files              listenerFiles
	refused            refusedPod
	nudges             map[types.UID]nudges
	rollout            rollout
	disagreeSince      time.Time
	// failingSince is when passes began to fail, zero when the last one did not.
	failingSince time.Time
}

// memories has the memory of every cluster.
type memories struct {
	mu       sync.Mutex
	clusters map[types.NamespacedName]*memory
}

// of gives the memory of a cluster; one of the same name with another UID starts afresh.
func (m *memories) of(name types.NamespacedName, uid types.UID) *memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.clusters == nil {
		m.clusters = map[types.NamespacedName]*memory{}
	}
	if have := m.clusters[name]; have != nil && have.uid == uid {
		return have
	}
	fresh := &memory{uid: uid, nudges: map[types.UID]nudges{}}
	fresh.dirty.Store(true)
	m.clusters[name] = fresh
	return fresh
}

// mark notes that what a cluster serves may have changed.
func (m *memories) mark(name types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if have := m.clusters[name]; have != nil {
		have.dirty.Store(true)
	}
}

// secretChanged notes what a watch told; it tells whether the cluster has to be looked at.
func (m *memories) secretChanged(name types.NamespacedName, change secrets.Change, now time.Time) bool {
	m.mu.Lock()
	have := m.clusters[name]
	m.mu.Unlock()
	if have == nil {
		return false
	}
	nudge := have.listener.note(change, now)
	if !have.vault.changed(change) {
		return nudge
	}
	have.dirty.Store(true)
	return true
}

// forget drops a cluster and returns the UID that it had.
func (m *memories) forget(name types.NamespacedName) (types.UID, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	have := m.clusters[name]
	if have == nil {
		return "", false
	}
	delete(m.clusters, name)
	return have.uid, true
}
