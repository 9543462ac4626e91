package demo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wamp-operator/wamp-operator/test/app"
)

const (
	loadBefore = 1500 * time.Millisecond // calls before the kill
	loadAfter  = 1500 * time.Millisecond // and after the takeover
	giveUp     = 30 * time.Second        // without a takeover
)

// Takeover is what happened when the router of the active callee was killed.
type Takeover struct {
	Pod     string // that was killed
	Active  string // the callee that was connected to it
	Standby string // the callee that took over
	// After is the time from the kill to the first answer of the standby, as seen from here.
	After time.Duration
	app.Load
}

// Failover kills the router pod of the active callee of com.example.primary while callers at the
// other routers call all the time.
func (d *Demo) Failover(ctx context.Context) (*Takeover, error) {
	d.Step("first: the router pod of the active callee is killed")
	procedure, err := d.Procedure(ctx, "primary")
	if err != nil {
		return nil, err
	}
	pod, _, _ := strings.Cut(procedure.Status.ActiveCallee, "/")
	others := slices.DeleteFunc([]string{"demo-0", "demo-1", "demo-2"}, func(name string) bool { return name == pod })
	d.Say("The active callee is connected to %s. Callers at %s call all the time", pod, strings.Join(others, " and "))
	d.Say("while the pod is %s:", d.Cluster.killed())
	d.Command(d.Cluster.KillCommand(Namespace, pod))

	t := &Takeover{Pod: pod}
	if err := d.killUnderLoad(ctx, t, others); err != nil {
		return t, err
	}
	d.Gap()
	d.Say("%-41s %d ms", "from the kill to the first answer of "+t.Standby, t.After.Milliseconds())
	d.Say("%-41s %d", "calls", t.Calls)
	d.Say("%-41s %d   (%s %d, %s %d)", "  answered by RESULT", t.Results, t.Active, t.Callees[t.Active], t.Standby, t.Callees[t.Standby])
	d.Say("%-41s %d%s", "  answered by ERROR", t.Failed(), errorList(t.Errors))
	d.Say("%-41s %d", "  unanswered", t.Unanswered)
	d.Say("%-41s %d ms", "longest time without a RESULT", t.LongestGap.Milliseconds())
	d.Gap()
	d.Good("%s took over from %s; every call was answered", t.Standby, t.Active)
	return t, nil
}

func errorList(errors map[string]int) string {
	var uris []string
	for uri := range errors {
		uris = append(uris, uri)
	}
	if len(uris) == 0 {
		return ""
	}
	slices.Sort(uris)
	return "   (" + strings.Join(uris, ", ") + ": in flight at the killed router)"
}

func (d *Demo) killUnderLoad(ctx context.Context, t *Takeover, others []string) error {
	ctx, cancel := context.WithTimeout(ctx, giveUp)
	defer cancel()
	load, err := d.startLoad(ctx, "com.example.primary", others)
	if err != nil {
		return err
	}
	defer load.end()
	events := load.events

	if t.Active, err = newcomer(events); err != nil {
		return fmt.Errorf("no call was answered before the kill: %w", err)
	}
	time.Sleep(loadBefore)
	killed, err := d.Cluster.Kill(ctx, Namespace, t.Pod)
	if err != nil {
		return err
	}
	if t.Standby, err = newcomer(events); err != nil {
		return fmt.Errorf("no standby answered after the kill: %w", err)
	}
	t.After = time.Since(killed)
	time.Sleep(loadAfter)
	t.Load, err = load.sum()
	return err
}

// Return waits until the killed pod serves again and its callee is back, last in the list.
func (d *Demo) Return(ctx context.Context, t *Takeover) error {
	if err := d.await(ctx, "jsonpath={.status.callees}=3", "wampprocedure/primary"); err != nil {
		return err
	}
	if err := d.await(ctx, "condition=Ready", "pod/"+t.Pod, "wampcluster/demo"); err != nil {
		return err
	}
	p, err := d.Procedure(ctx, "primary")
	if err != nil {
		return err
	}
	var list []string
	for _, c := range p.Status.CalleeList {
		list = append(list, c.Replica)
	}
	d.Good("%s is back, and %s is again on the list, at its end: %s", t.Pod, t.Active, strings.Join(list, ", "))
	return nil
}
