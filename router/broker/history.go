package broker

import (
	"slices"
	"sync"
	"time"

	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/pattern"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// HistoryRule says that the last events of a topic, or of all topics that match a pattern, are
// remembered (WAMP advanced profile, "Event History").
type HistoryRule struct {
	URI   string
	Match wamp.Match
	// Limit is how many events are remembered. Default 1000.
	Limit int
}

const defaultHistory = 1000

// history is what one set of rules remembers, on every replica.
type history struct {
	mu     sync.Mutex
	bytes  int // that each rule may hold
	topics []*remembered
}

// remembered are the events of one rule in their order.
type remembered struct {
	rule   HistoryRule
	events []*cluster.Event
	bytes  int
	full   bool // events were forgotten
}

// SetHistory sets what is remembered; what is not any more is forgotten.
func (b *Broker) SetHistory(rules []HistoryRule) {
	next := &history{}
	if len(rules) > 0 {
		next.bytes = b.limits.HistoryBytes / len(rules)
	}
	for _, rule := range rules {
		if rule.Limit <= 0 {
			rule.Limit = defaultHistory
		}
		next.topics = append(next.topics, &remembered{rule: rule})
	}
	last := b.history.Swap(next)
	if last == nil {
		return
	}
	for _, e := range last.all() {
		if next.wants(e.Topic) {
			next.add(e)
		}
	}
}

// wants tells whether events on a topic are remembered.
func (h *history) wants(topic string) bool {
	for _, t := range h.topics {
		if pattern.Matches(t.rule.Match, t.rule.URI, topic) {
			return true
		}
	}
	return false
}

// add remembers an event, once.
func (h *history) add(e *cluster.Event) {
	own := keep(e)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range h.topics {
		if pattern.Matches(t.rule.Match, t.rule.URI, e.Topic) {
			t.add(own, h.bytes)
		}
	}
}

func (t *remembered) add(e *cluster.Event, limit int) {
	at, found := slices.BinarySearchFunc(t.events, e, compareKept)
	if found {
		return
	}
	t.events = slices.Insert(t.events, at, e)
	t.bytes += keptSize(e)
	forget := 0
	for len(t.events)-forget > t.rule.Limit || t.bytes > limit {
		t.bytes -= keptSize(t.events[forget])
		forget++
	}
	if forget > 0 {
		clear(t.events[:forget])
		t.events, t.full = t.events[forget:], true
	}
}

// newest is the largest stamp among the events on the topic of an event, and the stamp of that event
// itself if it is remembered already.
func (h *history) newest(e *cluster.Event) (newest, own uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range h.topics {
		if !pattern.Matches(t.rule.Match, t.rule.URI, e.Topic) {
			continue
		}
		for _, known := range t.events {
			if known.Topic != e.Topic {
				continue
			}
			newest = max(newest, known.Stamp)
			if known.Publication == e.Publication {
				own = known.Stamp
			}
		}
	}
	return newest, own
}

func (h *history) all() (all []*cluster.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range h.topics {
		all = append(all, t.events...)
	}
	return all
}

func (h *history) size() (events, bytes int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range h.topics {
		events += len(t.events)
		bytes += t.bytes
	}
	return events, bytes
}

// Filter says which events of a history are wanted. A zero field asks for nothing.
type Filter struct {
	Limit   int
	Reverse bool
	Topic   string // only events on this topic, for patterns

	FromTime, AfterTime, BeforeTime, UntilTime time.Time

	FromPublication, AfterPublication, BeforePublication, UntilPublication wamp.ID
}

// Remembers gives the subscription id of a topic or pattern that has a rule of its own: its history
// can be asked for also while nobody subscribes to it.
func (b *Broker) Remembers(match wamp.Match, uri string) (wamp.ID, bool) {
	for _, t := range b.history.Load().topics {
		if t.rule.Match == match && t.rule.URI == uri {
			return cluster.SubscriptionID(b.name, match, uri), true
		}
	}
	return 0, false
}

// RememberedBy is the inverse of Remembers.
func (b *Broker) RememberedBy(subscription wamp.ID) (match wamp.Match, uri string, ok bool) {
	for _, t := range b.history.Load().topics {
		if cluster.SubscriptionID(b.name, t.rule.Match, t.rule.URI) == subscription {
			return t.rule.Match, t.rule.URI, true
		}
	}
	return 0, "", false
}

// History gives the events that a session would have got with a subscription to this topic or
// pattern, as far as they are remembered, in the order in which they were published. Full tells
// that older events were forgotten. The events are not to be changed.
//
// Events for named sessions are not remembered: sessions come and go, and others have no business
// with them. One answer is bounded by Limits.HistoryReply and HistoryReplyBytes.
func (b *Broker) History(to *session.Session, match wamp.Match, uri string, f Filter) (events []*cluster.Event, full bool) {
	all, full := b.history.Load().of(match, uri)
	from, until := f.publications(all)
	all = all[from:until]
	if f.Reverse {
		slices.Reverse(all)
	}
	limit := b.limits.HistoryReply
	if f.Limit > 0 {
		limit = min(limit, f.Limit)
	}
	bytes := 0
	for _, e := range all {
		if len(events) == limit || bytes > b.limits.HistoryReplyBytes {
			break
		}
		if !f.wants(e) || match != wamp.Exact && !mayReceive(to, e.Topic) {
			continue
		}
		if o, err := parseOptions(e.Options); err != nil || !o.audience.admits(to) {
			continue
		}
		if _, passthru := e.Details.Get("ppt_scheme"); passthru && !to.Has(session.SubscriberPPT) {
			continue
		}
		bytes += keptSize(e)
		events = append(events, e)
	}
	return events, full
}

// of gives what is remembered of a topic, or of the topics that match a pattern.
func (h *history) of(match wamp.Match, uri string) (events []*cluster.Event, full bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	sources := 0
	for _, t := range h.topics {
		n := len(events)
		for _, e := range t.events {
			if pattern.Matches(match, uri, e.Topic) {
				events = append(events, e)
			}
		}
		if len(events) > n {
			sources++
			full = full || t.full
		}
	}
	if sources > 1 { // rules overlap
		slices.SortFunc(events, compareKept)
		events = slices.CompactFunc(events, func(a, b *cluster.Event) bool { return compareKept(a, b) == 0 })
	}
	return events, full
}

// publications gives the range of events between those that the filter names. Nothing is known to
// follow or to come before an event that is not remembered.
func (f *Filter) publications(all []*cluster.Event) (from, until int) {
	from, until = 0, len(all)
	find := func(id wamp.ID) int {
		return slices.IndexFunc(all, func(e *cluster.Event) bool { return e.Publication == id })
	}
	for _, bound := range []struct {
		id    wamp.ID
		lower bool
		past  int
	}{
		{f.FromPublication, true, 0}, {f.AfterPublication, true, 1},
		{f.BeforePublication, false, 0}, {f.UntilPublication, false, 1},
	} {
		if bound.id == 0 {
			continue
		}
		at := find(bound.id)
		switch {
		case at < 0:
			return 0, 0
		case bound.lower:
			from = max(from, at+bound.past)
		default:
			until = min(until, at+bound.past)
		}
	}
	return from, max(from, until)
}

func (f *Filter) wants(e *cluster.Event) bool {
	at := time.UnixMicro(int64(e.Stamp))
	return (f.Topic == "" || e.Topic == f.Topic) &&
		(f.FromTime.IsZero() || !at.Before(f.FromTime)) && (f.AfterTime.IsZero() || at.After(f.AfterTime)) &&
		(f.BeforeTime.IsZero() || at.Before(f.BeforeTime)) && (f.UntilTime.IsZero() || !at.After(f.UntilTime))
}

// mayReceive tells whether a session may subscribe to a topic that its pattern matches. From any
// goroutine.
func mayReceive(s *session.Session, topic string) bool {
	return s.Access.Load().Role(s.Identity.Role.Name).Allows(auth.Subscribe, topic)
}
