package cluster

import (
	"log/slog"
	"time"
)

// unreachedPatience is how long others may be out of reach before that is a warning: in a rollout the
// names of the cluster give the addresses of pods that were just removed for a moment, and of those that
// have only begun to start.
const unreachedPatience = 10 * time.Second

// unreached tells the log of replicas that cannot be reached.
type unreached struct {
	logger *slog.Logger
	since  time.Time // of the first of the failures in a row; zero: all are reached
	said   string
	warned bool
}

// tried takes note of how a try to reach all others ended. Each reason is said once, and once more
// when it is a warning.
func (u *unreached) tried(now time.Time, err error) {
	if err == nil {
		if u.warned {
			u.logger.Info("every replica is in reach again")
		}
		*u = unreached{logger: u.logger}
		return
	}
	if u.since.IsZero() {
		u.since = now
	}
	warn := now.Sub(u.since) >= unreachedPatience
	if err.Error() == u.said && warn == u.warned {
		return
	}
	u.said, u.warned = err.Error(), warn
	if warn {
		u.logger.Warn("cannot reach every replica", "error", err, "for", now.Sub(u.since).Round(time.Second))
		return
	}
	u.logger.Info("not every replica is reached yet", "error", err)
}
