package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/test/demo"
	"github.com/wamp-operator/wamp-operator/test/previous"
)

const upgradeManifest = `
apiVersion: wamp-operator.io/v1alpha1
kind: WampCluster
metadata: {name: demo}
spec: {replicas: 3}
---
`

// previousChart is the chart of the previous version, packaged by helm from that commit.
const previousChart = "test/e2e/testdata/wamp-operator-0.1.0.tgz"

// upgrade installs the previous version with a cluster under load, and upgrades first the operator and
// then the routers.
func upgrade(t *testing.T, ctx context.Context, b *bench) {
	s := &site{bench: b, namespace: "wamp-upgrade", cluster: "demo"}
	b.Step("The previous version, " + previous.Tag)
	operator, router, err := previous.Images(ctx, b.Cluster.Repo)
	must(t, err)
	for _, archive := range []string{operator.Archive, router.Archive} {
		_, err := b.Cluster.Kube(ctx, "load", archive)
		must(t, err)
	}
	s.fresh(t, ctx)
	s.helm(t, ctx, previousChart, "image.tag="+previous.Tag, "router.image.tag="+previous.Tag)
	must(t, s.Cluster.Apply(ctx, s.namespace, upgradeManifest+trafficManifest(s.cluster)))
	s.whole(t, ctx, 3, 90*time.Second)
	before := s.lives(t, ctx)
	b.Good("three routers of the previous version are one dealer")

	b.Step("helm upgrade with the router image pinned, under load")
	calls := s.traffic(t, ctx, nil)
	s.helm(t, ctx, "charts/wamp-operator", "router.image.tag="+previous.Tag)
	s.operatorIs(t, ctx, chartImage(t, b, "wamp-operator"))
	// The status that this version alone writes: it has looked at the cluster.
	s.eventually(t, ctx, 90*time.Second, "three routers that the new operator takes as up to date", func() (bool, string) {
		n := s.kubectl(t, ctx, "get", "wampcluster", s.cluster, "-o", "jsonpath={.status.updatedReplicas}")
		if n != "3" {
			return false, fmt.Sprintf("status.updatedReplicas is %q", n)
		}
		return s.settled(t, ctx, 3)
	})
	calm(ctx, 5*time.Second) // an operator that wants to restart a router had time to
	s.figure(t, upgradeRestarts, restarted(before, s.lives(t, ctx)))
	s.whole(t, ctx, 3, 30*time.Second)
	calls.end(t, ctx, upgradeFailed)

	b.Step("The routers of this version take the place of the previous ones, under load")
	calls = s.traffic(t, ctx, nil)
	mixed := s.mixtures(t, ctx, router.Ref)
	s.helm(t, ctx, "charts/wamp-operator")
	s.rolledTo(t, ctx, chartImage(t, b, "wamp-router"), 3*time.Minute)
	calls.end(t, ctx, mixedFailed)
	if seen := mixed(); len(seen) == 0 {
		t.Error("while the routers were replaced, old and new ones were never seen as one dealer with equal lists")
	} else {
		b.Good("old and new routers were one dealer with equal lists: %s", strings.Join(seen, "; "))
	}
	_, err = b.Cluster.Helm(ctx, "uninstall", "-n", demo.OperatorNamespace, demo.Release, "--wait", "--timeout=60s")
	must(t, err)
	_, err = b.Cluster.Kubectl(ctx, "delete", "namespace", s.namespace, "--timeout=90s")
	must(t, err)
}

// helm installs a chart, or upgrades to it, with these values and no others.
func (s *site) helm(t *testing.T, ctx context.Context, chart string, values ...string) {
	t.Helper()
	args := []string{"upgrade", "--install", demo.Release, chart, "--namespace", demo.OperatorNamespace, "--create-namespace", "--reset-values"}
	for _, v := range values {
		args = append(args, "--set", v)
	}
	s.Command("helm " + strings.Join(args, " "))
	args[3] = filepath.Join(s.Cluster.Repo, chart)
	_, err := s.Cluster.Helm(ctx, append(args, "--wait", "--timeout=90s")...)
	must(t, err)
}

// operatorIs waits until the operator that is ready has an image, and none with another is left.
func (s *site) operatorIs(t *testing.T, ctx context.Context, image string) {
	t.Helper()
	s.eventually(t, ctx, time.Minute, "one operator, with the image "+image, func() (bool, string) {
		seen, err := s.Cluster.Kubectl(ctx, "get", "pods", "-n", demo.OperatorNamespace, "-l", "app.kubernetes.io/name=wamp-operator",
			"-o", `jsonpath={range .items[*]}{.spec.containers[0].image} {end}`)
		must(t, err)
		return strings.TrimSpace(seen) == image, seen
	})
}

// chartImage is the image that the chart takes when it is given no values.
func chartImage(t *testing.T, b *bench, name string) string {
	t.Helper()
	chart, err := os.ReadFile(filepath.Join(b.Cluster.Repo, "charts/wamp-operator/Chart.yaml"))
	must(t, err)
	for line := range strings.Lines(string(chart)) {
		if version, ok := strings.CutPrefix(line, "appVersion: "); ok {
			return "ghcr.io/wamp-operator/" + name + ":" + strings.Trim(strings.TrimSpace(version), `"`)
		}
	}
	t.Fatal("Chart.yaml has no appVersion")
	return ""
}

// mixtures looks at the routers all the time while they are replaced, and gives the mixtures of old and
// new that were seen as one dealer.
func (s *site) mixtures(t *testing.T, ctx context.Context, old string) (seen func() []string) {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	var all []string
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			calm(ctx, lookEvery)
			out, err := s.Cluster.Kubectl(ctx, "get", "pods", "-n", s.namespace, "-l", "wamp-operator.io/cluster="+s.cluster,
				"-o", `jsonpath={range .items[*]}{.spec.containers[0].image} {end}`)
			if err != nil {
				continue
			}
			images := strings.Fields(out)
			n := len(images) - len(slices.DeleteFunc(slices.Clone(images), func(image string) bool { return image == old }))
			what := fmt.Sprintf("%d old and %d new", n, len(images)-n)
			if n == 0 || n == 3 || len(images) != 3 || slices.Contains(all, what) {
				continue
			}
			if states, err := s.states(ctx); err == nil && disagree(states, 3) == "" {
				all = append(all, what)
			}
		}
	}()
	return func() []string {
		cancel()
		<-ended
		return all
	}
}
