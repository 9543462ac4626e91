package router_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// needIPv6 skips a test on a machine that has no IPv6 at all.
func needIPv6(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("this machine has no ::1: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// On a machine with IPv6 alone replicas meet, call one another and take over, whether they listen on one
// address or, as in a pod, on all and are told what theirs is.
func TestReplicasOverIPv6(t *testing.T) {
	needIPv6(t)
	pod := func(_ int, c *v1alpha1.RouterConfiguration) { c.Cluster.Gossip, c.Cluster.Links = "[::]:0", ":0" }
	for how, configure := range map[string]func(int, *v1alpha1.RouterConfiguration){"one address": nil, "all addresses": pod} {
		t.Run(how, func(t *testing.T) {
			dev := start(t, 3, func(c *router.DevConfig) { c.Listen, c.Configure = "[::1]:0", configure })
			for _, r := range dev.Routers {
				for what, address := range map[string]string{"clients": r.Address(), "administration": r.AdminAddress(), "gossip": r.GossipAddress()} {
					if at, err := netip.ParseAddrPort(address); err != nil || at.Addr() != netip.IPv6Loopback() {
						t.Errorf("the address for %s is %s: %v", what, address, err)
					}
				}
			}
			for i := range 3 {
				callee(t, dev, i, "roundrobin")
			}
			for i := range 9 {
				if got := who(t, join(t, dev, i)); got != name3(i) {
					t.Errorf("call %d went to %s", i, got)
				}
			}
			ws := wamptest.Join(t, websocket(dev.Routers[1]), "realm1", wamp.JSON)
			if got := who(t, ws); got != name3(0) {
				t.Errorf("a call by WebSocket went to %s", got)
			}
			dev.Routers[0].Close()
			eventually(t, "the callee of the replica that is gone off the list", func() bool { return len(listed(dev.Routers[2])) == 2 })
			for i := range 4 {
				if got, want := who(t, join(t, dev, 1+i%2)), name(1+i%2); got != want {
					t.Errorf("after the loss of a replica call %d went to %s, want %s", i, got, want)
				}
			}
			response, err := http.Get("http://" + dev.Routers[1].AdminAddress() + "/readyz")
			if err != nil {
				t.Fatal(err)
			}
			if response.Body.Close(); response.StatusCode != http.StatusOK {
				t.Errorf("/readyz: %s", response.Status)
			}
		})
	}
}

func name3(i int) string { return name(i % 3) }

// A load balancer that connects over IPv6 tells of clients over IPv6.
func TestProxyOverIPv6(t *testing.T) {
	needIPv6(t)
	dev := start(t, 1, func(c *router.DevConfig) {
		c.Listen = "[::1]:0"
		c.Configure = func(_ int, c *v1alpha1.RouterConfiguration) {
			c.ProxyProtocol = &v1alpha1.RouterProxyProtocol{TrustedSources: []string{"::1"}}
		}
	})
	balancer, err := net.Dial("tcp", dev.Routers[0].Address())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = balancer.Close() }()
	if _, err := fmt.Fprintf(balancer, "PROXY TCP6 2001:db8::7 ::1 4660 8080\r\nGET /nothing HTTP/1.1\r\nHost: [::1]\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	status, err := bufio.NewReader(balancer).ReadString('\n')
	if err != nil || !strings.HasPrefix(status, "HTTP/1.1 4") {
		t.Errorf("behind the header: %q, %v", status, err)
	}
}
