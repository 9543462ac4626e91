package snapshot

import (
	"bytes"
	"crypto/sha256"
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// remembered is how many published snapshots of a cluster are kept, to tell what a router serves
// that is a little behind.
const remembered = 8

// Book remembers, for every cluster, the latest decisions and the snapshots published last. The
// cluster's reconciler writes it; those of realms and procedures read it. It is safe for
// concurrent use.
type Book struct {
	mu          sync.RWMutex
	clusters    map[types.NamespacedName]*pages
	subscribers []func(cluster types.NamespacedName, changed []ObjectKey)
}

type pages struct {
	latest *Snapshot
	// decided is when latest was different from the one before.
	decided time.Time
	// published by hash; order has the oldest hash first.
	published map[string]page
	order     []string
	last      files
	// written is how often something else was written for the routers.
	written uint64
}

// files are what routers are told to serve.
type files struct {
	parts       [][]byte
	credentials []byte
	page
}

// page is what stands in files, the values as their digests.
type page struct {
	written
	values map[place][sha256.Size]byte
}

func (p page) document(key ObjectKey) string { return p.written.document(p.values, key) }

// NewBook gives an empty Book.
func NewBook() *Book { return &Book{clusters: map[types.NamespacedName]*pages{}} }

// Subscribe calls f, from now on, with the objects about which something else was decided than
// before. f must not block.
func (b *Book) Subscribe(f func(cluster types.NamespacedName, changed []ObjectKey)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.subscribers = append(b.subscribers, f)
}

// Decide records the latest decisions, published or not yet, and tells the subscribers.
func (b *Book) Decide(cluster types.NamespacedName, s *Snapshot) {
	changed, subscribers := b.decide(cluster, s)
	if len(changed) == 0 {
		return
	}
	for _, f := range subscribers {
		f(cluster, changed)
	}
}

func (b *Book) decide(cluster types.NamespacedName, s *Snapshot) ([]ObjectKey, []func(types.NamespacedName, []ObjectKey)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.pages(cluster)
	var changed []ObjectKey
	var before map[ObjectKey]Entry
	if p.latest != nil {
		before = p.latest.Entries
	}
	for key, entry := range s.Entries {
		if old, known := before[key]; !known || old != entry {
			changed = append(changed, key)
		}
	}
	p.latest = s
	if len(changed) > 0 {
		p.decided = time.Now()
	}
	return changed, b.subscribers
}

// Publish records that the routers were told to serve s.
func (b *Book) Publish(cluster types.NamespacedName, s *Snapshot) {
	b.record(cluster, files{s.Parts, s.Credentials, page{s.written, s.values}})
}

// Recall records, for a cluster that nothing is published for yet, what an earlier operator left
// for the routers to serve: they still do, and an object in it that did not change since is served
// though the snapshot as a whole has changed. credentials are nil when it left none. Parts that are not of
// one snapshot, because that operator was stopped while it wrote them, tell nothing.
func (b *Book) Recall(cluster types.NamespacedName, parts [][]byte, credentials []byte) {
	b.mu.RLock()
	p := b.clusters[cluster]
	known := p != nil && len(p.order) > 0
	b.mu.RUnlock()
	if known {
		return
	}
	if content, err := v1alpha1.JoinSnapshot(parts); err == nil {
		b.record(cluster, files{parts, credentials, page{parse(content), digests(parseCredentials(credentials))}})
	}
}

// record takes files, and besides what a router serves while a kubelet has brought it the one file
// and not yet the other: that has a hash of its own.
func (b *Book) record(cluster types.NamespacedName, next files) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.pages(cluster)
	last := p.last
	if len(p.order) > 0 && !slices.EqualFunc(last.parts, next.parts, bytes.Equal) && !bytes.Equal(last.credentials, next.credentials) {
		p.add(files{last.parts, next.credentials, page{last.written, next.values}})
		p.add(files{next.parts, last.credentials, page{next.written, last.values}})
	}
	p.add(next)
	p.last = next
}

func (p *pages) add(next files) {
	hash := hashOf(next.parts, next.credentials)
	if _, again := p.published[hash]; again {
		p.order = slices.DeleteFunc(p.order, func(h string) bool { return h == hash })
	}
	p.published[hash] = next.page
	p.order = append(p.order, hash)
	for len(p.order) > remembered {
		delete(p.published, p.order[0])
		p.order = p.order[1:]
	}
}

// Published tells whether s is what was published last.
func (b *Book) Published(cluster types.NamespacedName, s *Snapshot) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	p := b.clusters[cluster]
	return p != nil && len(p.order) > 0 && p.order[len(p.order)-1] == s.Hash
}

// Wrote counts that something else was written for the routers of a cluster to serve.
func (b *Book) Wrote(cluster types.NamespacedName) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pages(cluster).written++
}

// Size is how much the routers of a cluster are told to serve.
type Size struct {
	// Parts is the number of ConfigMaps, Bytes what is in them.
	Parts, Bytes int
	// Written is how often this operator has written them.
	Written uint64
}

// Size gives the size of what was published last; false when nothing was.
func (b *Book) Size(cluster types.NamespacedName) (Size, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	p := b.clusters[cluster]
	if p == nil || len(p.order) == 0 {
		return Size{}, false
	}
	size := Size{Parts: len(p.last.parts), Written: p.written}
	for _, part := range p.last.parts {
		size.Bytes += len(part)
	}
	return size, true
}

// Forget drops a cluster.
func (b *Book) Forget(cluster types.NamespacedName) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.clusters, cluster)
}

// Entry gives the latest decision on an object; false when none was made yet.
func (b *Book) Entry(cluster types.NamespacedName, key ObjectKey) (Entry, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	p := b.clusters[cluster]
	if p == nil || p.latest == nil {
		return Entry{}, false
	}
	entry, found := p.latest.Entries[key]
	return entry, found
}

// Decided gives when something else was decided than before about any object of a cluster.
func (b *Book) Decided(cluster types.NamespacedName) time.Time {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if p := b.clusters[cluster]; p != nil {
		return p.decided
	}
	return time.Time{}
}

// Serves tells whether a router that reports hash serves that document of the object. A hash that
// was not published, or too long ago, serves nothing.
func (b *Book) Serves(cluster types.NamespacedName, hash string, key ObjectKey, document string) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	p := b.clusters[cluster]
	return p != nil && document != "" && p.published[hash].document(key) == document
}

// Behind gives the objects that a router with the one hash serves otherwise than a router with
// the latest published one: those whose status may change when it catches up or leaves.
func (b *Book) Behind(cluster types.NamespacedName, hash string) []ObjectKey {
	b.mu.RLock()
	defer b.mu.RUnlock()
	p := b.clusters[cluster]
	if p == nil || len(p.order) == 0 {
		return nil
	}
	latest := p.order[len(p.order)-1]
	if hash == latest {
		return nil
	}
	have, want := p.published[hash], p.published[latest]
	changed := map[ObjectKey]struct{}{}
	for key := range want.documents {
		if have.document(key) != want.document(key) {
			changed[key] = struct{}{}
		}
	}
	return slices.Collect(maps.Keys(changed))
}

func (b *Book) pages(cluster types.NamespacedName) *pages {
	p := b.clusters[cluster]
	if p == nil {
		p = &pages{published: map[string]page{}}
		b.clusters[cluster] = p
	}
	return p
}
