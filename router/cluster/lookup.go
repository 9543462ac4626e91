package cluster

import (
	"slices"

	"github.com/wamp-operator/wamp-operator/router/pattern"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Procedure describes the procedure that was registered with just this URI and match.
func (r *Realm) Procedure(match Match, uri string) (ProcedureInfo, bool) {
	return r.node.Procedure(ProcedureKey{Realm: r.name, Match: match, URI: uri})
}

// Declared is the policy that is declared for the procedure with just this URI and match.
func (r *Realm) Declared(match Match, uri string) (Policy, bool) {
	d := r.node.table.declaration(ProcedureKey{Realm: r.name, Match: match, URI: uri})
	if d == nil {
		return 0, false
	}
	return d.Invoke, true
}

// Registration describes the procedure with a registration id.
func (r *Realm) Registration(id wamp.ID) (ProcedureInfo, bool) {
	if p, ok := r.node.table.byID.get(id); ok && p.key.Realm == r.name {
		info := p.info()
		return info, len(info.Callees) > 0
	}
	return ProcedureInfo{}, false
}

// BestMatch describes the procedure that a call of the URI goes to.
func (r *Realm) BestMatch(uri string) (ProcedureInfo, bool) {
	if info, ok := r.Procedure(Exact, uri); ok {
		return info, true
	}
	if p := r.node.table.pattern(r.name, uri); p != nil {
		info := p.info()
		return info, len(info.Callees) > 0
	}
	return ProcedureInfo{}, false
}

// Procedures describes all procedures of the realm that have callees, in no order.
func (r *Realm) Procedures(yield func(ProcedureInfo) bool) {
	for info := range r.node.Procedures {
		if info.Realm == r.name && !yield(info) {
			return
		}
	}
}

// SubscriptionOf describes the subscribers of just this topic or pattern.
func (r *Realm) SubscriptionOf(match Match, topic string) (SubscriptionInfo, bool) {
	return r.Subscription(SubscriptionID(r.name, match, topic))
}

// Subscription describes the topic or pattern with a subscription id.
func (r *Realm) Subscription(id wamp.ID) (SubscriptionInfo, bool) {
	if t, ok := r.node.table.topics.byID.get(id); ok && t.realm == r.name {
		info := t.info()
		return info, len(info.Sessions) > 0
	}
	return SubscriptionInfo{}, false
}

// MatchSubscriptions gives the ids of all topics and patterns with subscribers that an event on
// the topic goes to, sorted.
func (r *Realm) MatchSubscriptions(topicURI string) []wamp.ID {
	var ids []wamp.ID
	if t, ok := r.SubscriptionOf(Exact, topicURI); ok {
		ids = append(ids, t.ID)
	}
	if found, ok := r.node.table.topics.patterns.Load(r.name); ok {
		found.(*pattern.Index[*topic]).Each(topicURI, func(t *topic) { ids = append(ids, t.id) })
	}
	slices.Sort(ids)
	return ids
}

// Subscriptions describes all topics and patterns of the realm that have subscribers, in no order.
func (r *Realm) Subscriptions(yield func(SubscriptionInfo) bool) {
	more := true
	r.node.table.topics.byID.each(func(_ wamp.ID, t *topic) {
		if !more || t.realm != r.name {
			return
		}
		if info := t.info(); len(info.Sessions) > 0 {
			more = yield(info)
		}
	})
}
