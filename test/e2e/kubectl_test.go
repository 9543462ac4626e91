package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/test/app"
)

const nobodyManifest = `
apiVersion: wamp-operator.io/v1alpha1
kind: WampProcedure
metadata: {name: nobody}
spec: {clusterRef: {name: demo}, realm: realm1, uri: com.example.nobody, invoke: first}
`

// plugin is kubectl with kubectl-wamp in its PATH.
type plugin struct {
	*site
	dir string
}

func newPlugin(t *testing.T, ctx context.Context, s *site) *plugin {
	t.Helper()
	p := &plugin{site: s, dir: t.TempDir()}
	build := s.Cluster.Command(ctx, "go", "build", "-trimpath", "-o", p.dir+"/kubectl-wamp", "./cmd/kubectl-wamp")
	build.Env = append(build.Env, "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building kubectl-wamp: %v\n%s", err, said)
	}
	return p
}

func (p *plugin) say(t *testing.T, ctx context.Context, args ...string) string {
	t.Helper()
	cmd := p.Cluster.Command(ctx, "kubectl", append([]string{"wamp", "-n", p.namespace}, args...)...)
	cmd.Env = append(cmd.Env, "PATH="+p.dir+":"+os.Getenv("PATH"))
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl wamp %s: %v\n%s", strings.Join(args, " "), err, said)
	}
	return string(said)
}

func (p *plugin) read(t *testing.T, ctx context.Context, into any, args ...string) {
	t.Helper()
	said := p.say(t, ctx, append(args, "-o", "json")...)
	if err := json.Unmarshal([]byte(said), into); err != nil {
		t.Fatalf("kubectl wamp %s: %v\n%s", strings.Join(args, " "), err, said)
	}
}

// pluginTells expects that kubectl wamp, which reaches the routers through the API server and the kubelets,
// says what the routers say to those who ask them directly, and what calls then show.
func pluginTells(t *testing.T, ctx context.Context, s *site) {
	s.Step("kubectl wamp says what the routers know")
	p := newPlugin(t, ctx, s)
	p.status(t, ctx)
	p.callees(t, ctx)
	p.next(t, ctx)
	p.explain(t, ctx)
	before := p.keys(t, ctx)
	if said := p.say(t, ctx, "rotate-gossip-key", p.cluster, "--wait", "--timeout", "60s"); !strings.Contains(said, "Every router has the new key alone") {
		t.Errorf("the key is replaced: %s", said)
	}
	after := p.keys(t, ctx)
	for router, key := range after {
		if key == before[router] || key != after[p.cluster+"-0"] {
			t.Errorf("%s has the key %s, and had %s; %s-0 has %s", router, key, before[router], p.cluster, after[p.cluster+"-0"])
		}
	}
	s.Good("status, procedures, callees and explain agree with the routers; rotate-gossip-key --wait ends when they have the new key")
}

// status is of three routers that agree, with a link from each to each.
func (p *plugin) status(t *testing.T, ctx context.Context) {
	t.Helper()
	var status struct {
		Ready      bool
		Conditions []any
		Findings   []string
		Lists      string
		Routers    []struct {
			Pod, State, Snapshot string
			Heard                bool
			Registrations        int
			Members, Links       []string
		}
	}
	p.read(t, ctx, &status, "status", p.cluster)
	if !status.Ready || status.Lists != "same" || len(status.Findings)+len(status.Conditions) > 0 || len(status.Routers) != 3 {
		t.Errorf("%+v", status)
	}
	for _, r := range status.Routers {
		if !r.Heard || r.State != "ready" || r.Snapshot != "served" || len(r.Members) != 3 || len(r.Links) != 2 || r.Registrations == 0 {
			t.Errorf("%+v", r)
		}
	}
	s := p.say(t, ctx, "status", p.cluster)
	if !strings.Contains(s, "is Ready: 3 routers act as one dealer.") {
		t.Errorf("on the screen: %s", s)
	}
	p.Text(strings.TrimRight(s, "\n"))
	p.Gap()
}

type calleeList struct {
	Dealer string
	Items  []struct {
		Replica, AuthID, Calls string
		Session                uint64
	}
}

// callees are in the order that the routers have, and the first of them is active.
func (p *plugin) callees(t *testing.T, ctx context.Context) {
	t.Helper()
	var list calleeList
	p.read(t, ctx, &list, "callees", p.cluster, "com.example.primary")
	states, err := p.states(ctx)
	must(t, err)
	want := callees(states[0], "com.example.primary")
	same := len(list.Items) == len(want)
	for i := 0; same && i < len(want); i++ {
		same = list.Items[i].Session == want[i].Session && list.Items[i].Replica == want[i].Replica && list.Items[i].AuthID != "" &&
			(list.Items[i].Calls == "active") == (i == 0)
	}
	if !same || len(want) != 3 {
		t.Errorf("kubectl wamp has %+v, the routers %+v", list.Items, want)
	}
}

// next is the callee that then gets the call, four times in a row.
func (p *plugin) next(t *testing.T, ctx context.Context) {
	t.Helper()
	at := map[string]string{"alice": "demo-0", "bob": "demo-1", "carol": "demo-2"}
	for n := range 4 {
		var list calleeList
		p.read(t, ctx, &list, "callees", p.cluster, "com.example.rotate", "--realm", "realm1")
		promised := ""
		for _, item := range list.Items {
			if item.Calls == "next" {
				promised += item.Replica
			}
		}
		turns, err := app.Rotation(ctx, p.addressed(t, ctx, "realm1", fmt.Sprintf("%s-%d", p.cluster, n%3)), "com.example.rotate", 1, 1)
		must(t, err)
		if got := at[turns[0].Callee]; got != promised || list.Dealer == "" {
			t.Errorf("the next turn was to be that of the callee at %q (%s deals), and %s at %s got it", promised, list.Dealer, turns[0].Callee, got)
		}
	}
}

// explain finds what a WampProcedure lacks: a callee.
func (p *plugin) explain(t *testing.T, ctx context.Context) {
	t.Helper()
	must(t, p.Cluster.Apply(ctx, p.namespace, nobodyManifest))
	defer p.kubectl(t, ctx, "delete", "wampprocedure", "nobody")
	p.kubectl(t, ctx, "wait", "--for=condition=Programmed", "--timeout=30s", "wampprocedure/nobody")
	var explanation struct {
		Ready bool
		Steps []struct{ What, Holds, Says string }
	}
	// The cluster is Ready again a moment after all routers serve the new procedure.
	lacks := func() (out []string) {
		p.read(t, ctx, &explanation, "explain", "nobody")
		for _, step := range explanation.Steps {
			if step.Holds != "yes" {
				out = append(out, step.What)
			}
		}
		return out
	}
	p.eventually(t, ctx, 10*time.Second, "nothing lacks but the callee", func() (bool, string) {
		got := lacks()
		return slices.Equal(got, []string{"it has a callee"}) && !explanation.Ready, fmt.Sprint(got)
	})
	var procedures struct {
		Items []struct {
			URI   string
			Notes []string
		}
	}
	p.read(t, ctx, &procedures, "procedures", p.cluster, "--problems", "--match", "nobody")
	if len(procedures.Items) != 1 || !slices.Contains(procedures.Items[0].Notes, "no callee") {
		t.Errorf("procedures with problems: %+v", procedures)
	}
}

// keys gives the key that each router uses.
func (p *plugin) keys(t *testing.T, ctx context.Context) map[string]string {
	t.Helper()
	var status struct {
		Routers []struct {
			Pod  string
			Keys []string
		}
	}
	p.read(t, ctx, &status, "status", p.cluster)
	out := map[string]string{}
	for _, r := range status.Routers {
		out[r.Pod] = strings.Join(r.Keys, " ")
	}
	return out
}
