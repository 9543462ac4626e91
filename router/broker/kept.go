package broker

import (
	"strings"

	"github.com/wamp-operator/wamp-operator/router/cluster"
)

// keptOverhead is about what an event that is kept takes besides its own bytes.
const keptOverhead = 400

// keep copies an event, so that it outlives the call that brought it.
func keep(e *cluster.Event) *cluster.Event {
	own := *e
	own.Topic = strings.Clone(e.Topic)
	own.Details, own.Options, own.Payload = e.Details.Clone(), e.Options.Clone(), e.Payload.Clone()
	own.Everywhere = true
	return &own
}

func keptSize(e *cluster.Event) int {
	return keptOverhead + len(e.Topic) + len(e.Details.Raw) + len(e.Options.Raw) + e.Payload.Size()
}

// compareKept orders events as they were published. Those that two replicas published in the same
// microsecond are in the same order everywhere, too.
func compareKept(a, b *cluster.Event) int {
	switch {
	case a.Stamp != b.Stamp:
		if a.Stamp < b.Stamp {
			return -1
		}
		return 1
	case a.Publication < b.Publication:
		return -1
	case a.Publication > b.Publication:
		return 1
	}
	return 0
}

// Kept gives every event that this replica keeps, for another one that has just begun.
func (b *Broker) Kept(yield func(e *cluster.Event) bool) {
	for _, e := range b.retained.all() {
		if !yield(e) {
			return
		}
	}
	for _, e := range b.history.Load().all() {
		if !yield(e) {
			return
		}
	}
}

// Keep takes an event that another replica kept, unless this one has it, or a newer one in its
// place. It is delivered to nobody.
func (b *Broker) Keep(e *cluster.Event) {
	o, err := parseOptions(e.Options)
	if err != nil {
		return
	}
	if o.retain {
		b.retained.mu.Lock()
		b.retained.put(e)
		b.retained.mu.Unlock()
	}
	if history := b.history.Load(); history.wants(e.Topic) && !o.audience.bySession() {
		history.add(e)
	}
}
