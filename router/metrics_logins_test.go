package router_test

import (
	"strings"
	"testing"

	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Who runs a router sees log-ins that fail, and clients cannot make the metrics grow with names.
func TestLoginsAreCounted(t *testing.T) {
	dev := start(t, 1)
	join(t, dev, 0)
	for _, realm := range []string{"com.example.nowhere", "com.example.elsewhere"} {
		if _, err := wamptest.TryJoin(t, rawsocket(dev.Routers[0]), realm, wamp.JSON); err == nil {
			t.Fatalf("joined %s", realm)
		}
	}
	_, body := get(t, dev.Routers[0], "/metrics")
	for _, want := range []string{
		`wamp_router_authentications_total{method="anonymous",realm="realm1",result="ok"} 1`,
		`wamp_router_authentications_total{method="anonymous",realm="other",result="denied"} 2`,
		`wamp_router_refused_total{limit="callsInFlight"} 0`,
		`wamp_router_refused_total{limit="registrations"} 0`,
		`wamp_router_refused_total{limit="subscriptions"} 0`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the metrics have no %s", want)
		}
	}
}
