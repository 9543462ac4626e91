package demo

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/wamp-operator/wamp-operator/test/app"
)

// RotationCalls is how many calls show the rotation.
const RotationCalls = 300

// Rotate makes calls from all routers and shows who answered.
func (d *Demo) Rotate(ctx context.Context) ([]app.Turn, error) {
	d.Step(fmt.Sprintf("roundrobin: %d calls, each from a router chosen at random", RotationCalls))
	var turns []app.Turn
	if err := d.inPod(ctx, &turns, "rotation", "-calls", fmt.Sprint(RotationCalls), "com.example.rotate"); err != nil {
		return nil, err
	}
	d.Text(firstTurns(turns, 9))
	d.Gap()
	d.Text(countTurns(turns))
	d.Gap()
	order, err := CheckRotation(turns)
	if err != nil {
		return turns, err
	}
	d.Good("one rotation for the whole cluster: %s, and again, in all %d calls", strings.Join(order, ", "), len(turns))
	return turns, nil
}

// CheckRotation returns the order of the callees, or an error that names the first call that went to
// another callee than the next one.
func CheckRotation(turns []app.Turn) (order []string, err error) {
	for _, t := range turns {
		if slices.Contains(order, t.Callee) {
			break
		}
		order = append(order, t.Callee)
	}
	for i, t := range turns {
		if want := order[i%len(order)]; t.Callee != want {
			return order, fmt.Errorf("call %d, from %s, went to %s; %s was next", i+1, t.Router, t.Callee, want)
		}
	}
	return order, nil
}

// firstTurns shows the first calls side by side.
func firstTurns(turns []app.Turn, n int) string {
	var call, from, to strings.Builder
	for i, t := range turns[:min(n, len(turns))] {
		fmt.Fprintf(&call, " %-7d", i+1)
		fmt.Fprintf(&from, " %-7s", t.Router)
		fmt.Fprintf(&to, " %-7s", t.Callee)
	}
	return "call       " + call.String() + " …\ncalled at  " + from.String() + " …\nanswered by" + to.String() + " …"
}

// countTurns shows how many calls went from each router to each callee.
func countTurns(turns []app.Turn) string {
	var routers, callees []string
	count := map[app.Turn]int{}
	sum := map[string]int{}
	for _, t := range turns {
		count[t]++
		sum[t.Callee]++
		routers, callees = append(routers, t.Router), append(callees, t.Callee)
	}
	slices.Sort(routers)
	slices.Sort(callees)
	routers, callees = slices.Compact(routers), slices.Compact(callees)
	var b strings.Builder
	row := func(title string, cell func(callee string) any) {
		fmt.Fprintf(&b, "%-11s", title)
		for _, callee := range callees {
			fmt.Fprintf(&b, " %7v", cell(callee))
		}
		b.WriteString("\n")
	}
	row("", func(callee string) any { return callee })
	for _, r := range routers {
		row(r, func(callee string) any { return count[app.Turn{Router: r, Callee: callee}] })
	}
	row("in all", func(callee string) any { return sum[callee] })
	return b.String()
}
