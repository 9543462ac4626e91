package cluster

import (
	"errors"
	"testing"
	"time"
)

// Passes that fail are told of only when none has succeeded for a while: one request that timed out does not
// make a cluster flap.
func TestPassesThatFail(t *testing.T) {
	m, start := &memory{}, time.Unix(1000, 0)
	failed := errors.New("no answer")
	for _, pass := range []struct {
		at   time.Duration
		err  error
		want time.Duration
	}{
		{0, nil, 0},
		{time.Second, failed, 0},
		{4 * time.Second, failed, 3 * time.Second},
		{5 * time.Second, nil, 0},
		{7 * time.Second, failed, 0},
		{7*time.Second + patience, failed, patience},
	} {
		s := &scope{memory: m, now: start.Add(pass.at)}
		if got := s.failing(pass.err); got != pass.want {
			t.Errorf("after %s: failing for %s, want %s", pass.at, got, pass.want)
		}
	}
}
