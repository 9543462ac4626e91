package contest

import (
	"fmt"
	"io"
	"slices"

	"github.com/wamp-operator/wamp-operator/test/bench/internal/wire"
)

var (
	one    = Work{1, 1, 1, 16}
	many   = Work{8, 16, 4, 16}
	raw    = Entry{Ours, wire.Raw, 1}
	web    = Entry{Ours, wire.Web, 1}
	raw2   = Entry{Ours, wire.Raw, 2}
	nats   = Entry{NATS, wire.NATS, 1}
	nexus  = Entry{Nexus, wire.Raw, 1}
	bare   = Entry{Relay, wire.Raw, 1}
	rating = map[bool]string{true: "met", false: "NOT met"}
)

// printAims says of each aim whether it is met by what was measured.
func printAims(out io.Writer, results Results) {
	fmt.Fprintln(out, "\nAims (ratios are medians of those of each round):")
	aim := func(met bool, format string, args ...any) {
		fmt.Fprintf(out, "  %-8s %s\n", rating[met], fmt.Sprintf(format, args...))
	}
	compare := func(w Work, a, b Entry, f figure, limit float64, what string) {
		if v, ok := ratio(results.Works[w][a], results.Works[w][b], f); ok {
			aim(v <= limit, "%s, %v: %.2f, at most %.1f", what, w, v, limit)
		}
	}
	compare(many, raw, nats, cost, 0.5, "CPU per call of that of nats-server")
	compare(many, raw, nexus, cost, 0.1, "CPU per call of that of nexus")
	compare(one, raw, nats, p50, 1, "p50 of that of nats-server")
	compare(many, raw2, raw, cost, 1.8, "CPU per call across two replicas of that of one")
	compare(many, web, raw, cost, 2, "CPU per call of WebSocket/JSON of that of RawSocket/MessagePack")
	var refused uint64
	for _, reports := range results.Works {
		for e, rounds := range reports {
			if e.Server == Ours {
				for _, r := range rounds {
					for _, n := range r.Errors {
						refused += n
					}
				}
			}
		}
	}
	if r := results.Idle; r != nil {
		aim(perSession(r) < idleLimit, "memory of an idle session: %.1f KiB, below %d", perSession(r)/1024, idleLimit>>10)
		aim(r.Busy < idleBusy, "CPU with %d idle sessions: %.2f %% of one processor, near zero (below %.0f)", r.Sessions, 100*r.Busy, 100*idleBusy)
	}
	if r := results.Hostile; r != nil {
		r.aims(aim)
	}
	if len(results.Works) == 0 {
		return
	}
	aim(refused == 0, "calls refused or dropped by wamp-router: %d, none", refused)
	printGenerator(out, results)
}

// printGenerator says how it was checked that the load generator does not hold servers back.
func printGenerator(out io.Writer, results Results) {
	ceiling, fastest := 0.0, 0.0
	var who Entry
	busiest := 0.0
	for e, rounds := range results.Works[many] {
		r := median(of(rounds, rate))
		switch {
		case e == bare:
			ceiling = r
			continue
		case r > fastest:
			fastest, who = r, e
		}
		busiest = max(busiest, slices.Max(of(rounds, busy)))
	}
	if ceiling == 0 || fastest == 0 {
		return
	}
	fmt.Fprintf(out, `
The load generator is one thread in a process of its own, with callers and callees. It is not what
holds servers back (%v): with a bare relay, one thread that only moves bytes, it makes
%.0f calls/s, %.1f times those of the fastest server (%v); and with servers it ran for
%.0f %% of the time at most. What it costs for each call stands in the column "generator".
`, many, ceiling, ceiling/fastest, who, busiest)
}
