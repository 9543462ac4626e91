package broker

import (
	"errors"
	"sync/atomic"

	"github.com/wamp-operator/wamp-operator/router/transport"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Reason is why a subscriber goes without an event that it subscribed to.
type Reason uint8

const (
	// TooLarge: the subscriber takes no message of that size.
	TooLarge Reason = iota
	// Unrepresentable: the subscriber's serialization cannot say the payload.
	Unrepresentable
	// Passthru: the payload is in passthru mode, which the subscriber did not announce.
	Passthru
	// Lost: the connection was lost, or was dropped because it took nothing.
	Lost
	// Forgotten: an event that was kept made room for a newer one, or was too large to keep.
	Forgotten
	reasons
)

var reasonNames = [reasons]string{"too_large", "unrepresentable", "passthru", "lost", "forgotten"}

func (r Reason) String() string { return reasonNames[r] }

// Stats is what a broker did so far and what it holds.
type Stats struct {
	Topics        int               // topics and patterns with a subscriber on this replica
	Delivered     uint64            // events written to subscribers on this replica
	Dropped       map[string]uint64 // by reason
	Refused       uint64            // subscriptions that the limit of their session refused
	Retained      int               // events
	RetainedBytes int
	History       int // events
	HistoryBytes  int
}

type counts struct {
	delivered atomic.Uint64
	refused   atomic.Uint64
	dropped   [reasons]atomic.Uint64
}

// Stats counts; it is for metrics, and not for free.
func (b *Broker) Stats() Stats {
	s := Stats{Topics: b.Topics(), Delivered: b.counts.delivered.Load(), Refused: b.counts.refused.Load(), Dropped: map[string]uint64{}}
	for r := range reasons {
		s.Dropped[r.String()] = b.counts.dropped[r].Load()
	}
	s.Retained, s.RetainedBytes = b.retained.size()
	s.History, s.HistoryBytes = b.history.Load().size()
	return s
}

func (c *counts) drop(r Reason) { c.dropped[r].Add(1) }

// reasonOf says why an event could not be written.
func reasonOf(err error) Reason {
	switch {
	case errors.Is(err, transport.ErrTooLarge):
		return TooLarge
	case errors.Is(err, wamp.ErrUnrepresentable):
		return Unrepresentable
	}
	return Lost
}
