package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/gammazero/nexus/v3/client"
	"github.com/gammazero/nexus/v3/wamp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

const followManifest = `
apiVersion: wamp-operator.io/v1alpha1
kind: WampProcedure
metadata: {name: follow}
spec: {clusterRef: {name: demo}, realm: realm1, uri: com.example.follow, invoke: first, standbys: 1}
`

// conditionsFollow lets callees come and go, and takes the time until kubectl shows it.
func conditionsFollow(t *testing.T, ctx context.Context, s *site) {
	s.Step("Available and Redundant follow the callees")
	must(t, s.Cluster.Apply(ctx, s.namespace, followManifest))
	s.kubectl(t, ctx, "wait", "--for=condition=Programmed", "--timeout=30s", "wampprocedure/follow")
	type change struct {
		at                   time.Time
		available, redundant metav1.ConditionStatus
	}
	changes := make(chan change, 100)
	stop := watch(t, ctx, s, func(_ string, p *v1alpha1.WampProcedure) {
		c := change{at: time.Now()}
		for _, condition := range p.Status.Conditions {
			switch condition.Type {
			case v1alpha1.ConditionAvailable:
				c.available = condition.Status
			case v1alpha1.ConditionRedundant:
				c.redundant = condition.Status
			}
		}
		changes <- c
	}, "wampprocedures", "--field-selector=metadata.name=follow")
	defer stop()
	now := change{}
	until := func(what string, since time.Time, done func(change) bool) time.Duration {
		t.Helper()
		limit := time.After(20 * time.Second)
		for {
			if done(now) {
				return max(0, now.at.Sub(since))
			}
			select {
			case now = <-changes:
			case <-limit:
				t.Fatalf("after 20 s the status does not say that %s: Available is %s, Redundant is %s", what, now.available, now.redundant)
			}
		}
	}
	until("nobody is there", time.Now(), func(c change) bool { return c.available == "False" && c.redundant == "False" })

	routers := s.addressed(t, ctx, "realm1")
	join := func(i int) *client.Client {
		t.Helper()
		callee, err := routers.Join(ctx, routers.Names[i%len(routers.Names)])
		must(t, err)
		must(t, callee.Register("com.example.follow", func(context.Context, *wamp.Invocation) client.InvokeResult {
			return client.InvokeResult{}
		}, wamp.Dict{wamp.OptInvoke: "first"}))
		return callee
	}
	var available, redundant []time.Duration
	for round := range 5 {
		first := join(round)
		available = append(available, until("a callee is there", time.Now(), func(c change) bool { return c.available == "True" }))
		second := join(round + 1)
		redundant = append(redundant, until("a standby is there", time.Now(), func(c change) bool { return c.redundant == "True" }))
		begin := time.Now()
		must(t, second.Close())
		redundant = append(redundant, until("the standby is gone", begin, func(c change) bool { return c.redundant == "False" }))
		begin = time.Now()
		must(t, first.Close())
		available = append(available, until("the callee is gone", begin, func(c change) bool { return c.available == "False" }))
	}
	s.Say("Available: %s\nRedundant: %s", short(available), short(redundant))
	s.took(t, availableTime, longest(available))
	s.took(t, redundantTime, longest(redundant))
	s.kubectl(t, ctx, "delete", "wampprocedure", "follow", "--timeout=15s")
}

func longest(all []time.Duration) (d time.Duration) {
	for _, one := range all {
		d = max(d, one)
	}
	return d
}

func short(all []time.Duration) (text string) {
	for _, d := range all {
		text += fmt.Sprintf("%d ms ", d.Milliseconds())
	}
	return text
}
