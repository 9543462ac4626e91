package e2e

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/test/chaos/client"
	"github.com/wamp-operator/wamp-operator/test/chaos/load"
)

const (
	trafficLanes = 12
	trafficRate  = 400 // calls a second
	// trafficLeast is how many calls there have to be for "none failed" to say something.
	trafficLeast = 500
)

// trafficManifest declares what the traffic uses, as somebody would who wants to lose no call in a
// rolling update: a hold for the time in which callees connect again.
func trafficManifest(cluster string) string {
	var m strings.Builder
	fmt.Fprintf(&m, `
apiVersion: wamp-operator.io/v1alpha1
kind: WampRealm
metadata: {name: %[1]s}
spec:
  clusterRef: {name: %[2]s}
  realm: %[1]s
  anonymous: {role: all}
  roles:
  - name: all
    permissions:
    - {uri: %[1]s., match: prefix, allow: [call, register]}
`, load.Realm, cluster)
	for i := range trafficLanes {
		fmt.Fprintf(&m, `---
apiVersion: wamp-operator.io/v1alpha1
kind: WampProcedure
metadata: {name: lane%d}
spec: {clusterRef: {name: %s}, realm: %s, uri: %s, invoke: roundrobin, hold: 5s}
`, i, cluster, load.Realm, load.LaneURI(i))
	}
	return m.String()
}

// traffic is calls through the Service, from callers and to callees that connect again as good clients
// do. They do not rest while something is done to the cluster.
type traffic struct {
	*site
	world *load.World
	lanes *load.Lanes
}

// traffic begins once the callees are registered. wrap, when there, makes more of a connection: TLS.
func (s *site) traffic(t *testing.T, ctx context.Context, wrap func(context.Context, net.Conn) (net.Conn, error)) *traffic {
	t.Helper()
	address := s.service(t, ctx)
	var routers []client.Router
	for _, name := range []string{"one", "two", "three"} { // a caller each
		routers = append(routers, client.Router{Name: name, Address: address})
	}
	return s.trafficAt(t, ctx, routers, wrap)
}

// trafficAt is traffic whose callers and callees are at these routers.
func (s *site) trafficAt(t *testing.T, ctx context.Context, routers []client.Router, wrap func(context.Context, net.Conn) (net.Conn, error)) *traffic {
	t.Helper()
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, network, address)
		if err != nil || wrap == nil {
			return conn, err
		}
		return wrap(ctx, conn)
	}
	tr := &traffic{site: s, world: load.NewWorld(routers, dial, 1)}
	starting, cancel := context.WithTimeoutCause(ctx, 30*time.Second, fmt.Errorf("the callees of the traffic are not registered at %v after 30 s", routers))
	defer cancel()
	lanes, err := tr.world.StartLanes(starting, load.LanesConfig{Lanes: trafficLanes, Callees: 2, CalleeClients: 4, Rate: trafficRate})
	if err != nil {
		t.Fatal(context.Cause(starting))
	}
	tr.lanes = lanes
	t.Cleanup(func() {
		tr.lanes.Leave()
		tr.world.Wait()
	})
	calm(ctx, time.Second)
	return tr
}

// end stops the calls, and notes how many failed: those that ended in an ERROR, were lost with a
// connection, or had no answer.
func (tr *traffic) end(t *testing.T, ctx context.Context, figure string) {
	t.Helper()
	calm(ctx, time.Second)
	tr.lanes.Stop()
	r := tr.world.Report()
	tr.lanes.Leave()
	tr.world.Wait()
	failed := r.Failed() + r.Lost + r.Unanswered
	tr.Say("%d calls: %d results, errors %v, lost with the connection %d, unanswered %d; sent again after GOODBYE %d; the longest took %s",
		r.Calls, r.Results, r.Errors, r.Lost, r.Unanswered, r.Resent, r.Longest.Round(time.Millisecond))
	tr.figure(t, figure, float64(failed))
	if failed > 0 {
		for _, op := range tr.world.Failures() {
			t.Logf("%s ended in %s after %s", op.Procedure, op.Error, time.Duration(op.End-op.Start))
		}
	}
	if r.Calls < trafficLeast {
		t.Errorf("there were only %d calls, want %d or more", r.Calls, trafficLeast)
	}
	if r.Twice > 0 {
		t.Errorf("%d calls were delivered twice", r.Twice)
	}
}
