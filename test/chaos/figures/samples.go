package figures

import (
	"fmt"
	"slices"
	"time"
)

// samples are durations of one kind.
type samples []time.Duration

// at is the duration that a part of the samples does not exceed. The 0.99 of fewer than 100 samples
// is the longest.
func (s samples) at(part float64) time.Duration {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	return sorted[min(len(s)-1, int(part*float64(len(s))))]
}

// String gives what a table says of them.
func (s samples) String() string {
	return fmt.Sprintf("p50 %s, p99 %s (n = %d)", short(s.at(.5)), short(s.at(.99)), len(s))
}

// short writes a duration with two or three digits.
func short(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/1e6)
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	default:
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
}
