package router

import "github.com/prometheus/client_golang/prometheus"

var (
	descEvents        = describe("events_total", "Events written to subscribers on this replica, by realm.", "realm")
	descEventsDropped = describe("events_dropped_total", "Events that a subscriber on this replica went without (too_large, unrepresentable, passthru, lost), or that are kept no more (forgotten), by realm.", "realm", "reason")
	descRetained      = describe("retained_events", "Retained events, by realm.", "realm")
	descRetainedBytes = describe("retained_bytes", "Memory of the retained events, by realm.", "realm")
	descHistory       = describe("history_events", "Events that are remembered, by realm.", "realm")
	descHistoryBytes  = describe("history_bytes", "Memory of the events that are remembered, by realm.", "realm")
)

var descPubSub = []*prometheus.Desc{descEvents, descEventsDropped, descRetained, descRetainedBytes, descHistory, descHistoryBytes}

// collectPubSub tells what the brokers did and hold.
func (r *Router) collectPubSub(gauge func(*prometheus.Desc, float64, ...string), counter func(*prometheus.Desc, uint64, ...string)) {
	for _, found := range r.realms.byName.Range {
		found := found.(*realm)
		s := found.broker.Stats()
		counter(descEvents, s.Delivered, found.name)
		for reason, n := range s.Dropped {
			counter(descEventsDropped, n, found.name, reason)
		}
		gauge(descRetained, float64(s.Retained), found.name)
		gauge(descRetainedBytes, float64(s.RetainedBytes), found.name)
		gauge(descHistory, float64(s.History), found.name)
		gauge(descHistoryBytes, float64(s.HistoryBytes), found.name)
	}
}
