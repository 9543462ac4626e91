package cluster

import (
	"bytes"
	"errors"
	"log/slog"
	"regexp"
	"slices"
	"testing"
	"time"
)

// An ordinary rollout makes no warning; what lasts does, once.
func TestUnreachedReplicasAreAWarningWhenThatLasts(t *testing.T) {
	var out bytes.Buffer
	u := unreached{logger: slog.New(slog.NewTextHandler(&out, nil))}
	var now time.Time
	now = now.Add(time.Hour)
	said := func(at time.Duration, err error) string {
		out.Reset()
		u.tried(now.Add(at), err)
		lines := regexp.MustCompile(`level=(\w+)`).FindAllStringSubmatch(out.String(), -1)
		if len(lines) == 0 {
			return ""
		}
		return lines[0][1]
	}
	one, other := errors.New("one is away"), errors.New("another is away")
	var got []string
	for _, try := range []struct {
		at  time.Duration
		err error
	}{
		{0, nil}, {1, one}, {2, one}, {3, other}, {4, nil}, {5, one}, {14, one}, {15, one}, {17, one}, {19, other}, {21, nil}, {23, nil}, {25, one},
	} {
		got = append(got, said(try.at*time.Second, try.err))
	}
	want := []string{"", "INFO", "", "INFO", "", "INFO", "", "WARN", "", "WARN", "INFO", "", "INFO"}
	if !slices.Equal(got, want) {
		t.Errorf("levels %q, want %q", got, want)
	}
}
