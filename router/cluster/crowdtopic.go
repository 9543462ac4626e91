package cluster

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// topicWait bounds how long a publisher waits, for one event, for subscribers on other replicas that
// are slow.
const topicWait = time.Second

// slowMost bounds how long a replica waits for a slow subscriber until it says that it is not any more.
const slowMost = 5 * time.Second

// crowdedTopics are the topics that have a subscriber on another replica that is slow to take its
// events: publishers here wait a moment before they go on, as they do for a slow subscriber here.
type crowdedTopics struct {
	n  atomic.Int64 // how many there are, so that publishers look only when there are any
	mu sync.Mutex
	at map[topicKey]*crowdedTopic
}

type topicKey struct{ realm, topic string }

type crowdedTopic struct {
	by   map[*member]bool
	over chan struct{}
}

// mark notes what a replica says of its subscribers.
func (c *crowdedTopics) mark(k topicKey, by *member, crowded bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.at[k]
	switch {
	case crowded && t == nil:
		if c.at == nil {
			c.at = map[topicKey]*crowdedTopic{}
		}
		c.at[k] = &crowdedTopic{by: map[*member]bool{by: true}, over: make(chan struct{})}
		c.n.Add(1)
	case crowded:
		t.by[by] = true
	case t != nil:
		if delete(t.by, by); len(t.by) == 0 {
			close(t.over)
			delete(c.at, k)
			c.n.Add(-1)
		}
	}
}

// forget drops what a replica said that is not linked any more.
func (c *crowdedTopics) forget(by *member) {
	c.mu.Lock()
	var crowded []topicKey
	for k, t := range c.at {
		if t.by[by] {
			crowded = append(crowded, k)
		}
	}
	c.mu.Unlock()
	for _, k := range crowded {
		c.mark(k, by, false)
	}
}

// wait blocks while the topic is crowded, topicWait at most.
func (c *crowdedTopics) wait(k topicKey) {
	if c.n.Load() == 0 {
		return
	}
	c.mu.Lock()
	t := c.at[k]
	c.mu.Unlock()
	if t == nil {
		return
	}
	timer := time.NewTimer(topicWait)
	defer timer.Stop()
	select {
	case <-t.over:
	case <-timer.C:
	}
}

// slowTopics are the topics of which this replica has told a publisher's replica that a subscriber
// here is slow.
type slowTopics struct {
	mu   sync.Mutex
	told map[slowTopic]bool
}

type slowTopic struct {
	topicKey
	publisher *member
}

// slow tells the publisher's replica that a subscriber here is slow, and again when that is over.
func (n *Node) slow(from *member, k topicKey, room Waiter) {
	s := slowTopic{k, from}
	n.slowly.mu.Lock()
	known := n.slowly.told[s]
	if !known {
		if n.slowly.told == nil {
			n.slowly.told = map[slowTopic]bool{}
		}
		n.slowly.told[s] = true
	}
	n.slowly.mu.Unlock()
	if known {
		return
	}
	from.send(&frame{kind: frameCrowded, realm: k.realm, text: k.topic})
	n.wg.Go(func() {
		ctx, cancel := context.WithTimeout(n.ctx, slowMost)
		defer cancel()
		_ = room.WaitRoom(ctx)
		n.slowly.mu.Lock()
		delete(n.slowly.told, s)
		n.slowly.mu.Unlock()
		from.send(&frame{kind: frameUncrowded, realm: k.realm, text: k.topic})
	})
}
