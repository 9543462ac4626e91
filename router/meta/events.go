package meta

import (
	"strings"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// topics are what subscribers to a change listen to.
var topics = map[cluster.MetaKind]string{
	cluster.SessionJoined:            "wamp.session.on_join",
	cluster.SessionLeft:              "wamp.session.on_leave",
	cluster.RegistrationCreated:      "wamp.registration.on_create",
	cluster.RegistrationRegistered:   "wamp.registration.on_register",
	cluster.RegistrationUnregistered: "wamp.registration.on_unregister",
	cluster.RegistrationDeleted:      "wamp.registration.on_delete",
	cluster.SubscriptionCreated:      "wamp.subscription.on_create",
	cluster.SubscriptionSubscribed:   "wamp.subscription.on_subscribe",
	cluster.SubscriptionUnsubscribed: "wamp.subscription.on_unsubscribe",
	cluster.SubscriptionDeleted:      "wamp.subscription.on_delete",
}

// Event tells the subscribers on this replica of a change in the cluster, or delivers a testament to
// them. It is called in order, from one goroutine.
func (m *Meta) Event(e *cluster.MetaEvent) {
	if e.Kind == cluster.TestamentDue {
		m.broker.Testament(e.Testament)
		return
	}
	topic := topics[e.Kind]
	if topic == "" || ofMeta(e) || !m.broker.Wanted(topic) {
		return
	}
	m.broker.Local(topic, wamp.MustPayload(wamp.MessagePack, eventArguments(e), nil))
}

// ofMeta tells whether it is a subscription to the meta API itself: who watches does not watch those
// who watch.
func ofMeta(e *cluster.MetaEvent) bool {
	return e.Kind >= cluster.SubscriptionCreated && strings.HasPrefix(e.URI, "wamp.")
}

// eventArguments are those of the event.
func eventArguments(e *cluster.MetaEvent) []any {
	switch e.Kind {
	case cluster.SessionJoined:
		return []any{details(e.Info)}
	case cluster.SessionLeft:
		return []any{uint64(e.Info.Session), e.Info.AuthID, e.Info.AuthRole}
	case cluster.RegistrationCreated:
		return []any{uint64(e.Session), registrationDetails(e.ID, e.Created, e.URI, e.Match, e.Invoke)}
	case cluster.SubscriptionCreated:
		return []any{uint64(e.Session), subscriptionDetails(e.ID, e.Created, e.URI, e.Match)}
	}
	return []any{uint64(e.Session), uint64(e.ID)}
}
