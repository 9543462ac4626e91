package contest

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/wamp-operator/wamp-operator/test/bench/internal/load"
	"github.com/wamp-operator/wamp-operator/test/bench/internal/wire"
)

const (
	idleHold  = 20 * time.Second
	idleLimit = 12 << 10 // bytes of a session
	idleBusy  = 0.02     // of one processor
)

// idle holds sessions that do nothing, and says what they cost.
func (cfg Config) idle(ctx context.Context) (*load.IdleReport, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s, err := start(ctx, Ours, cfg.Bin, dir, 1)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	spec := load.IdleSpec{Protocol: wire.Web, Address: s.address[wire.Web][0], Sessions: cfg.Idle, Hold: idleHold, Server: s.pids[0]}
	report := &load.IdleReport{}
	if err := generate(ctx, spec, report, "idle"); err != nil {
		return nil, fmt.Errorf("%w; wamp-router logged:\n%s", err, s.servers[0].Log())
	}
	fmt.Fprintf(cfg.Out, `
idle: %d WebSocket sessions that do nothing, on wamp-router

  memory   %.1f KiB a session (%.1f MiB before, %.1f MiB with them)
  CPU      %.2f %% of one processor, over %v
  joining  %.1f s
`, report.Sessions, perSession(report)/1024, mebi(report.Before), mebi(report.After), 100*report.Busy, idleHold, report.Joining.Seconds())
	return report, nil
}

// perSession is the bytes of memory that one session costs.
func perSession(r *load.IdleReport) float64 {
	return float64(r.After-r.Before) / float64(max(r.Sessions, 1))
}

func mebi(bytes int64) float64 { return float64(bytes) / (1 << 20) }
