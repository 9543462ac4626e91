package e2e

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/test/demo"
)

// allInOne installs the chart with a WampCluster in its values, asks helm to test it, takes a procedure out of
// the values, and uninstalls: nothing is left.
func allInOne(t *testing.T, ctx context.Context, b *bench) {
	b.Step("helm install with a WampCluster in the values")
	s := &site{bench: b, namespace: demo.OperatorNamespace, cluster: "inone"}
	values := []string{
		"cluster.enabled=true", "cluster.name=" + s.cluster, "cluster.spec.replicas=2",
		"cluster.realms.realm1.anonymous.role=guest",
		"cluster.realms.realm1.roles[0].name=guest",
		"cluster.realms.realm1.roles[0].permissions[0].uri=com.",
		"cluster.realms.realm1.roles[0].permissions[0].match=prefix",
		"cluster.realms.realm1.roles[0].permissions[0].allow={call,register,publish,subscribe}",
	}
	rotate := []string{"realm=realm1", "uri=com.example.rotate", "invoke=roundrobin"}
	for i := range rotate {
		rotate[i] = "cluster.procedures.rotate." + rotate[i]
	}
	s.helm(t, ctx, "charts/wamp-operator", slices.Concat(values, rotate)...)
	s.do(t, ctx, "wait", "--for=condition=Ready", "--timeout=90s", "wampcluster/"+s.cluster, "wamprealm/realm1")
	s.do(t, ctx, "wait", "--for=condition=Programmed", "--timeout=30s", "wampprocedure/rotate")

	s.Command("helm test " + demo.Release)
	said, err := b.Cluster.Helm(ctx, "test", demo.Release, "-n", demo.OperatorNamespace, "--timeout=90s")
	must(t, err)
	if !strings.Contains(said, "Succeeded") {
		t.Errorf("helm test said\n%s", said)
	}

	s.helm(t, ctx, "charts/wamp-operator", values...)
	if left := s.kubectl(t, ctx, "get", "wampprocedures", "-o", "name"); left != "" {
		t.Errorf("what the values no longer name is left: %s", left)
	}

	s.Command("helm uninstall " + demo.Release)
	_, err = b.Cluster.Helm(ctx, "uninstall", "-n", demo.OperatorNamespace, demo.Release, "--wait", "--timeout=60s")
	must(t, err)
	s.eventually(t, ctx, time.Minute, "nothing left of the release", func() (bool, string) {
		left := s.kubectl(t, ctx, "get", "wampclusters,wamprealms,statefulsets,pods", "-o", "name")
		return left == "", left
	})
	b.Good("install, test, upgrade and uninstall of operator and cluster in one")
}
