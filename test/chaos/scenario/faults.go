package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/wamp-operator/wamp-operator/test/chaos/lab"
	"github.com/wamp-operator/wamp-operator/test/chaos/load"
)

const (
	// downtime is how long a killed replica stays away.
	downtime = time.Second
	// takePatience bounds how long the standby may take; longer is never.
	takePatience = 10 * time.Second
	// between is the time of peace between two faults: a generation of churn, and a bit.
	between = 2 * time.Second
	// detour is how long the cluster may take to find the way over a third replica.
	detour = 3 * time.Second
)

func calmly(ctx context.Context, r *Run) error { return sleep(ctx, time.Until(r.until)) }

// kill kills the replica whose callee is the active one, restarts it, and so on.
func kill(ctx context.Context, r *Run) error {
	for !r.over() {
		victim, err := r.active(ctx)
		if err != nil {
			return err
		}
		r.world.Begin(load.Trouble{Replica: victim.Name})
		r.note("kill %s", victim.Name)
		since := time.Now()
		if err := victim.Kill(); err != nil {
			return err
		}
		r.takeOver(ctx, takePatience, since, victim.Name, names(r.others(victim))...)
		if err := sleep(ctx, downtime); err != nil {
			return err
		}
		r.churn.Pause()
		since = time.Now()
		r.note("start %s", victim.Name)
		if err := victim.Start(); err != nil {
			return err
		}
		if err := r.healed(ctx, since); err != nil {
			return err
		}
	}
	return nil
}

// rolling restarts every replica gently, one after the other, at least once.
func rolling(ctx context.Context, r *Run) error {
	for round := true; round || !r.over(); round = false {
		for _, victim := range r.lab.Replicas {
			r.world.Begin(load.Trouble{Replica: victim.Name})
			r.note("terminate %s", victim.Name)
			if err := victim.Terminate(); err != nil {
				r.broken("%v", err)
				_ = victim.Kill()
			}
			r.churn.Pause()
			since := time.Now()
			r.note("start %s", victim.Name)
			if err := victim.Start(); err != nil {
				return err
			}
			if err := r.healed(ctx, since); err != nil {
				return err
			}
		}
	}
	return nil
}

// stop stops the replica whose callee is the active one, for longer and longer.
func stop(ctx context.Context, r *Run) error {
	for _, d := range []time.Duration{time.Second, 3 * time.Second, 10 * time.Second} {
		victim, err := r.active(ctx)
		if err != nil {
			return err
		}
		r.apart(r.others(victim), []*lab.Replica{victim})
		r.note("stop %s", victim.Name)
		since := time.Now()
		if err := victim.Pause(); err != nil {
			return err
		}
		r.takeOver(ctx, d, since, victim.Name, names(r.others(victim))...)
		if err := sleep(ctx, time.Until(since.Add(d))); err != nil {
			return err
		}
		quiet := make(chan struct{})
		go func() { // clients of the one that is stopped are answered only when it goes on
			defer close(quiet)
			r.churn.Pause()
		}()
		since = time.Now()
		r.meet()
		r.note("go on %s", victim.Name)
		if err := victim.Resume(); err != nil {
			return err
		}
		<-quiet
		if err := r.healed(ctx, since); err != nil {
			return err
		}
	}
	return nil
}

// split separates the first n replicas from the others, and the same a place further on next time.
func split(n int) func(ctx context.Context, r *Run) error {
	return func(ctx context.Context, r *Run) error {
		for first := 0; !r.over(); first++ {
			active, err := r.active(ctx)
			if err != nil {
				return err
			}
			large, small := r.sides(first, n)
			r.churn.Pause()
			since := r.cut(large, small)
			r.takeOverAcross(ctx, since, active, large, small)
			side, err := r.agree(ctx, "during the split", large, small)
			if err != nil {
				return err
			}
			r.churn.Split(ctx, side)
			since = time.Now()
			r.heal()
			if err := r.healed(ctx, since); err != nil {
				return err
			}
		}
		return nil
	}
}

// majority splits the cluster while clients go on: the smaller side has to refuse.
func majority(ctx context.Context, r *Run) error {
	for first := 0; !r.over(); first++ {
		large, small := r.sides(first, len(r.lab.Replicas)/2+1)
		r.cut(large, small)
		if err := sleep(ctx, 2*between); err != nil {
			return err
		}
		r.churn.Pause()
		since := time.Now()
		r.heal()
		if err := r.healed(ctx, since); err != nil {
			return err
		}
	}
	return nil
}

// oneWay loses what one replica sends to another, while both reach all others.
func oneWay(ctx context.Context, r *Run) error {
	for first := 0; !r.over(); first++ {
		from, to := r.lab.Replicas[first%len(r.lab.Replicas)], r.lab.Replicas[(first+1)%len(r.lab.Replicas)]
		r.world.Begin(load.Trouble{Replica: from.Name}, load.Trouble{Replica: to.Name})
		r.churn.Pause()
		r.note("lose what %s sends to %s", from.Name, to.Name)
		r.lab.Switch.Set(from.Number(), to.Number(), lab.Rule{Drop: true})
		if err := sleep(ctx, detour); err != nil {
			return err
		}
		if _, err := r.agree(ctx, "over the replicas that reach both", r.lab.Replicas); err != nil {
			return err
		}
		// From here on the cluster is whole, although two of it do not reach one another.
		r.world.Well()
		r.churn.Resume()
		if err := sleep(ctx, 2*between); err != nil {
			return err
		}
		r.churn.Pause()
		since := time.Now()
		r.heal()
		if err := r.healed(ctx, since); err != nil {
			return err
		}
	}
	return nil
}

// flapping cuts a replica off and lets it back, every two seconds.
func flapping(ctx context.Context, r *Run) error {
	const half = 2 * time.Second
	r.churn.Pause()
	large, small := r.sides(0, len(r.lab.Replicas)-1)
	for {
		r.cut(large, small)
		if err := sleep(ctx, half); err != nil {
			return err
		}
		since := time.Now()
		r.heal()
		if r.over() {
			return r.healed(ctx, since)
		}
		if err := sleep(ctx, half); err != nil {
			return err
		}
	}
}

// always makes one rule for all, for all of the time.
func always(rule lab.Rule) func(ctx context.Context, r *Run) error {
	return func(ctx context.Context, r *Run) error {
		r.lab.Switch.SetAll(rule)
		if err := sleep(ctx, time.Until(r.until)); err != nil {
			return err
		}
		r.lab.Heal()
		r.churn.Pause()
		defer r.churn.Resume()
		_, err := r.agree(ctx, "after the fault", r.lab.Replicas)
		return err
	}
}

func (r *Run) heal() {
	r.meet()
	r.note("heal")
	r.lab.Heal()
}

// meet says that replicas find one another again: until they agree, some reach each other already
// and some do not, so nobody can say from outside who may be passed over.
func (r *Run) meet() {
	var all []load.Trouble
	for _, replica := range r.lab.Replicas {
		all = append(all, load.Trouble{Replica: replica.Name, Well: true})
	}
	r.world.Begin(all...)
}

// sides puts n replicas on one side, and the others on the other side.
func (r *Run) sides(first, n int) (large, small []*lab.Replica) {
	for i := range r.lab.Replicas {
		replica := r.lab.Replicas[(first+i)%len(r.lab.Replicas)]
		if i < n {
			large = append(large, replica)
		} else {
			small = append(small, replica)
		}
	}
	return large, small
}

// cut splits the network. Each side is well for itself.
func (r *Run) cut(large, small []*lab.Replica) time.Time {
	r.apart(large, small)
	r.note("split %v | %v", names(large), names(small))
	r.lab.Switch.Split(numbers(large), numbers(small))
	return time.Now()
}

// apart says that from now on the replicas of one side may not be reached from the other.
func (r *Run) apart(large, small []*lab.Replica) {
	var all []load.Trouble
	for _, replica := range large {
		all = append(all, load.Trouble{Replica: replica.Name, Except: names(large), Well: true})
	}
	for _, replica := range small {
		all = append(all, load.Trouble{Replica: replica.Name, Except: names(small)})
	}
	r.world.Begin(all...)
}

// takeOverAcross measures the take-over on the side that lost the active callee.
func (r *Run) takeOverAcross(ctx context.Context, since time.Time, active *lab.Replica, large, small []*lab.Replica) {
	side := large
	if slices.Contains(large, active) {
		side = small
	}
	r.takeOver(ctx, takePatience, since, active.Name, names(side)...)
}

var errNoActive = errors.New("no replica has the active callee")

// active is the replica of the callee that is called now.
func (r *Run) active(ctx context.Context) (*lab.Replica, error) {
	ctx, cancel := context.WithTimeout(ctx, takePatience)
	defer cancel()
	name, err := r.standby.Active(ctx)
	if err != nil {
		return nil, err
	}
	for _, replica := range r.lab.Replicas {
		if replica.Name == name {
			return replica, nil
		}
	}
	return nil, fmt.Errorf("%w: %q", errNoActive, name)
}

// takeOver measures how soon a standby answers at the replicas that are named.
func (r *Run) takeOver(ctx context.Context, patience time.Duration, since time.Time, lost string, at ...string) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	took, err := r.standby.TakeOver(ctx, since, lost, at...)
	if err != nil {
		r.broken("%s after %s was lost: %v", time.Since(since).Round(time.Millisecond), lost, err)
		return
	}
	r.note("a standby answers everywhere after %v", took)
	r.line.TakeOver = max(r.line.TakeOver, took)
}

// agree waits until the replicas of each side hold equal lists, and gives the side of each.
func (r *Run) agree(ctx context.Context, when string, sides ...[]*lab.Replica) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, agreePatience)
	defer cancel()
	side := map[string]string{}
	for i, replicas := range sides {
		for _, replica := range replicas {
			side[replica.Name] = fmt.Sprintf("side %d", i+1)
		}
		if err := r.lab.AwaitAgreement(ctx, replicas...); err != nil {
			return nil, fmt.Errorf("%s: %w", when, err)
		}
	}
	return side, nil
}

// healed waits until all replicas agree, and goes on with a time of peace. Churn is paused before.
func (r *Run) healed(ctx context.Context, since time.Time) error {
	if _, err := r.agree(ctx, "after the fault", r.lab.Replicas); err != nil {
		return err
	}
	r.note("equal lists")
	r.line.Equal = max(r.line.Equal, time.Since(since))
	r.world.Well()
	r.churn.Resume()
	r.standby.GoHome()
	return sleep(ctx, between)
}

// others are all replicas but one.
func (r *Run) others(not *lab.Replica) (all []*lab.Replica) {
	for _, replica := range r.lab.Replicas {
		if replica != not {
			all = append(all, replica)
		}
	}
	return all
}

func names(replicas []*lab.Replica) (all []string) {
	for _, replica := range replicas {
		all = append(all, replica.Name)
	}
	return all
}

func numbers(replicas []*lab.Replica) (all []int) {
	for _, replica := range replicas {
		all = append(all, replica.Number())
	}
	return all
}
