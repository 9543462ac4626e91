package meta

import (
	"fmt"

	"github.com/wamp-operator/wamp-operator/router/broker"
	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/dealer"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Realm is what is known of the cluster; *cluster.Realm does it.
type Realm interface {
	Session(id wamp.ID) (cluster.SessionInfo, bool)
	Sessions(yield func(cluster.SessionInfo) bool)
	Tell(session wamp.ID, message []byte) bool

	Procedure(match cluster.Match, uri string) (cluster.ProcedureInfo, bool)
	Registration(id wamp.ID) (cluster.ProcedureInfo, bool)
	BestMatch(uri string) (cluster.ProcedureInfo, bool)
	Procedures(yield func(cluster.ProcedureInfo) bool)

	SubscriptionOf(match cluster.Match, topic string) (cluster.SubscriptionInfo, bool)
	Subscription(id wamp.ID) (cluster.SubscriptionInfo, bool)
	MatchSubscriptions(topic string) []wamp.ID
	Subscriptions(yield func(cluster.SubscriptionInfo) bool)
}

// Peers finds the sessions that are connected to this replica.
type Peers interface {
	Session(id wamp.ID) (*session.Session, *dealer.Peer, *broker.Peer, bool)
}

// Config is what the meta API of one realm needs.
type Config struct {
	Realm  Realm
	Broker *broker.Broker
	Peers  Peers
}

// Meta is the meta API of one realm on this replica. It implements dealer.MetaProcedures.
type Meta struct {
	realm  Realm
	broker *broker.Broker
	peers  Peers
}

// New makes the meta API of a realm.
func New(c Config) *Meta { return &Meta{realm: c.Realm, broker: c.Broker, peers: c.Peers} }

// result is what a procedure returns.
type result struct {
	args   []any
	kwargs map[string]any
}

func one(v any) result { return result{args: []any{v}} }

// procedures are all there are. What they return besides a result is a *cluster.Error or nil.
var procedures = map[string]func(*Meta, *arguments) (result, error){
	"wamp.session.count":            (*Meta).sessionCount,
	"wamp.session.list":             (*Meta).sessionList,
	"wamp.session.get":              (*Meta).sessionGet,
	"wamp.session.kill":             (*Meta).sessionKill,
	"wamp.session.kill_by_authid":   (*Meta).killByAuthID,
	"wamp.session.kill_by_authrole": (*Meta).killByAuthRole,
	"wamp.session.kill_all":         (*Meta).killAll,

	"wamp.session.add_testament":    (*Meta).addTestament,
	"wamp.session.flush_testaments": (*Meta).flushTestaments,

	"wamp.registration.list":          (*Meta).registrationList,
	"wamp.registration.lookup":        (*Meta).registrationLookup,
	"wamp.registration.match":         (*Meta).registrationMatch,
	"wamp.registration.get":           (*Meta).registrationGet,
	"wamp.registration.list_callees":  (*Meta).listCallees,
	"wamp.registration.count_callees": (*Meta).countCallees,
	"wamp.registration.remove_callee": (*Meta).removeCallee,

	"wamp.subscription.list":              (*Meta).subscriptionList,
	"wamp.subscription.lookup":            (*Meta).subscriptionLookup,
	"wamp.subscription.match":             (*Meta).subscriptionMatch,
	"wamp.subscription.get":               (*Meta).subscriptionGet,
	"wamp.subscription.list_subscribers":  (*Meta).listSubscribers,
	"wamp.subscription.count_subscribers": (*Meta).countSubscribers,
	"wamp.subscription.remove_subscriber": (*Meta).removeSubscriber,
	"wamp.subscription.get_events":        (*Meta).getEvents,
}

// Call answers a call of a procedure that begins with wamp., in the goroutine that reads the caller's
// connection. That the caller may call it was checked. An error is a *cluster.Error.
func (m *Meta) Call(caller *session.Session, procedure string, _ wamp.Dict, p wamp.Payload) (wamp.Payload, error) {
	f := procedures[procedure]
	if f == nil {
		return wamp.Payload{}, &cluster.Error{URI: wamp.ErrNoSuchProcedure, Message: fmt.Sprintf("the router has no procedure %q", procedure)}
	}
	r, err := f(m, newArguments(caller, procedure, p))
	if err != nil {
		return wamp.Payload{}, err
	}
	payload, err := wamp.NewPayload(caller.Format(), r.args, r.kwargs)
	if err != nil {
		return wamp.Payload{}, &cluster.Error{URI: wamp.ErrInvalidArgument, Message: "the answer cannot be said in " + caller.Format().String() + ": " + err.Error()}
	}
	return payload, nil
}
