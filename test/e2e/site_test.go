package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/test/app"
	"github.com/wamp-operator/wamp-operator/test/demo"
)

// site is one WampCluster. Clients of the tests run on this machine, which reaches the addresses of
// pods and Services of the Kubernetes of hack/kube.
type site struct {
	*bench
	namespace, cluster string
}

// main is the WampCluster of the demonstration.
func (b *bench) main() *site { return &site{bench: b, namespace: demo.Namespace, cluster: "demo"} }

func (s *site) kubectl(t *testing.T, ctx context.Context, args ...string) string {
	t.Helper()
	said, err := s.Cluster.Kubectl(ctx, append(args, "-n", s.namespace)...)
	must(t, err)
	return said
}

// do runs kubectl and prints the command.
func (s *site) do(t *testing.T, ctx context.Context, args ...string) {
	t.Helper()
	s.Command("kubectl -n " + s.namespace + " " + strings.Join(args, " "))
	s.kubectl(t, ctx, args...)
}

func (s *site) get(t *testing.T, ctx context.Context, object string, into any) {
	t.Helper()
	must(t, json.Unmarshal([]byte(s.kubectl(t, ctx, "get", object, "-o", "json")), into))
}

// stay lets callees register, and keeps them until the test ends; they connect again when they have to.
func (s *site) stay(t *testing.T, ctx context.Context, routers app.Routers, callees []app.Callee, which string) {
	t.Helper()
	ctx, leave := context.WithCancel(ctx)
	registered, ended := make(chan struct{}), make(chan struct{})
	go func() {
		app.RunCallees(ctx, routers, callees, func() { close(registered) })
		close(ended)
	}()
	t.Cleanup(func() {
		leave()
		<-ended
	})
	select {
	case <-registered:
	case <-time.After(20 * time.Second):
		t.Fatalf("the callees %s did not register within 20 s", which)
	}
}

// pods are the router pods that are not about to go, by name.
func (s *site) pods(t *testing.T, ctx context.Context) []corev1.Pod {
	t.Helper()
	var list corev1.PodList
	must(t, json.Unmarshal([]byte(s.kubectl(t, ctx, "get", "pods", "-l", "wamp-operator.io/cluster="+s.cluster, "-o", "json")), &list))
	pods := slices.DeleteFunc(list.Items, func(p corev1.Pod) bool { return p.DeletionTimestamp != nil })
	slices.SortFunc(pods, func(a, b corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	return pods
}

func ready(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue && p.DeletionTimestamp == nil
		}
	}
	return false
}

// lives tells each router pod by its UID and how often its container was restarted: what is the same
// twice was not restarted in between.
func (s *site) lives(t *testing.T, ctx context.Context) map[string]string {
	t.Helper()
	lives := map[string]string{}
	for _, p := range s.pods(t, ctx) {
		restarts := int32(0)
		for _, c := range p.Status.ContainerStatuses {
			restarts += c.RestartCount
		}
		lives[p.Name] = fmt.Sprintf("%s, %d restarts", p.UID, restarts)
	}
	return lives
}

// restarted counts the pods that are not those of before.
func restarted(before, after map[string]string, but ...string) float64 {
	n := 0
	for name, life := range before {
		if after[name] != life && !slices.Contains(but, name) {
			n++
		}
	}
	return float64(n)
}

// addressed are the routers with these names, all when there is none, at the addresses of their pods.
func (s *site) addressed(t *testing.T, ctx context.Context, realm string, names ...string) app.Routers {
	t.Helper()
	routers, addresses := app.Routers{Names: names, Realm: realm}, map[string]string{}
	for _, p := range s.pods(t, ctx) {
		addresses[p.Name] = p.Status.PodIP
		if len(names) == 0 {
			routers.Names = append(routers.Names, p.Name)
		}
	}
	routers.URL = func(name string) string { return "ws://" + clientPort(addresses[name]) + "/ws" }
	return routers
}

// service is the address of the Service for clients.
func (s *site) service(t *testing.T, ctx context.Context) string {
	t.Helper()
	return clientPort(s.kubectl(t, ctx, "get", "service", s.cluster, "-o", "jsonpath={.spec.clusterIP}"))
}

// clientPort is where clients connect to an address, of either family.
func clientPort(address string) string { return net.JoinHostPort(address, "8080") }

// through are routers that are reached through the Service: each connection is to any of them. The
// names are for several attempts in a row.
func (s *site) through(t *testing.T, ctx context.Context, realm string, names ...string) app.Routers {
	t.Helper()
	url := "ws://" + s.service(t, ctx) + "/ws"
	return app.Routers{Names: names, Realm: realm, URL: func(string) string { return url }}
}

// states asks every router what it holds.
func (s *site) states(ctx context.Context) ([]v1alpha1.RouterState, error) {
	token, err := s.Cluster.Kubectl(ctx, "get", "secret", "-n", s.namespace, s.cluster+"-admin", "-o", "go-template={{.data.token | base64decode}}")
	if err != nil {
		return nil, err
	}
	addresses, err := s.Cluster.Kubectl(ctx, "get", "pods", "-n", s.namespace, "-l", "wamp-operator.io/cluster="+s.cluster, "-o", `jsonpath={range .items[*]}{.status.podIP} {end}`)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return app.States(ctx, app.Routers{Names: strings.Fields(addresses), URL: func(address string) string { return "ws://" + net.JoinHostPort(address, "0") }}, "9090", token)
}

// disagree is what keeps routers from being one dealer; empty when they are.
func disagree(states []v1alpha1.RouterState, replicas int) string {
	if len(states) != replicas {
		return fmt.Sprintf("%d routers answer", len(states))
	}
	for _, state := range states {
		r, first := state.Router, states[0].Router
		if !r.Ready || len(r.Members) != replicas || r.ListHash != first.ListHash {
			return fmt.Sprintf("%s is ready: %v, sees %v and has lists with the hash %s; %s has %s", r.Replica, r.Ready, r.Members, r.ListHash, first.Replica, first.ListHash)
		}
	}
	return ""
}

// whole waits until there are this many routers, all ready, each sees all, and their lists are equal;
// and until the WampCluster says so.
func (s *site) whole(t *testing.T, ctx context.Context, replicas int, within time.Duration) {
	t.Helper()
	s.eventually(t, ctx, within, fmt.Sprintf("%d routers that agree, and a WampCluster %s that is Ready", replicas, s.cluster), func() (bool, string) {
		if seen := s.disagreement(t, ctx, replicas); seen != "" {
			return false, seen
		}
		return s.settled(t, ctx, replicas)
	})
}

// disagreement is what keeps the routers from being one dealer; empty when they are.
func (s *site) disagreement(t *testing.T, ctx context.Context, replicas int) string {
	t.Helper()
	pods := s.pods(t, ctx)
	if len(pods) != replicas {
		return fmt.Sprintf("%d pods", len(pods))
	}
	for i := range pods {
		if !ready(&pods[i]) {
			return pods[i].Name + " is not ready"
		}
	}
	states, err := s.states(ctx)
	if err != nil {
		return err.Error()
	}
	return disagree(states, replicas)
}

// settled tells whether the status of the WampCluster speaks of its latest generation, and of that
// many routers that are ready.
func (s *site) settled(t *testing.T, ctx context.Context, replicas int) (bool, string) {
	t.Helper()
	var c v1alpha1.WampCluster
	s.get(t, ctx, "wampcluster/"+s.cluster, &c)
	for _, condition := range c.Status.Conditions {
		if condition.Type == v1alpha1.ConditionReady {
			ok := condition.Status == "True" && condition.ObservedGeneration == c.Generation && int(c.Status.ReadyReplicas) == replicas
			return ok, fmt.Sprintf("WampCluster: %d replicas ready, Ready is %s (generation %d of %d): %s", c.Status.ReadyReplicas,
				condition.Status, condition.ObservedGeneration, c.Generation, condition.Message)
		}
	}
	return false, "the WampCluster has no condition Ready"
}
