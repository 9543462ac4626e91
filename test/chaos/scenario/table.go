package scenario

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// columns of the table, with their width.
var columns = []struct {
	name  string
	width int
}{
	{"scenario", -11}, {"calls", 9}, {"calls/s", 8}, {"failed", 7}, {"lost", 6}, {"again", 6}, {"no answer", 10}, {"passed over", 12},
	{"twice", 6}, {"longest", 9}, {"take-over", 10}, {"equal", 8}, {"procedures", 11}, {"kept", 5},
}

// WriteHead explains the table and begins it.
func WriteHead(w io.Writer) {
	fmt.Fprint(w, `failed: answered with an error; lost: with the caller's own connection; again: met a GOODBYE, or lost and
idempotent, and made again by the caller; passed over: callees in a rotation that must not have been; longest:
wait of a caller whose replica is well; take-over: from the fault to the first answer of a standby; equal: from
the end of the fault to equal lists everywhere; procedures: judged for linearizability

`)
	for _, c := range columns {
		fmt.Fprintf(w, "%*s", c.width, c.name)
	}
	fmt.Fprintln(w)
}

// Write writes the line, and below it what is to be said about it.
func (l *Line) Write(w io.Writer) {
	kept := "yes"
	if !l.Kept() {
		kept = "NO"
	}
	cells := []any{
		l.Scenario, l.Calls, int64(float64(l.Calls) / max(l.Seconds, 1)), l.Report.Failed(), l.Lost, l.Resent, l.Unanswered, l.Rotation.PassedOver,
		l.Twice, short(l.Longest), short(l.TakeOver), short(l.Equal), l.Histories, kept,
	}
	for i, c := range columns {
		fmt.Fprintf(w, "%*v", c.width, cells[i])
	}
	fmt.Fprintln(w)
	if len(l.Errors) > 0 {
		var all []string
		for _, uri := range slices.Sorted(maps.Keys(l.Errors)) {
			all = append(all, fmt.Sprintf("%d %s", l.Errors[uri], uri))
		}
		fmt.Fprintf(w, "    errors: %s\n", strings.Join(all, ", "))
	}
	if l.Undecided > 0 {
		fmt.Fprintf(w, "    %d procedures could not be judged in time\n", l.Undecided)
	}
	if l.Stalled > 0 {
		fmt.Fprintf(w, "    %d times callees were passed over while this machine was too busy to run the routers\n", l.Stalled)
	}
	for _, b := range l.Broken {
		fmt.Fprintf(w, "    broken: %s\n", b)
	}
	if l.Failed != nil {
		fmt.Fprintf(w, "    failed: %v\n", l.Failed)
	}
	if !l.Kept() {
		fmt.Fprintf(w, "    logs and histories: %s\n", l.Dir)
	}
}

// Kept tells whether all promises were kept and the scenario came to its end.
func (l *Line) Kept() bool { return l.Failed == nil && len(l.Broken) == 0 }

func short(d time.Duration) string {
	switch {
	case d == 0:
		return "-"
	case d < 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	}
	return fmt.Sprintf("%.2fs", d.Seconds())
}
