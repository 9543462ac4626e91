package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/cmd/kubectl-wamp/internal/routers"
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
)

// What people see does not change by accident.
func TestWhatIsPrinted(t *testing.T) {
	silent := healthy()
	silent.States, silent.Links, silent.Trouble = nil, nil, nil
	silent.Silence = "you may not read the Secret shop/demo-admin, which has the token that routers ask for: ask for the right to get it"
	empty := &routers.Cluster{Object: healthy().Object}
	empty.Object.Spec.Replicas = new(int32)
	first := snapshot.ProcedureKey{Realm: "realm1", URI: "com.example.primary", Match: "exact"}
	rotation := snapshot.ProcedureKey{Realm: "realm1", URI: "com.example.rotate", Match: "exact"}
	billing := &broken().Procedures[1]
	for name, r := range map[string]interface{ Write(io.Writer) error }{
		"status-healthy":     NewStatus(healthy(), now),
		"status-broken":      NewStatus(broken(), now),
		"status-silent":      NewStatus(silent, now),
		"status-zero":        NewStatus(empty, now),
		"procedures-healthy": NewProcedures(healthy(), Filter{}),
		"procedures-broken":  NewProcedures(broken(), Filter{}),
		"callees-first":      NewCallees(healthy(), first, details(healthy(), first, 0), now),
		"callees-rotation":   NewCallees(healthy(), rotation, details(healthy(), rotation, stamp(2*time.Hour)), now),
		"callees-old":        NewCallees(healthy(), rotation, nil, now),
		"callees-none":       NewCallees(broken(), snapshot.ProcedureKey{Realm: "realm1", URI: "com.example.billing", Match: "exact"}, nil, now),
		"explain-ready":      NewExplanation(&healthy().Procedures[0], healthy(), nil),
		"explain-nocallee":   NewExplanation(billing, broken(), nil),
		"explain-nocluster":  NewExplanation(billing, nil, errors.New("there is no WampCluster demo in namespace shop, nor any other")),
		"clusters":           NewClusters([]v1alpha1.WampCluster{broken().Object, healthy().Object}, now),
		"versions": &Versions{
			Client: "v0.5.1", Operators: []Operator{{Namespace: "wamp-system", Name: "wamp-operator", Image: "ghcr.io/wamp-operator/wamp-operator:0.5.0", Ready: 1, Replicas: 2}},
			Clusters: []Routers{NewRouters(broken()), NewRouters(empty)}, Notes: []string{"A note."},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := r.Write(&out); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(out.String()) {
				if strings.HasSuffix(line, " \n") {
					t.Errorf("white space at the end of %q", line)
				}
			}
			golden(t, name, out.Bytes())
			if _, err := json.Marshal(r); err != nil {
				t.Errorf("as JSON: %v", err)
			}
		})
	}
}

// details is what the routers answer about a procedure, the first of them as the one that deals.
func details(c *routers.Cluster, key snapshot.ProcedureKey, last uint64) map[string]*v1alpha1.RouterCallees {
	out := map[string]*v1alpha1.RouterCallees{}
	for name, state := range c.States {
		for _, p := range state.Procedures {
			if p.URI != key.URI {
				continue
			}
			d := &v1alpha1.RouterCallees{RouterProcedureState: p, Deals: name == "demo-0" && last != 0, LastTurn: last}
			for range p.Callees {
				d.Sessions = append(d.Sessions, v1alpha1.RouterSessionState{AuthID: "shop-backend", AuthRole: "backend"})
			}
			out[name] = d
		}
	}
	return out
}

// The next turn is that of the first larger stamp, else of the first callee: the rule of the routers.
func TestNextTurn(t *testing.T) {
	callees := []v1alpha1.RouterCalleeState{{Stamp: 10}, {Stamp: 20}, {Stamp: 30}}
	for last, want := range map[uint64]int{0: 0, 5: 0, 10: 1, 15: 1, 20: 2, 30: 0, 99: 0} {
		if got := nextTurn(callees, last); got != want {
			t.Errorf("after %d: %d, want %d", last, got, want)
		}
	}
	if got := nextTurn(nil, 5); got != 0 {
		t.Errorf("of nobody: %d", got)
	}
}

// Which callee is active is said in the words of the status of a WampProcedure, for each policy.
func TestWhoGetsTheCalls(t *testing.T) {
	for policy, want := range map[v1alpha1.InvocationPolicy]struct{ active, first, last string }{
		"single":     {"demo-1/201", "active", "standby"},
		"first":      {"demo-1/201", "active", "standby"},
		"last":       {"demo-0/101", "standby", "active"},
		"random":     {"all", "any", "any"},
		"roundrobin": {"all", "in turn", "in turn"},
	} {
		c := healthy()
		for _, s := range c.States {
			s.Procedures[0].Invoke = policy
		}
		key := snapshot.ProcedureKey{Realm: "realm1", URI: "com.example.primary", Match: "exact"}
		p := newProcedure(key, c.Registered()[key], nil)
		items := NewCallees(c, key, nil, now).Items
		if p.Active != want.active || items[0].Calls != want.first || items[1].Calls != want.last {
			t.Errorf("%s: active is %s, calls go to %s and %s, want %+v", policy, p.Active, items[0].Calls, items[1].Calls, want)
		}
	}
}

// With a rotation of its own in each router nobody is next.
func TestNobodyIsNextInRotationsOfTheirOwn(t *testing.T) {
	c := healthy()
	d := declared("rotate", "com.example.rotate", v1alpha1.InvokeRoundRobin)
	d.Spec.Rotation = v1alpha1.RotationReplica
	c.Procedures = append(c.Procedures, d)
	key := snapshot.ProcedureKey{Realm: "realm1", URI: "com.example.rotate", Match: "exact"}
	for _, item := range NewCallees(c, key, details(c, key, 1), now).Items {
		if item.Calls != "in turn" {
			t.Errorf("%+v", item)
		}
	}
}

// What is left out of the name of a procedure is found where only one fits, and asked for where more do.
func TestChoose(t *testing.T) {
	c := healthy()
	c.States["demo-0"].Procedures = append(c.States["demo-0"].Procedures, v1alpha1.RouterProcedureState{
		Realm: "realm2", URI: "com.example.rotate", Match: "exact", Invoke: "single", Callees: []v1alpha1.RouterCalleeState{callee("demo-0", 900, time.Hour)},
	})
	for _, one := range []struct {
		realm, uri string
		match      v1alpha1.MatchPolicy
		want       string // the key, or a part of the error
	}{
		{"", "com.example.primary", "", "realm1 com.example.primary exact"},
		{"", "com.example.files.", "", "realm1 com.example.files. prefix"},
		{"realm2", "com.example.rotate", "", "realm2 com.example.rotate exact"},
		{"", "com.example.rotate", "", "more than one procedure, choose one: --realm realm1 --match exact; or --realm realm2 --match exact"},
		{"", "com.example.files.a", "", "in any realm; there is com.example.files. (realm1, prefix)"},
		{"realm9", "com.example.primary", "", "in realm realm9; there is com.example.primary (realm1, exact)"},
		{"", "org.other", "", "kubectl wamp procedures demo"},
		{"", "com.example.primary", "prefix", "nobody has registered"},
	} {
		key, err := Choose(c, one.realm, one.uri, one.match)
		got := key.Realm + " " + key.URI + " " + string(key.Match)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, one.want) {
			t.Errorf("%+v: %s", one, got)
		}
	}
}

func TestFilter(t *testing.T) {
	uris := func(f Filter) string {
		var out []string
		for _, p := range NewProcedures(broken(), f).Items {
			out = append(out, strings.TrimPrefix(p.URI, "com.example."))
		}
		return strings.Join(out, " ")
	}
	for want, f := range map[string]Filter{
		"billing files. primary rotate": {},
		"billing":                       {Text: "bill"},
		"":                              {Realm: "realm2"},
		"files.":                        {Realm: "realm1", Text: "files", Problems: true},
	} {
		if got := uris(f); got != want {
			t.Errorf("%+v: %q, want %q", f, got, want)
		}
	}
	for _, p := range NewProcedures(healthy(), Filter{Problems: true}).Items {
		if p.URI == "com.example.primary" {
			t.Error("a procedure of which nothing has to be said is a problem")
		}
	}
}

// A WampProcedure that was not accepted does not hide the one that was.
func TestAcceptedDeclarationCounts(t *testing.T) {
	c := healthy()
	older := declared("conflicting", "com.example.primary", v1alpha1.InvokeLast, condition(v1alpha1.ConditionAccepted, metav1.ConditionFalse, "Conflict", "…"))
	older.CreationTimestamp = before(time.Hour)
	c.Procedures = append([]v1alpha1.WampProcedure{older}, c.Procedures...)
	for _, p := range NewProcedures(c, Filter{Text: "primary"}).Items {
		if p.Declared != "shop/primary" || len(p.Notes) > 0 {
			t.Errorf("%+v", p)
		}
	}
}

// Routers that cannot be reached for one reason make one line, and those of each reason one.
func TestUnheardRoutersAreToldTogether(t *testing.T) {
	got := strings.Join(unheard([]Router{
		{Pod: "demo-0", Trouble: `you may not forward ports of "demo-0"`}, {Pod: "demo-1", Trouble: "no answer"}, {Pod: "demo-2", Trouble: `you may not forward ports of "demo-2"`},
		{Pod: "demo-3"},
	}), "\n")
	want := `demo-0, demo-2 were not heard: you may not forward ports of "demo-0".` + "\ndemo-1 was not heard: no answer."
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// A link is missing when both routers are there, and not when one is restarting.
func TestLinksThatAreMissing(t *testing.T) {
	link := func(replica, member string, up bool, via string) v1alpha1.RouterLinkState {
		return v1alpha1.RouterLinkState{Replica: replica, Member: member, Up: up, Via: via, Since: before(time.Minute)}
	}
	for _, one := range []struct {
		links []v1alpha1.RouterLinkState
		want  string
	}{
		{nil, ""},
		{[]v1alpha1.RouterLinkState{link("demo-1", "demo-1-x", true, "")}, ""},
		{[]v1alpha1.RouterLinkState{link("demo-1", "demo-1-x", true, "demo-2")}, "demo-0 reaches demo-1 only through demo-2 for 60s"},
		{[]v1alpha1.RouterLinkState{link("demo-1", "demo-1-x", false, "")}, "demo-0 has no link with demo-1 for 60s"},
		{[]v1alpha1.RouterLinkState{link("demo-1", "demo-1-old", false, ""), link("demo-1", "demo-1-x", true, "")}, ""},
		{[]v1alpha1.RouterLinkState{link("demo-9", "demo-9-x", false, "")}, ""},
	} {
		got := strings.Join(linkFindings(healthy(), &v1alpha1.RouterLinks{Replica: "demo-0", Links: one.links}, now), "\n")
		if !strings.HasPrefix(got, one.want) || (got == "") != (one.want == "") {
			t.Errorf("%+v: %q, want %q", one.links, got, one.want)
		}
	}
}

// Clients choose URIs and names: what they write must not reach the terminal as anything but text.
func TestNothingMovesTheCursor(t *testing.T) {
	c := healthy()
	c.States["demo-0"].Procedures = []v1alpha1.RouterProcedureState{{
		Realm: "realm1", URI: "com.\x1b[2Jexample\u009b", Match: "exact", Invoke: "single", Callees: []v1alpha1.RouterCalleeState{callee("demo-0", 1, 0)},
	}}
	c.States["demo-0"].Router.Documents.Error = "\x1b[31mred"
	key := snapshot.ProcedureKey{Realm: "realm1", URI: "com.\x1b[2Jexample\u009b", Match: "exact"}
	who := map[string]*v1alpha1.RouterCallees{"demo-0": {RouterProcedureState: c.States["demo-0"].Procedures[0],
		Sessions: []v1alpha1.RouterSessionState{{AuthID: "a\rb\x07"}}}}
	var out bytes.Buffer
	for _, r := range []interface{ Write(io.Writer) error }{NewStatus(c, now), NewProcedures(c, Filter{}), NewCallees(c, key, who, now)} {
		if err := r.Write(&out); err != nil {
			t.Fatal(err)
		}
	}
	if at := strings.IndexFunc(strings.ReplaceAll(out.String(), "\n", " "), unprintable); at >= 0 {
		t.Errorf("not printable: %q", out.String()[max(0, at-20):at+20])
	}
	if !strings.Contains(out.String(), `com.\u001b[2Jexample\u009b`) || !strings.Contains(out.String(), `a\u000db\u0007`) {
		t.Error("what is not printable is not shown")
	}
}
