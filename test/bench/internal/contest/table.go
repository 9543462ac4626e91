package contest

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/wamp-operator/wamp-operator/test/bench/internal/load"
	"github.com/wamp-operator/wamp-operator/test/bench/internal/wire"
)

// figure is one number of a report.
type figure func(r *load.Report) float64

func rate(r *load.Report) float64      { return float64(r.Calls) / r.Seconds }
func cost(r *load.Report) float64      { return perCall(r.ServerCPU, r) }
func writes(r *load.Report) float64    { return float64(r.ServerWrites) / float64(max(r.Calls, 1)) }
func generator(r *load.Report) float64 { return perCall(r.GeneratorCPU, r) }
func busy(r *load.Report) float64      { return 100 * r.GeneratorBusy }
func p50(r *load.Report) float64       { return micros(r.P50) }
func p99(r *load.Report) float64       { return micros(r.P99) }
func p999(r *load.Report) float64      { return micros(r.P999) }

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func perCall(d time.Duration, r *load.Report) float64 {
	return micros(d) / float64(max(r.Calls, 1))
}

func median(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

func of(reports []*load.Report, f figure) []float64 {
	values := make([]float64, 0, len(reports))
	for _, r := range reports {
		values = append(values, f(r))
	}
	return values
}

// ratio is the median of the ratios round by round: what disturbs a round disturbs both.
func ratio(a, b []*load.Report, f figure) (float64, bool) {
	var values []float64
	for i := range min(len(a), len(b)) {
		if y := f(b[i]); y > 0 {
			values = append(values, f(a[i])/y)
		}
	}
	if len(values) == 0 {
		return 0, false
	}
	return median(values), true
}

// rival is who e is compared with: the other server on the same number of replicas.
func rival(e Entry, server string) Entry {
	if server == NATS {
		return Entry{NATS, wire.NATS, e.Replicas}
	}
	return Entry{server, e.Protocol, 1}
}

func printTable(out io.Writer, w Work, reports map[Entry][]*load.Report) {
	fmt.Fprintf(out, "\n%v: %d callers with %d calls in flight each, %d callees\n\n", w, w.Callers, w.InFlight, w.Callees)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tcalls/s\tp50\tp99\tp99.9\tCPU/call\tmin..max\tof NATS's\tof nexus's\twrites/call\terrors\tgenerator\tbusy\t")
	for _, e := range Entries {
		r := reports[e]
		if len(r) == 0 {
			continue
		}
		costs := of(r, cost)
		fmt.Fprintf(t, "%v\t%.0f\t%s\t%s\t%s\t%.2f µs\t%.2f..%.2f\t%s\t%s\t%.2f\t%s\t%.2f µs\t%.0f %%\t\n", e, median(of(r, rate)),
			span(median(of(r, p50))), span(median(of(r, p99))), span(median(of(r, p999))),
			median(costs), slices.Min(costs), slices.Max(costs),
			times(r, reports[rival(e, NATS)]), times(r, reports[rival(e, Nexus)]), median(of(r, writes)), failures(r), median(of(r, generator)), median(of(r, busy)))
	}
	_ = t.Flush()
	for _, e := range Entries {
		for _, line := range reasons(reports[e]) {
			fmt.Fprintf(out, "  %v: %s\n", e, line)
		}
	}
}

// span writes microseconds so that three digits or so are seen.
func span(us float64) string {
	if us >= 10_000 {
		return fmt.Sprintf("%.1f ms", us/1000)
	}
	return fmt.Sprintf("%.0f µs", us)
}

func times(a, b []*load.Report) string {
	if v, ok := ratio(a, b, cost); ok {
		return fmt.Sprintf("%.2f", v)
	}
	return "-"
}

func failures(reports []*load.Report) string {
	var n, calls uint64
	for _, r := range reports {
		calls += r.Calls
		for _, errors := range r.Errors {
			n += errors
		}
	}
	if n == 0 {
		return "0"
	}
	return fmt.Sprintf("%d of %d", n, calls+n)
}

func reasons(reports []*load.Report) (lines []string) {
	sums := map[string]uint64{}
	for _, r := range reports {
		for reason, n := range r.Errors {
			sums[reason] += n
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(sums)) {
		lines = append(lines, fmt.Sprintf("%d calls ended in %s", sums[reason], strings.TrimSpace(reason)))
	}
	return lines
}
