package cluster

import (
	"cmp"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/wamp-operator/wamp-operator/router/pattern"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// table finds procedures by URI and by registration id, topics, and sessions. The machine writes
// it; calls read it, each touching one shard.
type table struct {
	slots    [slotCount]slot
	byID     shards[wamp.ID, *procedure]
	count    atomic.Int64 // of the procedures
	changes  atomic.Int64 // of lists of callees, since the start
	patterns sync.Map     // realm: *pattern.Index[*procedure]
	topics   topics
	sessions shards[wamp.ID, *SessionInfo]

	members sync.Map // member.hash: *member
	realms  map[string]string

	// quorum is the number of replicas of which more than half are needed, 0 for none;
	// minority says that this replica has been without them for a while.
	quorum   atomic.Int64
	minority atomic.Bool
	// stepped is when the machine last had the time, by steady: calls that waited in the sockets
	// of a replica that was asleep are read before it has found out that it was.
	stepped atomic.Int64
	// incomplete says that links to a member stand whose list has not arrived yet.
	incomplete atomic.Bool

	flaw flaw

	// listChanged is told of each change of a list that is not empty after it.
	listChanged func(*procedure)

	holdings   atomic.Pointer[holdings]
	declaredMu sync.RWMutex
	declared   map[ProcedureKey]*Declaration
}

// slot is the fence and the ownership of a share of the procedures, as calls need them.
type slot struct {
	id slotID
	// promised is the epoch below which this replica refuses turns and grants.
	promised atomic.Uint64
	// owner is whom it promised that epoch to; nil before the first claim.
	owner atomic.Pointer[member]
	// active is the epoch in which this replica is the acting owner; 0 when it is not.
	active atomic.Uint64
}

func newTable() *table {
	t := &table{declared: map[ProcedureKey]*Declaration{}, realms: map[string]string{}}
	for i := range t.slots {
		t.slots[i].id = slotID(i)
	}
	t.byID.init()
	t.topics.byID.init()
	t.sessions.init()
	return t
}

func (t *table) member(hash uint64) *member {
	if m, ok := t.members.Load(hash); ok {
		return m.(*member)
	}
	return nil
}

// allMembers gives the members in the order of their hashes: a simulation must be able to
// repeat itself.
func (t *table) allMembers() []*member {
	var all []*member
	t.members.Range(func(_, m any) bool {
		all = append(all, m.(*member))
		return true
	})
	slices.SortFunc(all, func(a, b *member) int { return cmp.Compare(a.hash, b.hash) })
	return all
}

// find gives the procedure of a key.
func (t *table) find(key ProcedureKey) (*procedure, bool) {
	p, ok := t.byID.get(RegistrationID(key.Realm, key.Match, key.URI))
	if !ok || p.key != key {
		return nil, false
	}
	return p, true
}

// procedure gives the procedure of a key; it makes one when there is none. Nil: another
// procedure has the same registration id.
func (t *table) procedure(key ProcedureKey) *procedure {
	id := RegistrationID(key.Realm, key.Match, key.URI)
	if p, ok := t.byID.get(id); ok {
		if p.key != key {
			return nil
		}
		return p
	}
	key.Realm = t.realm(key.Realm)
	p := &procedure{key: key, id: id, slot: &t.slots[slotOf(id)]}
	t.byID.set(id, p)
	t.count.Add(1)
	if key.Match != Exact {
		t.inRealm(key.Realm).Add(key.Match, key.URI, p)
	}
	return p
}

// realm gives one string for all equal ones, for there are few realms and many procedures. Only
// the machine uses it.
func (t *table) realm(name string) string {
	if known, ok := t.realms[name]; ok {
		return known
	}
	t.realms[name] = name
	return name
}

func (t *table) inRealm(realm string) *pattern.Index[*procedure] {
	if p, ok := t.patterns.Load(realm); ok {
		return p.(*pattern.Index[*procedure])
	}
	p, _ := t.patterns.LoadOrStore(realm, &pattern.Index[*procedure]{})
	return p.(*pattern.Index[*procedure])
}

// pattern gives the pattern-based procedure that a call of the URI goes to when no callee has
// registered just that URI.
func (t *table) pattern(realm, uri string) *procedure {
	found, ok := t.patterns.Load(realm)
	if !ok {
		return nil
	}
	p, _ := found.(*pattern.Index[*procedure]).Best(uri)
	return p
}

// change replaces the view of a procedure: one callee added, others dropped.
func (t *table) change(p *procedure, add *entry, drop func(*entry) bool) {
	v := p.load().with(add, drop, t.declaration(p.key))
	p.view.Store(v)
	t.changes.Add(1)
	if t.listChanged != nil && len(v.entries) > 0 {
		t.listChanged(p)
	}
	if len(v.entries) == 0 {
		t.byID.delete(p.id)
		t.count.Add(-1)
		if p.key.Match != Exact {
			t.inRealm(p.key.Realm).Remove(p.key.Match, p.key.URI)
		}
	}
}

func (t *table) declaration(key ProcedureKey) *Declaration {
	t.declaredMu.RLock()
	defer t.declaredMu.RUnlock()
	return t.declared[key]
}

// inSlots calls f for each procedure in the slots.
func (t *table) inSlots(slots *slotSet, f func(*procedure)) {
	t.byID.some(func(id wamp.ID, _ *procedure) bool { return slots.has(slotOf(id)) }, f)
}

const shardCount = 64

// shards is a map split under several locks, so that lookups of different keys rarely meet.
type shards[K comparable, V any] struct {
	seed   maphash.Seed
	shards [shardCount]struct {
		sync.RWMutex
		m map[K]V
	}
}

func (s *shards[K, V]) init() {
	s.seed = maphash.MakeSeed()
	for i := range s.shards {
		s.shards[i].m = map[K]V{}
	}
}

func (s *shards[K, V]) get(k K) (V, bool) {
	shard := &s.shards[maphash.Comparable(s.seed, k)%shardCount]
	shard.RLock()
	v, ok := shard.m[k]
	shard.RUnlock()
	return v, ok
}

func (s *shards[K, V]) set(k K, v V) {
	shard := &s.shards[maphash.Comparable(s.seed, k)%shardCount]
	shard.Lock()
	shard.m[k] = v
	shard.Unlock()
}

// update changes the value of a key, which may not be there, under the lock of its shard; f
// gives the new one, and whether to set it.
func (s *shards[K, V]) update(k K, f func(V, bool) (V, bool)) {
	shard := &s.shards[maphash.Comparable(s.seed, k)%shardCount]
	shard.Lock()
	v, ok := shard.m[k]
	if v, ok = f(v, ok); ok {
		shard.m[k] = v
	}
	shard.Unlock()
}

// take removes a key and gives what it held.
func (s *shards[K, V]) take(k K) (V, bool) {
	shard := &s.shards[maphash.Comparable(s.seed, k)%shardCount]
	shard.Lock()
	v, ok := shard.m[k]
	delete(shard.m, k)
	shard.Unlock()
	return v, ok
}

func (s *shards[K, V]) delete(k K) { s.take(k) }

// each calls f for a copy of each shard's content, so that f may change the map.
func (s *shards[K, V]) each(f func(K, V)) {
	type pair struct {
		k K
		v V
	}
	var content []pair
	for i := range s.shards {
		shard := &s.shards[i]
		shard.RLock()
		content = content[:0]
		for k, v := range shard.m {
			content = append(content, pair{k, v})
		}
		shard.RUnlock()
		for _, one := range content {
			f(one.k, one.v)
		}
	}
}

// some is each for those values that which, called under the lock of their shard, says yes to.
func (s *shards[K, V]) some(which func(K, V) bool, f func(V)) {
	var found []V
	for i := range s.shards {
		shard := &s.shards[i]
		shard.RLock()
		found = found[:0]
		for k, v := range shard.m {
			if which(k, v) {
				found = append(found, v)
			}
		}
		shard.RUnlock()
		for _, v := range found {
			f(v)
		}
	}
}
