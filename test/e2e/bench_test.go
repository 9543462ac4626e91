package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/test/demo"
)

// bench is the Kubernetes that everything runs on, and the figures so far.
type bench struct {
	*demo.Demo
	figures map[string]float64
	beyond  []string // what was beyond its budget
}

// stepPatience bounds a step in which something waits forever; what is measured has bounds of its own.
const stepPatience = 5 * time.Minute

// step runs one scenario. The ones after it need what it leaves, so the first that fails ends the test,
// after everything that may say why was printed.
func (b *bench) step(t *testing.T, name string, run func(t *testing.T, ctx context.Context)) {
	t.Helper()
	ok := t.Run(name, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), stepPatience, fmt.Errorf("%q was not over after %s", name, stepPatience))
		defer cancel()
		before := len(b.beyond)
		defer func() {
			if t.Failed() || len(b.beyond) > before {
				b.diagnose(context.WithoutCancel(ctx))
			}
		}()
		run(t, ctx)
	})
	if !ok {
		t.FailNow()
	}
}

// local is a step that needs the Kubernetes of hack/kube, where processes and networks can be ended.
func (b *bench) local(t *testing.T, name string, run func(t *testing.T, ctx context.Context)) {
	t.Helper()
	if b.Cluster.Local() {
		b.step(t, name, run)
	}
}

// diagnose prints what Kubernetes knows, and the ends of all logs that matter.
func (b *bench) diagnose(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	show := func(args ...string) string {
		out, err := b.Cluster.Kubectl(ctx, append(args, "--request-timeout=10s")...)
		if err != nil {
			out += err.Error()
		}
		fmt.Fprintf(os.Stdout, "\n$ kubectl %s\n%s\n", strings.Join(args, " "), out)
		return out
	}
	show("get", "nodes")
	show("get", "pods", "-A", "-o", "wide")
	show("get", "wampclusters,wamprealms", "-A", "-o", "wide")
	show("get", "wampclusters", "-A", "-o", "jsonpath={range .items[*]}{.metadata.name}: {range .status.conditions[*]}{.type}={.status} ({.reason}) {.message}{'\\n'}{end}{end}")
	show("get", "events", "-A", "--sort-by=.metadata.creationTimestamp")
	pods, err := b.Cluster.Kubectl(ctx, "get", "pods", "-A", "-o", "jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name}{'\\n'}{end}")
	if err != nil {
		return
	}
	for _, pod := range strings.Fields(pods) {
		namespace, name, _ := strings.Cut(pod, "/")
		for _, previous := range []string{"true", "false"} {
			if out, err := b.Cluster.Kubectl(ctx, "logs", "-n", namespace, name, "--tail=40", "--previous="+previous); err == nil && out != "" {
				fmt.Fprintf(os.Stdout, "\n$ kubectl logs -n %s %s --previous=%s\n%s\n", namespace, name, previous, out)
			}
		}
	}
}

// figure notes what was measured. One that is beyond its budget fails the test at the end, when all figures
// are there: the steps that follow do not need it.
func (b *bench) figure(t *testing.T, name string, value float64) {
	t.Helper()
	bound, ok := budget(name)
	if !ok {
		t.Fatalf("there is no budget %q", name)
	}
	b.figures[name] = max(b.figures[name], value)
	if value > bound.Bound {
		b.beyond = append(b.beyond, fmt.Sprintf("%s is %s, and must be at most %s: %s", name, bound.with(value), bound.most(), bound.Sentence))
		b.Say("✗ %s", b.beyond[len(b.beyond)-1])
		return
	}
	b.Good("%s: %s (at most %s): %s", name, bound.with(value), bound.most(), bound.Sentence)
}

func (b *bench) took(t *testing.T, name string, d time.Duration) {
	t.Helper()
	b.figure(t, name, d.Round(time.Millisecond).Seconds())
}

// report prints all figures beside their budgets. When all steps ran, each budget has a figure.
func (b *bench) report(t *testing.T) {
	b.Step("The figures")
	all := b.Cluster.Local() && flag.Lookup("test.run").Value.String() == ""
	for _, bound := range Budgets {
		value, ok := b.figures[bound.Name]
		if !ok {
			if all {
				t.Errorf("%s was not measured: %s", bound.Name, bound.Sentence)
			}
			continue
		}
		b.Say("%-22s %12s   at most %-10s %s", bound.Name, bound.with(value), bound.most(), bound.Sentence)
	}
	for _, figure := range b.beyond {
		t.Error(figure)
	}
}

// eventually looks until look is content, and says what it saw last when that does not come about
// within the time.
func (b *bench) eventually(t *testing.T, ctx context.Context, within time.Duration, what string, look func() (done bool, seen string)) {
	t.Helper()
	began, before := time.Now(), ""
	for {
		done, seen := look()
		if took := time.Since(began); took > slow && seen != before {
			t.Logf("waiting for %s since %s; now: %s", what, took.Round(time.Millisecond), seen)
			before = seen
		}
		switch {
		case done:
			return
		case ctx.Err() != nil:
			t.Fatalf("waiting for %s: %v; last seen: %s", what, context.Cause(ctx), seen)
		case time.Since(began) > within:
			t.Fatalf("after %s there is still not: %s; last seen: %s", within, what, seen)
		}
		select {
		case <-ctx.Done():
		case <-time.After(lookEvery):
		}
	}
}

const (
	// lookEvery is the finest that eventually measures.
	lookEvery = 100 * time.Millisecond
	// slow is what takes so long that the way there is worth a line.
	slow = 10 * time.Second
)

// calm lets things go on for a while.
func calm(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
