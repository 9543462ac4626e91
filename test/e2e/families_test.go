package e2e

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/wamp-operator/wamp-operator/test/app"
)

const familiesManifest = `
apiVersion: wamp-operator.io/v1alpha1
kind: WampCluster
metadata: {name: six}
spec:
  service: {ipFamilyPolicy: SingleStack, ipFamilies: [IPv6]}
---
apiVersion: wamp-operator.io/v1alpha1
kind: WampRealm
metadata: {name: realm1}
spec:
  clusterRef: {name: six}
  realm: realm1
  anonymous: {role: all}
  roles:
  - name: all
    permissions:
    - {uri: com., match: prefix, allow: [call, register]}
`

// bothFamilies lets routers find one another and be reached by IPv6 alone, and then by both families.
func bothFamilies(t *testing.T, ctx context.Context, b *bench) {
	b.Step("Services of IPv6, then of both families")
	if _, err := os.Stat("/proc/net/if_inet6"); err != nil {
		b.figure(t, familiesTime, 0)
		b.Say("this kernel has no IPv6: nothing was tried")
		return
	}
	s := &site{bench: b, namespace: "wamp-six", cluster: "six"}
	_, err := b.Cluster.Kubectl(ctx, "create", "namespace", s.namespace)
	must(t, err)
	t.Cleanup(func() {
		_, _ = b.Cluster.Kubectl(context.WithoutCancel(ctx), "delete", "namespace", s.namespace, "--timeout=60s")
	})
	begin := time.Now()
	must(t, b.Cluster.Apply(ctx, s.namespace, familiesManifest))
	s.whole(t, ctx, 3, time.Minute)
	s.answers(t, ctx, "IPv6")
	s.took(t, familiesTime, time.Since(begin))

	before := s.lives(t, ctx)
	s.do(t, ctx, "patch", "wampcluster", s.cluster, "--type=merge", "-p", `{"spec":{"service":{"ipFamilyPolicy":"RequireDualStack","ipFamilies":["IPv6","IPv4"]}}}`)
	s.eventually(t, ctx, 20*time.Second, "Services of both families", func() (bool, string) {
		var headless, service corev1.Service
		s.get(t, ctx, "service/"+s.cluster+"-headless", &headless)
		s.get(t, ctx, "service/"+s.cluster, &service)
		return len(headless.Spec.IPFamilies) == 2 && len(service.Spec.ClusterIPs) == 2, fmt.Sprint(headless.Spec.IPFamilies, service.Spec.ClusterIPs)
	})
	s.answers(t, ctx, "IPv6", "IPv4")
	if n := restarted(before, s.lives(t, ctx)); n != 0 {
		t.Errorf("another family of the Services restarted %v routers", n)
	}
}

// answers calls through the Service at its address of each family, which have to be these.
func (s *site) answers(t *testing.T, ctx context.Context, families ...string) {
	t.Helper()
	var service corev1.Service
	s.get(t, ctx, "service/"+s.cluster, &service)
	if len(service.Spec.ClusterIPs) != len(families) {
		t.Fatalf("the Service has the addresses %v, want one of each of %v", service.Spec.ClusterIPs, families)
	}
	for i, address := range service.Spec.ClusterIPs {
		if six := netip.MustParseAddr(address).Is6(); six != (families[i] == "IPv6") {
			t.Errorf("the Service has the address %s, want one of %s", address, families[i])
		}
		routers := app.Routers{Names: []string{"one", "two", "three"}, Realm: "realm1", URL: func(string) string { return "ws://" + clientPort(address) + "/ws" }}
		procedure := fmt.Sprintf("com.example.%s.of%d", strings.ToLower(families[i]), len(families)) // callees stay
		callee := app.Callee{Name: families[i], Router: "one", Logger: slog.New(slog.DiscardHandler), Procedures: []app.Procedure{{URI: procedure, Invoke: "single"}}}
		s.eventually(t, ctx, 10*time.Second, "a Service that answers at "+address, func() (bool, string) {
			c, err := routers.Join(ctx, "one") // kube-proxy may not have come to it
			if err != nil {
				return false, err.Error()
			}
			return true, fmt.Sprint(c.Close())
		})
		s.stay(t, ctx, routers, []app.Callee{callee}, "at "+address)
		got, err := app.Share(ctx, routers, procedure, 100)
		must(t, err)
		if got[families[i]] != 300 {
			t.Errorf("300 calls to %s over %s were answered by %v", procedure, families[i], got)
		}
		s.Good("300 calls over %s, to %s", families[i], address)
	}
}
