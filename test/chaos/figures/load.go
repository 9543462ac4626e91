package figures

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/test/chaos/client"
	"github.com/wamp-operator/wamp-operator/test/chaos/lab"
	"github.com/wamp-operator/wamp-operator/test/chaos/load"
)

// under is a cluster under the load of package load.
type under struct {
	*cluster
	world *load.World
	lanes *load.Lanes
}

func (b *Bench) under(ctx context.Context, replicas int, cfg load.LanesConfig, procedures ...*v1alpha1.WampProcedure) (*under, error) {
	c, err := b.cluster(ctx, replicas, procedures...)
	if err != nil {
		return nil, err
	}
	var routers []client.Router
	for _, r := range c.Replicas {
		routers = append(routers, client.Router{Name: r.Name, Address: r.Address})
	}
	u := &under{cluster: c, world: load.NewWorld(routers, c.Dial, 1)}
	if u.lanes, err = u.world.StartLanes(ctx, cfg); err != nil {
		u.close()
		return nil, err
	}
	return u, nil
}

func (u *under) close() {
	if u.lanes != nil {
		u.lanes.Leave()
	}
	u.world.Wait()
	u.cluster.close()
}

// report ends the load.
func (u *under) report() load.Report {
	u.lanes.Stop()
	return u.world.Report()
}

// lanesHeld declares the procedures of lanes with a hold.
func lanesHeld(count int, idempotent bool) (all []*v1alpha1.WampProcedure) {
	for i := range count {
		p := declared(fmt.Sprintf("lane%d", i), load.LaneURI(i), v1alpha1.InvokeRoundRobin)
		p.Spec.Hold = &metav1.Duration{Duration: 5 * time.Second}
		p.Spec.Idempotent = idempotent
		all = append(all, p)
	}
	return all
}

// restart restarts a replica and waits until it is one of all again.
func (u *under) restart(r *lab.Replica, end func() error) error {
	u.world.Begin(load.Trouble{Replica: r.Name})
	before := member(r)
	if err := end(); err != nil {
		return err
	}
	if err := u.again(r, before); err != nil {
		return err
	}
	if err := u.agree(); err != nil {
		return fmt.Errorf("after the restart of %s: %w", r.Name, err)
	}
	u.world.Well()
	return nil
}

// rolling stops and starts three replicas one after the other, three rounds.
func rolling(ctx context.Context, b *Bench) ([]Row, error) {
	return restarts{
		what: "rolling restart of 3 replicas under load, one callee a procedure, which reconnects, `hold: 5s`", rounds: 3,
		end: func(r *lab.Replica) error { return r.Terminate() },
	}.measure(ctx, b)
}

// crash does the same without a warning.
func crash(ctx context.Context, b *Bench) ([]Row, error) {
	return restarts{
		what: "the same with kill -9, and `idempotent: true`", rounds: 3, idempotent: true,
		end: func(r *lab.Replica) error { return r.Kill() },
	}.measure(ctx, b)
}

type restarts struct {
	what       string
	rounds     int
	idempotent bool
	end        func(*lab.Replica) error
}

func (f restarts) measure(ctx context.Context, b *Bench) ([]Row, error) {
	const lanes = 30
	u, err := b.under(ctx, 3, load.LanesConfig{Lanes: lanes, Callees: 1, CalleeClients: 6, Rate: 3000, Idempotent: f.idempotent}, lanesHeld(lanes, f.idempotent)...)
	if err != nil {
		return nil, err
	}
	defer u.close()
	for range f.rounds {
		for _, r := range u.Replicas {
			if err := u.pause(500 * time.Millisecond); err != nil {
				return nil, err
			}
			if err := u.restart(r, func() error { return f.end(r) }); err != nil {
				return nil, err
			}
		}
	}
	if err := u.pause(time.Second); err != nil {
		return nil, err
	}
	r := u.report()
	b.say("%d calls, errors %v, lost with the caller's connection %d, sent again by the caller %d, delivered twice %d, longest wait %s", r.Calls, r.Errors, r.Lost, r.Resent, r.Twice, short(r.Longest))
	b.answered(r.Calls, r.Unanswered)
	failed := r.Failed() + r.Lost
	return []Row{
		{f.what + ": calls that failed", "0", fmt.Sprintf("%d of %s, %d restarts", failed, grouped(r.Calls), f.rounds*len(u.Replicas)), failed == 0},
	}, nil
}

// rotation makes millions of calls while replicas are killed, stopped, cut off and restarted, and
// judges every one.
func rotation(ctx context.Context, b *Bench) ([]Row, error) {
	const lanes = 240
	u, err := b.under(ctx, 3, load.LanesConfig{Lanes: lanes, Callees: 4, CalleeClients: 6})
	if err != nil {
		return nil, err
	}
	defer u.close()
	deadline, _ := ctx.Deadline()
	deadline = deadline.Add(-40 * time.Second) // to end in time
	random := rand.New(rand.NewPCG(1, 1))
	faults := map[string]int{}
	var times []string
	begun := time.Now()
	for u.world.Calls() < b.Calls && time.Now().Before(deadline) {
		if err := u.pause(2 * time.Second); err != nil {
			return nil, err
		}
		from := u.world.Now()
		what, whom, err := u.fault(random)
		if err != nil {
			return nil, err
		}
		faults[what]++
		times = append(times, fmt.Sprintf("from %.3f to %.3f s %s of %s", from.Seconds(), u.world.Now().Seconds(), what, whom))
	}
	if err := u.pause(time.Second); err != nil {
		return nil, err
	}
	took := time.Since(begun)
	r := u.report()
	b.say("%d calls in %s, faults %v, errors %v, lost with the caller's connection %d, turns excused %d, delivered twice %d, longest wait %s",
		r.Calls, short(took), faults, r.Errors, r.Lost, r.Rotation.Excused, r.Twice, short(r.Longest))
	for _, f := range r.Rotation.First {
		b.say("%v", f)
	}
	if len(r.Rotation.First) > 0 {
		b.say("%s", strings.Join(times, "\n    "))
	}
	sum := 0
	for _, n := range faults {
		sum += n
	}
	b.answered(r.Calls, r.Unanswered)
	enough := r.Calls >= b.Calls
	return []Row{
		{fmt.Sprintf("roundrobin: callees passed over or repeated, %d procedures, while replicas are killed, stopped, cut off and restarted", lanes), fmt.Sprintf("0 in %s calls", grouped(b.Calls)),
			fmt.Sprintf("%d in %s calls, %d faults", r.Rotation.PassedOver, grouped(r.Calls), sum), r.Rotation.PassedOver == 0 && enough},
		{"... calls that were delivered twice", "0", fmt.Sprint(r.Twice), r.Twice == 0},
	}, nil
}

// mending is how long replicas that agree may still not reach one another: connections that were
// silent for a moment are tried again by TCP after up to a second.
const mending = 1500 * time.Millisecond

// fault breaks one thing and waits until all is well again.
func (u *under) fault(random *rand.Rand) (what, whom string, err error) {
	i := random.IntN(len(u.Replicas))
	r := u.Replicas[i]
	switch random.IntN(4) {
	case 0:
		return "kill -9", r.Name, u.restart(r, r.Kill)
	case 1:
		return "restart", r.Name, u.restart(r, r.Terminate)
	case 2:
		what = "SIGSTOP"
		// For its own clients it is the others who are away: when it goes on, the turns that it dealt
		// to its own callees are known to nobody else.
		all := []load.Trouble{{Replica: r.Name}}
		rest := u.except(i)
		for _, other := range rest {
			all = append(all, load.Trouble{Replica: other.Name, Except: names(rest), Well: true})
		}
		u.world.Begin(all...)
		if err = r.Pause(); err == nil {
			err = u.pause(time.Duration(200+random.IntN(2000)) * time.Millisecond)
		}
		if err == nil {
			err = r.Resume()
		}
	default:
		what = "cut"
		to := (i + 1) % len(u.Replicas)
		u.world.Begin(load.Trouble{Replica: r.Name}, load.Trouble{Replica: u.Replicas[to].Name})
		u.Switch.Set(i, to, lab.Rule{Drop: true})
		if random.IntN(2) == 0 {
			u.Switch.Set(to, i, lab.Rule{Drop: true})
			what += " both ways"
		}
		err = u.pause(time.Duration(200+random.IntN(2000)) * time.Millisecond)
		u.Heal()
	}
	if err == nil {
		err = u.pause(mending)
	}
	if err == nil {
		err = u.agree()
	}
	u.world.Well()
	if err != nil {
		err = fmt.Errorf("%s, %s: %w", what, r.Name, err)
	}
	return what, r.Name, err
}

func names(replicas []*lab.Replica) (all []string) {
	for _, r := range replicas {
		all = append(all, r.Name)
	}
	return all
}

// grouped writes a number with commas.
func grouped(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
