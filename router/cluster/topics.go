package cluster

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/wamp-operator/wamp-operator/router/pattern"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// topics knows who subscribed to what in the whole cluster. The machine writes it; publications
// ask which other replicas an event goes to, and lookups who the subscribers are.
type topics struct {
	byID     shards[wamp.ID, *topic]
	patterns sync.Map // realm: *pattern.Index[*topic]
}

// topic is a topic or pattern of topics with its subscribers on all replicas.
type topic struct {
	realm string
	uri   string
	match Match
	id    wamp.ID

	// remote are the other replicas with subscribers; replaced, never changed.
	remote atomic.Pointer[[]*member]

	mu          sync.Mutex
	subscribers []subscriber
}

type subscriber struct {
	stamp   uint64
	session wamp.ID
	member  *member
}

// topic gives the topic of a list entry; it makes one when there is none.
func (s *topics) topic(k listKey) *topic {
	id := SubscriptionID(k.Realm, k.Match, k.URI)
	if t, ok := s.byID.get(id); ok {
		return t
	}
	t := &topic{realm: k.Realm, uri: k.URI, match: k.Match, id: id}
	s.byID.set(id, t)
	if k.Match != Exact {
		s.inRealm(k.Realm).Add(k.Match, k.URI, t)
	}
	return t
}

func (s *topics) inRealm(realm string) *pattern.Index[*topic] {
	if p, ok := s.patterns.Load(realm); ok {
		return p.(*pattern.Index[*topic])
	}
	p, _ := s.patterns.LoadOrStore(realm, &pattern.Index[*topic]{})
	return p.(*pattern.Index[*topic])
}

// add takes a subscriber; it tells whether that is the first.
func (t *topic) add(s subscriber, remote bool) (first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	first = len(t.subscribers) == 0
	at, _ := slices.BinarySearchFunc(t.subscribers, s, func(a, b subscriber) int {
		return compareEntries(entry{stamp: a.stamp, session: a.session}, entry{stamp: b.stamp, session: b.session})
	})
	t.subscribers = slices.Insert(t.subscribers, at, s)
	if now := t.members(); remote && !slices.Contains(now, s.member) {
		now = append(slices.Clone(now), s.member)
		t.remote.Store(&now)
	}
	return first
}

// remove takes a subscriber off, and the topic with the last one; it tells whether it was that.
func (s *topics) remove(t *topic, who *member, session wamp.ID) (last bool) {
	t.mu.Lock()
	t.subscribers = slices.DeleteFunc(t.subscribers, func(o subscriber) bool { return o.member == who && o.session == session })
	if !slices.ContainsFunc(t.subscribers, func(o subscriber) bool { return o.member == who }) {
		rest := slices.DeleteFunc(slices.Clone(t.members()), func(m *member) bool { return m == who })
		t.remote.Store(&rest)
	}
	last = len(t.subscribers) == 0
	t.mu.Unlock()
	if last {
		s.byID.delete(t.id)
		if t.match != Exact {
			s.inRealm(t.realm).Remove(t.match, t.uri)
		}
	}
	return last
}

func (t *topic) members() []*member {
	if m := t.remote.Load(); m != nil {
		return *m
	}
	return nil
}

// receivers gives the other replicas with subscribers that an event on the topic goes to.
func (s *topics) receivers(realm, uri string) []*member {
	var to []*member
	if t, ok := s.byID.get(SubscriptionID(realm, Exact, uri)); ok {
		to = t.members()
	}
	found, ok := s.patterns.Load(realm)
	if !ok {
		return to
	}
	shared := true
	found.(*pattern.Index[*topic]).Each(uri, func(t *topic) {
		for _, m := range t.members() {
			switch {
			case slices.Contains(to, m):
				continue
			case shared:
				to, shared = slices.Clone(to), false
			}
			to = append(to, m)
		}
	})
	return to
}

func (t *topic) info() SubscriptionInfo {
	t.mu.Lock()
	defer t.mu.Unlock()
	info := SubscriptionInfo{Topic: t.uri, Match: t.match, ID: t.id}
	for _, s := range t.subscribers {
		info.Sessions = append(info.Sessions, s.session)
	}
	if len(t.subscribers) > 0 {
		info.Created = stampTime(t.subscribers[0].stamp)
	}
	return info
}
