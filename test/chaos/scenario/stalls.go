package scenario

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/wamp-operator/wamp-operator/test/chaos/history"
)

// asleep is what a router logs that has got no processor for so long that the others may have given it up.
var asleep = regexp.MustCompile(`^time=(\S+) .*msg="this replica was asleep.* duration=(\S+)`)

// recovery is how long after a stall its traces may be seen: heartbeats have to be heard, and what was
// owned is claimed again.
const recovery = time.Second

// stall is a time in which a router stood still, by the clock of the histories.
type stall struct{ from, to time.Duration }

// stalls reads the routers' logs. A stall that is not one of the scenario's faults is the machine's:
// too much else runs on it.
func (r *Run) stalls() (all []stall, err error) {
	for _, replica := range r.lab.Replicas {
		log, err := os.Open(filepath.Join(r.line.Dir, replica.Name+".log"))
		if err != nil {
			return nil, err
		}
		lines := bufio.NewScanner(log)
		for lines.Scan() {
			m := asleep.FindStringSubmatch(lines.Text())
			if m == nil {
				continue
			}
			at, bad := time.Parse(time.RFC3339Nano, m[1])
			d, worse := time.ParseDuration(m[2])
			if bad == nil && worse == nil {
				woke := r.world.At(at)
				all = append(all, stall{woke - d, woke + recovery})
			}
		}
		_ = log.Close()
		if err := lines.Err(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// during tells whether a moment is in one of the stalls.
func during(all []stall, at int64) bool {
	return slices.ContainsFunc(all, func(s stall) bool { return int64(s.from) <= at && at <= int64(s.to) })
}

// excuse takes what happened while the machine stalled off the faults of rotations: a router that gets
// no processor is one that is stopped, and no one told the judge.
func (r *Run) excuse(stalls []stall) {
	kept := r.line.Rotation.First[:0]
	for _, fault := range r.line.Rotation.First {
		if during(stalls, fault.At) {
			r.line.Rotation.PassedOver--
			r.line.Stalled++
			continue
		}
		kept = append(kept, fault)
	}
	r.line.Rotation.First = kept
}

// denied are the calls that found no callee although one was there.
func (r *Run) denied(stalls []stall) (all []history.Op) {
	for _, op := range r.world.Denied() {
		if !during(stalls, op.Start) && !during(stalls, op.End) {
			all = append(all, op)
		}
	}
	return all
}
