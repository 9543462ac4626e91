package router

import "github.com/prometheus/client_golang/prometheus"

var (
	descInFlight = describe("calls_in_flight", "Calls of this replica's callers that have no answer yet, by realm.", "realm")
	descQueued   = describe("calls_queued", "Calls that wait for the concurrency of a callee on this replica, by realm.", "realm")
	descHeld     = describe("calls_held", "Calls of this replica's callers that wait until there is a callee, by realm.", "realm")
	descCanceled = describe("calls_canceled_total", "Calls that their callers on this replica canceled, by realm.", "realm")
	descTimedOut = describe("calls_timed_out_total", "Calls of this replica's callers that were not answered in time, by realm.", "realm")
	descRerouted = describe("calls_rerouted_total", "Calls that a callee on this replica handed back, as it is not available, by realm.", "realm")
	descAgain    = describe("calls_sent_again_total", "Times that a call of this replica's callers was sent to the next callee of an idempotent procedure, as it was lost with one, by realm.", "realm")
	descCrowded  = describe("sessions_refused_total", "Sessions refused because their principal had as many as it may (limits.sessionsPerPrincipal).")
	descLogins   = describe("authentications_total", "Log-ins by realm, method and result: ok, denied, or failed (the router could not decide, or the client did not go on). What nobody knows counts as other.", "realm", "method", "result")
	descBeyond   = describe("refused_total", "Requests refused by a limit of the configuration, by its name there.", "limit")
	descLimit    = describe("limit", "The limits of the configuration, by their names there: bytes, seconds or a number, 0 for none.", "limit")
)

var descRPC = []*prometheus.Desc{descInFlight, descQueued, descHeld, descCanceled, descTimedOut, descRerouted, descAgain, descCrowded, descLogins, descBeyond, descLimit}

// collectRPC tells what the dealers did and hold, and what the limits are.
func (r *Router) collectRPC(gauge func(*prometheus.Desc, float64, ...string), counter func(*prometheus.Desc, uint64, ...string)) {
	var registrations, calls, subscriptions uint64
	open := map[*realm]int{}
	for _, p := range r.realms.all() {
		calls, _ := p.dealer.Open()
		open[p.realm] += calls
	}
	for _, found := range r.realms.byName.Range {
		found := found.(*realm)
		c := found.dealer.Counts()
		gauge(descInFlight, float64(open[found]), found.name)
		gauge(descQueued, float64(c.Queued), found.name)
		gauge(descHeld, float64(found.handle.Held()), found.name)
		counter(descCanceled, c.Canceled, found.name)
		counter(descTimedOut, c.TimedOut, found.name)
		counter(descRerouted, c.Rerouted, found.name)
		counter(descAgain, c.Again, found.name)
		registrations += c.RefusedRegistrations
		calls += c.RefusedCalls
		subscriptions += found.broker.Stats().Refused
	}
	counter(descBeyond, registrations, "registrations")
	counter(descBeyond, calls, "callsInFlight")
	counter(descBeyond, subscriptions, "subscriptions")
	r.logins.each(func(l login, n uint64) { counter(descLogins, n, l.realm, l.method, l.result) })
	counter(descCrowded, r.realms.refused())
	for name, value := range r.limitValues() {
		gauge(descLimit, value, name)
	}
}
