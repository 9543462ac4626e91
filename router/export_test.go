package router

import "github.com/wamp-operator/wamp-operator/router/broker"

// Remember sets which topics of a realm keep history.
func (r *Router) Remember(realm string, rules ...broker.HistoryRule) {
	r.realms.get(realm).broker.SetHistory(rules)
}
