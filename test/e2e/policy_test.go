package e2e

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/test/app"
	"github.com/wamp-operator/wamp-operator/test/chaos/load"
)

const policyManifest = `
apiVersion: wamp-operator.io/v1alpha1
kind: WampProcedure
metadata: {name: policy}
spec: {clusterRef: {name: demo}, realm: realm1, uri: com.example.policy, invoke: first, enforcement: Override}
`

// policyChanges changes the policy of a procedure whose callees asked for another one, without them.
func policyChanges(t *testing.T, ctx context.Context, s *site) {
	s.Step("Another policy for callees that did not ask for it: enforcement Override")
	must(t, s.Cluster.Apply(ctx, s.namespace, policyManifest))
	s.kubectl(t, ctx, "wait", "--for=condition=Programmed", "--timeout=30s", "wampprocedure/policy")
	routers := s.addressed(t, ctx, "realm1")
	var all []app.Callee
	for i, name := range []string{"a", "b", "c"} {
		all = append(all, app.Callee{Name: name, Router: routers.Names[i], Logger: slog.New(slog.DiscardHandler),
			Procedures: []app.Procedure{{URI: "com.example.policy", Invoke: "single"}}})
	}
	s.stay(t, ctx, routers, all, "which ask for `single` under invoke: first, enforcement: Override")
	// Who answers six calls from each router, one router after the other.
	answers := func() (text string) {
		t.Helper()
		for _, router := range routers.Names {
			from := routers
			from.Names = []string{router}
			turns, err := app.Rotation(ctx, from, "com.example.policy", 6, 1)
			must(t, err)
			for _, turn := range turns {
				text += turn.Callee
			}
			text += " "
		}
		return text
	}
	const first, last, rotation = "aaaaaa aaaaaa aaaaaa ", "cccccc cccccc cccccc ", "abcabc abcabc abcabc "
	if got := answers(); got != first {
		t.Errorf("with invoke: first calls were answered by %s, want %s", got, first)
	}
	for _, c := range []struct{ invoke, want string }{{"last", last}, {"roundrobin", rotation}, {"first", first}} {
		begin := time.Now()
		s.do(t, ctx, "patch", "wampprocedure", "policy", "--type=merge", "-p", `{"spec":{"invoke":"`+c.invoke+`"}}`)
		s.eventually(t, ctx, 30*time.Second, "calls that follow invoke: "+c.invoke, func() (bool, string) {
			got := answers()
			if c.invoke == "roundrobin" { // it may begin anywhere
				return rotates(got), got
			}
			return got == c.want, got
		})
		s.took(t, policyTime, time.Since(begin))
	}
	s.kubectl(t, ctx, "delete", "wampprocedure", "policy", "--timeout=15s")
}

// rotates tells whether the answers are one rotation of a, b and c.
func rotates(answers string) bool {
	var turns []byte
	for i := range len(answers) {
		if answers[i] != ' ' {
			turns = append(turns, answers[i])
		}
	}
	for i := range turns {
		if i > 0 && turns[i] != 'a'+(turns[i-1]-'a'+1)%3 {
			return false
		}
	}
	return len(turns) > 0
}

// procedureAgain deletes a WampProcedure under load and creates it again.
func procedureAgain(t *testing.T, ctx context.Context, s *site) {
	s.Step("A WampProcedure is deleted and created again, under load")
	calls := s.traffic(t, ctx, nil)
	s.do(t, ctx, "delete", "wampprocedure", "lane0", "--timeout=15s")
	s.eventually(t, ctx, 30*time.Second, "routers that serve the snapshot without it", func() (bool, string) {
		return s.settled(t, ctx, 3)
	})
	calm(ctx, 2*time.Second)
	begin := time.Now()
	s.Command("kubectl apply …")
	must(t, s.Cluster.Apply(ctx, s.namespace, trafficManifest(s.cluster)))
	s.eventually(t, ctx, time.Minute, "a WampProcedure that is Ready with its two callees", func() (bool, string) {
		seen := s.kubectl(t, ctx, "get", "wampprocedure", "lane0", "-o", `jsonpath={.status.callees} {.status.conditions[?(@.type=="Ready")].status}`)
		return seen == "2 True", seen
	})
	s.took(t, procedureTime, time.Since(begin))
	states, err := s.states(ctx)
	must(t, err)
	for _, state := range states {
		for _, p := range state.Procedures {
			if p.URI == load.LaneURI(0) && len(p.Callees) != 2 {
				t.Errorf("%s has %s for %s, want the two callees that stayed", state.Router.Replica, fmt.Sprint(p.Callees), p.URI)
			}
		}
	}
	calls.end(t, ctx, procedureFailed)
}
