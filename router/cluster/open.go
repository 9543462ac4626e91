package cluster

import (
	"sync"

	"github.com/wamp-operator/wamp-operator/router/internal/ring"
)

// openCalls are the calls of callers here that are on another replica, by their numbers, which
// go up by one.
type openCalls struct {
	shards [shardCount]struct {
		sync.Mutex
		calls ring.Ring[uint64, openCall]
	}
}

// set adds a call whose number is not there.
func (o *openCalls) set(call uint64, c openCall) {
	s := &o.shards[call%shardCount]
	s.Lock()
	s.calls.Put(call/shardCount+1, c)
	s.Unlock()
}

func (o *openCalls) get(call uint64) (c openCall, ok bool) {
	s := &o.shards[call%shardCount]
	s.Lock()
	if found := s.calls.Get(call/shardCount + 1); found != nil {
		c, ok = *found, true
	}
	s.Unlock()
	return c, ok
}

// update changes a call with the lock held; false when it is not there.
func (o *openCalls) update(call uint64, change func(*openCall)) bool {
	s := &o.shards[call%shardCount]
	s.Lock()
	defer s.Unlock()
	found := s.calls.Get(call/shardCount + 1)
	if found != nil {
		change(found)
	}
	return found != nil
}

// take removes a call and gives what it was.
func (o *openCalls) take(call uint64) (openCall, bool) {
	s := &o.shards[call%shardCount]
	s.Lock()
	c, ok := s.calls.Take(call/shardCount + 1)
	s.Unlock()
	return c, ok
}

// each calls f for a copy of each shard's content, so that f may change it.
func (o *openCalls) each(f func(uint64, openCall)) {
	for i := range o.shards {
		content := map[uint64]openCall{}
		s := &o.shards[i]
		s.Lock()
		for id, c := range s.calls.All() {
			content[(id-1)*shardCount+uint64(i)] = c
		}
		s.Unlock()
		for call, c := range content {
			f(call, c)
		}
	}
}
