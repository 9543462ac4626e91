package router

import (
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// counts sums what sessions count. The hot path only counts in the session at hand; the sums
// are made when someone asks.
type counts struct{ results, failures uint64 }

func (c *counts) add(p *peer) {
	results, failures := p.dealer.Answered()
	c.results += results
	c.failures += failures
}

// totals sums over the sessions that ended and those that are there.
func (r *realms) totals() counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	sum := r.past
	for _, p := range r.peers {
		sum.add(p)
	}
	return sum
}

const namespace = "wamp_router"

func (r *Router) registerMetrics() {
	r.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		&collector{router: r},
	)
}

// collector makes the router's metrics when they are asked for.
type collector struct{ router *Router }

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(namespace+"_"+name, help, labels, nil)
}

var (
	descReady         = describe("ready", "1 when the replica is ready for clients.")
	descSessions      = describe("sessions", "Sessions that joined a realm.", "realm")
	descConnections   = describe("connections", "Connections of clients, those without a session included.")
	descCalls         = describe("calls_total", "Calls of this replica's callers that ended, by result: ok for RESULT, error for ERROR.", "result")
	descMessages      = describe("messages_total", "WAMP messages from (in) and to (out) clients.", "direction")
	descBytes         = describe("bytes_total", "Bytes from (in) and to (out) clients, frame headers included.", "direction")
	descDropped       = describe("connections_dropped_total", "Connections dropped by the router: overflow (outbound limit), stall (took no bytes), silence (no answer to pings, or nobody polled), oversize (a message above the limit).", "reason")
	descRefused       = describe("connections_refused_total", "Connections refused before a session, by the limit that did: full, address (too many from one), origin, timeout (handshake too slow); other for what is no valid handshake.", "reason")
	descPauses        = describe("message_rate_pauses_total", "Times that a client was not read for a moment because it sent more messages than it may.")
	descRegistrations = describe("procedures", "Procedures that have a callee anywhere in the cluster, by realm.", "realm")
	descCallees       = describe("callees", "Registrations anywhere in the cluster, by realm.", "realm")
	descTopics        = describe("topics", "Topics with a subscriber on this replica, by realm.", "realm")
	descMembers       = describe("cluster_members", "Replicas that this one sees, itself included.")
	descDocuments     = describe("documents_info", "The documents that are served, by hash; always 1.", "hash")
	descBuild         = describe("build_info", "The version of the router and of the Go that it was built with; always 1.", "version", "goversion")
	descCertEnds      = describe("certificate_expiration_timestamp_seconds", "When the certificate of the port for clients ends, in seconds since 1970; without TLS there is none.")
	descCertOK        = describe("certificate_last_reload_ok", "0 when the newest certificate of the port for clients could not be used and the one before is.")
	descReloadOK      = describe("documents_last_reload_ok", "0 when the newest documents could not be served and older ones are.")
)

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range append([]*prometheus.Desc{
		descReady, descSessions, descConnections, descCalls, descMessages, descBytes, descDropped, descRefused, descPauses,
		descRegistrations, descCallees, descTopics, descMembers, descDocuments, descReloadOK,
		descBuild, descCertEnds, descCertOK,
	}, slices.Concat(descRPC, descPubSub)...) {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	r := c.router
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	sum, stats, documents := r.realms.totals(), &r.clients.Stats, r.served.Load()
	gauge(descReady, flag(len(r.Missing()) == 0))
	gauge(descMembers, float64(len(r.node.Members())))
	gauge(descDocuments, 1, documents.Hash)
	gauge(descReloadOK, flag(documents.Error == ""))
	gauge(descBuild, 1, r.cfg.Version, runtime.Version())
	if r.certificate != nil {
		ends, ok := r.certificate.report()
		gauge(descCertEnds, float64(ends.Unix()))
		gauge(descCertOK, flag(ok))
	}
	gauge(descConnections, float64(stats.Open.Load()))
	counter(descCalls, sum.results, "ok")
	counter(descCalls, sum.failures, "error")
	each := func(d *prometheus.Desc, values map[string]*atomic.Uint64) {
		for label, v := range values {
			counter(d, v.Load(), label)
		}
	}
	each(descMessages, map[string]*atomic.Uint64{"in": &stats.MessagesIn, "out": &stats.MessagesOut})
	each(descBytes, map[string]*atomic.Uint64{"in": &stats.BytesIn, "out": &stats.BytesOut})
	each(descDropped, map[string]*atomic.Uint64{"overflow": &stats.Overflows, "stall": &stats.Stalls, "silence": &stats.Silences, "oversize": &stats.Oversizes})
	each(descRefused, map[string]*atomic.Uint64{"full": &stats.RefusedFull, "address": &stats.RefusedAddress, "origin": &stats.RefusedOrigin, "timeout": &stats.RefusedSlow})
	named := stats.RefusedFull.Load() + stats.RefusedAddress.Load() + stats.RefusedOrigin.Load() + stats.RefusedSlow.Load()
	counter(descRefused, max(stats.Refused.Load(), named)-named, "other")
	counter(descPauses, stats.Pauses.Load())
	r.collectRPC(gauge, counter)
	r.collectPubSub(gauge, counter)
	for name, n := range r.perRealm() {
		gauge(descSessions, float64(n.sessions), name)
		gauge(descRegistrations, float64(n.procedures), name)
		gauge(descCallees, float64(n.callees), name)
		gauge(descTopics, float64(n.topics), name)
	}
}

type realmCounts struct{ sessions, procedures, callees, topics int }

// perRealm counts by realm; realms that were never served here are left out.
func (r *Router) perRealm() map[string]*realmCounts {
	counts := map[string]*realmCounts{}
	for _, found := range r.realms.byName.Range {
		found := found.(*realm)
		counts[found.name] = &realmCounts{topics: found.broker.Topics()}
	}
	for _, p := range r.realms.all() {
		if n := counts[p.realm.name]; n != nil {
			n.sessions++
		}
	}
	for procedure := range r.node.Procedures {
		if n := counts[procedure.Realm]; n != nil {
			n.procedures++
			n.callees += len(procedure.Callees)
		}
	}
	return counts
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
