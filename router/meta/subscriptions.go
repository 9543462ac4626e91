package meta

import (
	"fmt"
	"slices"
	"time"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

func subscriptionDetails(id wamp.ID, created time.Time, uri string, match cluster.Match) map[string]any {
	return map[string]any{"id": uint64(id), "created": moment(created), "uri": uri, "match": match.String()}
}

func (m *Meta) subscriptionList(*arguments) (result, error) {
	list := newByMatch()
	for s := range m.realm.Subscriptions {
		list.add(s.Match, s.ID)
	}
	return one(list.sorted()), nil
}

// subscriptionLookup gives also the id of a topic or pattern of which the history is kept and to which
// nobody subscribes: get_events takes it.
func (m *Meta) subscriptionLookup(a *arguments) (result, error) {
	match, err := a.match(1)
	if err != nil {
		return result{}, err
	}
	uri, err := a.uri("topic", match)
	if err != nil {
		return result{}, err
	}
	if s, ok := m.realm.SubscriptionOf(match, uri); ok {
		return one(s.ID), nil
	}
	if id, ok := m.broker.Remembers(match, uri); ok {
		return one(id), nil
	}
	return one(nil), nil
}

func (m *Meta) subscriptionMatch(a *arguments) (result, error) {
	uri, err := a.uri("topic", wamp.Exact)
	if err != nil {
		return result{}, err
	}
	if ids := m.realm.MatchSubscriptions(uri); len(ids) > 0 {
		return one(ids), nil
	}
	return one(nil), nil
}

// subscription is the one that the first argument names.
func (m *Meta) subscription(a *arguments) (cluster.SubscriptionInfo, error) {
	id, err := a.id(0, "subscription", true)
	if err != nil {
		return cluster.SubscriptionInfo{}, err
	}
	s, ok := m.realm.Subscription(id)
	if !ok {
		return s, noSuchSubscription(id)
	}
	return s, nil
}

func noSuchSubscription(id wamp.ID) error {
	return &cluster.Error{URI: wamp.ErrNoSuchSubscription, Message: fmt.Sprintf("no subscription %d is in the realm", id)}
}

func (m *Meta) subscriptionGet(a *arguments) (result, error) {
	s, err := m.subscription(a)
	return one(subscriptionDetails(s.ID, s.Created, s.Topic, s.Match)), err
}

func (m *Meta) listSubscribers(a *arguments) (result, error) {
	s, err := m.subscription(a)
	return one(append([]wamp.ID{}, s.Sessions...)), err
}

func (m *Meta) countSubscribers(a *arguments) (result, error) {
	s, err := m.subscription(a)
	return one(len(s.Sessions)), err
}

// removeSubscriber takes a subscription from a session (WAMP advanced profile, "Subscription
// Revocation").
func (m *Meta) removeSubscriber(a *arguments) (result, error) {
	s, err := m.subscription(a)
	if err != nil {
		return result{}, err
	}
	subscriber, err := a.id(1, "session", true)
	if err != nil {
		return result{}, err
	}
	reason, _, err := a.str(2, "reason", false)
	if err != nil {
		return result{}, err
	}
	o := order{Do: doUnsubscribe, ID: s.ID, Reason: reason}
	if !slices.Contains(s.Sessions, subscriber) || !m.realm.Tell(subscriber, o.encode()) {
		return result{}, &cluster.Error{URI: wamp.ErrNoSuchSession, Message: fmt.Sprintf("the session %d is not a subscriber of %s", subscriber, s.Topic)}
	}
	return result{}, nil
}
