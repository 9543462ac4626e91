package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/test/demo"
)

const orderManifest = `
apiVersion: wamp-operator.io/v1alpha1
kind: WampCluster
metadata: {name: small}
spec: {replicas: 1}
---
apiVersion: wamp-operator.io/v1alpha1
kind: WampRealm
metadata: {name: realm1}
spec:
  clusterRef: {name: small}
  realm: realm1
  anonymous: {role: guest}
  roles: [{name: guest}]
---
apiVersion: wamp-operator.io/v1alpha1
kind: WampProcedure
metadata: {name: add}
spec: {clusterRef: {name: small}, realm: realm1, uri: com.example.add}
`

const everyKind = "statefulsets,pods,services,configmaps,secrets,serviceaccounts,poddisruptionbudgets"

// deleteInAnyOrder deletes the custom resources one after another in several orders, each in a
// namespace of its own, and at last all at once with their namespace.
func deleteInAnyOrder(t *testing.T, ctx context.Context, d *demo.Demo) {
	d.Step("Deleting in any order")
	orders := [][]string{
		{"wampcluster/small", "wamprealm/realm1", "wampprocedure/add"},
		{"wampprocedure/add", "wamprealm/realm1", "wampcluster/small"},
		{"wamprealm/realm1", "wampcluster/small", "wampprocedure/add"},
		{}, // the namespace with all that is in it
	}
	name := func(i int) string { return fmt.Sprintf("wamp-order-%d", i) }
	for i := range orders {
		_, err := d.Cluster.Kubectl(ctx, "delete", "namespace", name(i), "--ignore-not-found", "--timeout=60s")
		must(t, err)
		_, err = d.Cluster.Kubectl(ctx, "create", "namespace", name(i))
		must(t, err)
		must(t, d.Cluster.Apply(ctx, name(i), orderManifest))
	}
	for i := range orders {
		_, err := d.Cluster.Kubectl(ctx, "wait", "-n", name(i), "--for=condition=Ready", "--timeout=2m", "wampcluster/small", "wamprealm/realm1")
		must(t, err)
	}
	for i, order := range orders {
		for _, object := range order {
			_, err := d.Cluster.Kubectl(ctx, "delete", "-n", name(i), object, "--timeout=15s")
			must(t, err)
		}
		if len(order) > 0 {
			eventuallyNothing(t, ctx, d, name(i))
			d.Good("nothing is left after %s", strings.Join(order, ", "))
		}
		_, err := d.Cluster.Kubectl(ctx, "delete", "namespace", name(i), "--timeout=60s")
		must(t, err)
	}
	d.Good("namespaces go, also with everything in them")
}

// uninstall takes the operator away while its routers serve, then deletes what it would have
// looked after.
func uninstall(t *testing.T, ctx context.Context, d *bench) {
	d.Step("helm uninstall, then the custom resources, the namespaces, the definitions")
	_, err := d.Cluster.Helm(ctx, "uninstall", "-n", demo.OperatorNamespace, demo.Release, "--wait", "--timeout=60s")
	must(t, err)

	// The routers go on without it.
	answers, err := d.Share(ctx, 10)
	must(t, err)
	if len(answers) != 3 {
		t.Errorf("without the operator calls were answered by %v, want three callees", answers)
	}
	d.Good("the routers serve on without the operator")

	begin := time.Now()
	_, err = d.Cluster.Kubectl(ctx, "delete", "-n", demo.Namespace, "-f", "config/samples", "--timeout=30s")
	must(t, err)
	eventuallyNothing(t, ctx, d.Demo, demo.Namespace)
	d.took(t, uninstallTime, time.Since(begin))
	for _, namespace := range []string{demo.Namespace, demo.OperatorNamespace} {
		_, err = d.Cluster.Kubectl(ctx, "delete", "namespace", namespace, "--timeout=60s")
		must(t, err)
	}
	_, err = d.Cluster.Kubectl(ctx, "delete", "--timeout=30s", "crd", "wampclusters.wamp-operator.io", "wamprealms.wamp-operator.io", "wampprocedures.wamp-operator.io")
	must(t, err)
	left, err := d.Cluster.Kubectl(ctx, "get", "clusterroles,clusterrolebindings,customresourcedefinitions", "-o", "name")
	must(t, err)
	for line := range strings.Lines(left) {
		if strings.Contains(line, "wamp") {
			t.Errorf("helm uninstall left %s", line)
		}
	}
	d.Good("nothing is left in the cluster")
}

// eventuallyNothing waits for the garbage collector to take what a WampCluster owned.
func eventuallyNothing(t *testing.T, ctx context.Context, d *demo.Demo, namespace string) {
	t.Helper()
	var left string
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(300 * time.Millisecond) {
		var err error
		left, err = d.Cluster.Kubectl(ctx, "get", everyKind, "-n", namespace, "-l", "app.kubernetes.io/managed-by=wamp-operator", "-o", "name")
		must(t, err)
		if left == "" {
			return
		}
	}
	t.Fatalf("a minute after the WampCluster was deleted, namespace %s still has:\n%s", namespace, left)
}
