package scenario

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/wamp-operator/wamp-operator/test/chaos/client"
	"github.com/wamp-operator/wamp-operator/test/chaos/lab"
	"github.com/wamp-operator/wamp-operator/test/chaos/load"
)

const (
	// startPatience bounds what must come about without any fault.
	startPatience = 30 * time.Second
	// calm is how long the load runs before the first fault and after the last.
	calm = 1500 * time.Millisecond
	// agreePatience is how long replicas may take to agree after a fault; longer is never.
	agreePatience = 20 * time.Second
	calleesALane  = 4
	calleeClients = 6
)

// Do runs the scenario.
func (s *Scenario) Do(ctx context.Context, cfg Config) Line {
	if s.Replicas > 0 {
		cfg.Replicas = s.Replicas
	}
	r := &Run{cfg: &cfg, scenario: s, line: Line{Scenario: s.Name, Dir: filepath.Join(cfg.Dir, s.Name)}}
	if err := r.all(ctx); err != nil {
		r.line.Failed = err
	}
	return r.line
}

func (r *Run) all(ctx context.Context) (err error) {
	if err := os.MkdirAll(r.line.Dir, 0o700); err != nil {
		return err
	}
	r.lab, err = lab.New(lab.Config{
		Router: r.cfg.Router, Replicas: r.cfg.Replicas, Dir: r.line.Dir, Seed: r.cfg.Seed, Documents: r.documents(), LogLevel: r.cfg.LogLevel,
	})
	if err != nil {
		return err
	}
	defer r.lab.Close()
	if err := r.start(ctx); err != nil {
		return fmt.Errorf("before any fault: %w", err)
	}
	defer r.world.Wait()
	defer r.leave()
	began := time.Now()
	if err := sleep(ctx, calm); err != nil {
		return err
	}
	r.until = time.Now().Add(r.cfg.Duration)
	failed := r.scenario.run(ctx, r)
	if err := sleep(ctx, calm); err != nil {
		return err
	}
	r.line.Seconds = time.Since(began).Seconds()
	r.churn.Stop()
	r.lanes.Stop()
	r.line.Report = r.world.Report()
	return errors.Join(failed, r.judge(), os.WriteFile(filepath.Join(r.line.Dir, "events.log"), r.events, 0o600))
}

// start starts everything that is to run before the first fault.
func (r *Run) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	if err := r.lab.Start(ctx); err != nil {
		return err
	}
	var routers []client.Router
	for _, replica := range r.lab.Replicas {
		routers = append(routers, client.Router{Name: replica.Name, Address: replica.Address})
	}
	r.world = load.NewWorld(routers, r.lab.Dial, r.cfg.Seed)
	err := r.startClients(ctx)
	if err != nil {
		r.leave()
		r.world.Wait()
	}
	return err
}

func (r *Run) startClients(ctx context.Context) (err error) {
	if r.standby, err = r.world.StartStandby(ctx); err != nil {
		return err
	}
	r.lanes, err = r.world.StartLanes(ctx, load.LanesConfig{
		Lanes: r.cfg.Lanes, Callees: calleesALane, CalleeClients: calleeClients, Rate: r.cfg.Rate, Idempotent: r.scenario.Idempotent,
	})
	if err != nil {
		return err
	}
	r.churn = r.world.StartChurn()
	return nil
}

func (r *Run) leave() {
	if r.churn != nil {
		r.churn.Leave()
	}
	if r.lanes != nil {
		r.lanes.Leave()
	}
	if r.standby != nil {
		r.standby.Leave()
	}
}

// broken notes a promise that was not kept.
func (r *Run) broken(format string, args ...any) {
	r.line.Broken = append(r.line.Broken, fmt.Sprintf(format, args...))
}

// note writes what happens, and when by the clock of the histories, to events.log.
func (r *Run) note(format string, args ...any) {
	text := fmt.Sprintf("%s %10.6f "+format+"\n", append([]any{time.Now().Format("15:04:05.000000"), r.world.Now().Seconds()}, args...)...)
	r.events = append(r.events, text...)
}

// over tells whether the time for faults is over.
func (r *Run) over() bool { return time.Now().After(r.until) }

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
