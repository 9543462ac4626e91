package cluster

import "github.com/wamp-operator/wamp-operator/router/wamp"

// Procedure describes the procedure that was registered with just this URI and match.
func (r *Realm) Procedure(match Match, uri string) (ProcedureInfo, bool) {
	return ProcedureInfo{}, false
}

// Registration describes the procedure with a registration id.
func (r *Realm) Registration(id wamp.ID) (ProcedureInfo, bool) { return ProcedureInfo{}, false }

// BestMatch describes the procedure that a call of the URI goes to.
func (r *Realm) BestMatch(uri string) (ProcedureInfo, bool) { return ProcedureInfo{}, false }

// Procedures describes all procedures of the realm that have callees, in no order.
func (r *Realm) Procedures(yield func(ProcedureInfo) bool) {}

// SubscriptionOf describes the subscribers of just this topic or pattern.
func (r *Realm) SubscriptionOf(match Match, topic string) (SubscriptionInfo, bool) {
	return SubscriptionInfo{}, false
}

// Subscription describes the topic or pattern with a subscription id.
func (r *Realm) Subscription(id wamp.ID) (SubscriptionInfo, bool) { return SubscriptionInfo{}, false }

// MatchSubscriptions gives the ids of all topics and patterns with subscribers that an event on
// the topic goes to.
func (r *Realm) MatchSubscriptions(topic string) []wamp.ID { return nil }

// Subscriptions describes all topics and patterns of the realm that have subscribers, in no order.
func (r *Realm) Subscriptions(yield func(SubscriptionInfo) bool) {}
