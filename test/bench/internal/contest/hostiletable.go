package contest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/wamp-operator/wamp-operator/test/bench/internal/load"
)

// serverLoad is what the router took of one processor, in percent.
func serverLoad(r *load.Report) float64 { return 100 * r.ServerCPU.Seconds() / r.Seconds }

// print writes the table of the work hostile.
func (r *hostileResults) print(cfg Config) {
	fmt.Fprintf(cfg.Out, "\nhostile: well-behaved callers on wamp-router, RawSocket/MessagePack, 16 B, beside %d clients that misbehave\n\n", hostileClients)
	t := tabwriter.NewWriter(cfg.Out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\t\tcalls/s\tp50\tp99\tp99.9\tp99 of alone\tp99 of elsewhere\terrors\trouter's CPU\t")
	for _, c := range calms {
		for p := range places {
			reports := r.reports[c][p]
			if len(reports) == 0 {
				continue
			}
			fmt.Fprintf(t, "%s\t%v\t%.0f\t%s\t%s\t%s\t%s\t%s\t%s\t%.0f %%\t\n", c.name, p, median(of(reports, rate)),
				span(median(of(reports, p50))), span(median(of(reports, p99))), span(median(of(reports, p999))),
				timesOf(reports, r.reports[c][nowhere]), timesOf(reports, r.reports[c][elsewhere]), failures(reports), median(of(reports, serverLoad)))
		}
	}
	_ = t.Flush()
	var busy []float64
	made, lost, written := map[string]uint64{}, map[string]uint64{}, uint64(0)
	for _, c := range r.clients {
		busy = append(busy, 100*c.Busy)
		written += c.Written
		for name, n := range c.Connected {
			made[name] += n
		}
		for name, n := range c.Dropped {
			lost[name] += n
		}
	}
	fmt.Fprintf(cfg.Out, "\n  memory of the router: %.1f MiB before, %.1f MiB at most, %.1f MiB %v after\n",
		mebi(r.memory.before), mebi(r.memory.most), mebi(r.memory.after), hostileHold)
	if len(r.clients) > 0 {
		fmt.Fprintf(cfg.Out, "  the hostile clients: %.0f %% of one processor (at most %.0f %%), %.0f MiB sent\n",
			median(busy), 100*cfg.HostileShare, mebi(int64(written)))
	}
	fmt.Fprintf(cfg.Out, "  the router counted: %s\n  connections made, and ended by the router:", strings.Join(r.ended, "; "))
	for i, name := range slices.Sorted(maps.Keys(made)) {
		if i%3 == 0 {
			fmt.Fprint(cfg.Out, "\n   ")
		}
		fmt.Fprintf(cfg.Out, " %s %d, %d;", name, made[name], lost[name])
	}
	fmt.Fprintln(cfg.Out)
}

func timesOf(a, b []*load.Report) string {
	if v, ok := ratio(a, b, p99); ok {
		return fmt.Sprintf("%.2f", v)
	}
	return "-"
}

// aims says whether well-behaved callers were left in peace. What counts is the comparison with the
// same hostile clients at another router on the same machine: the rest is not the router's doing.
func (r *hostileResults) aims(aim func(met bool, format string, args ...any)) {
	for _, c := range calms {
		all := r.reports[c]
		if v, ok := ratio(all[here], all[elsewhere], p99); ok {
			aim(v <= hostileLimit, "p99 beside %d hostile clients of that with them at another router, %s: %.2f, at most %.0f", hostileClients, c.name, v, hostileLimit)
		}
		if v, ok := ratio(all[here], all[nowhere], p99); ok {
			aim(v <= hostileLimit, "the same of that without them, %s: %.2f, at most %.0f", c.name, v, hostileLimit)
		}
	}
}
