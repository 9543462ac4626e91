package figures

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// What a table says must be what was measured.
func TestSamples(t *testing.T) {
	var s samples
	for i := range 200 {
		s = append(s, time.Duration(200-i)*time.Millisecond)
	}
	if got := s.at(.5); got != 101*time.Millisecond {
		t.Errorf("p50 of 1 to 200 ms: %v", got)
	}
	if got := s.at(.99); got != 199*time.Millisecond {
		t.Errorf("p99 of 1 to 200 ms: %v", got)
	}
	if got := s[:50].at(.99); got != 200*time.Millisecond {
		t.Errorf("p99 of 50 samples must be the longest, not %v", got)
	}
	if got := s[:2].String(); got != "p50 200 ms, p99 200 ms (n = 2)" {
		t.Errorf("%s", got)
	}
	for d, want := range map[time.Duration]string{
		337 * time.Microsecond: "337 µs", 1300 * time.Microsecond: "1.3 ms", 38 * time.Millisecond: "38 ms", 1830 * time.Millisecond: "1.83 s",
	} {
		if got := short(d); got != want {
			t.Errorf("%v is written %q, want %q", d, got, want)
		}
	}
	if got := grouped(1019867); got != "1,019,867" {
		t.Error(got)
	}
}

func TestFind(t *testing.T) {
	all, err := Find()
	if err != nil || len(all) != len(All()) {
		t.Errorf("%d figures, %v", len(all), err)
	}
	some, err := Find("idle", "visible")
	if err != nil || len(some) != 2 || some[0].Name != "idle" {
		t.Errorf("%v, %v", some, err)
	}
	if _, err := Find("speed"); err == nil || !strings.Contains(err.Error(), "there are visible, burst") {
		t.Errorf("%v", err)
	}
}

func TestFigureIsBoundedInTime(t *testing.T) {
	f := Figure{Name: "endless", Limit: time.Millisecond, Measure: func(ctx context.Context, _ *Bench) ([]Row, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	if _, err := f.Run(t.Context(), &Bench{}); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "endless: it took longer than 1ms") {
		t.Errorf("%v", err)
	}
}

func TestLine(t *testing.T) {
	f := Figure{Name: "visible"}
	if got := f.Line(Row{"visible", "2 ms", "3 ms", false}); got != "| visible | 2 ms | 3 ms | **not met** | `make guarantees ONLY=visible` |\n" {
		t.Error(got)
	}
	if got := f.Line(Row{What: "heap", Measured: "3 MB"}); got != "| heap |  | 3 MB |  | `make guarantees ONLY=visible` |\n" {
		t.Error(got)
	}
	b := Bench{}
	if _, ok := b.Unanswered(); ok {
		t.Error("no call was made")
	}
	b.answered(1000, 1)
	if row, ok := b.Unanswered(); !ok || row.Met || row.Measured != "1 of 1,000" {
		t.Errorf("%+v", row)
	}
}
