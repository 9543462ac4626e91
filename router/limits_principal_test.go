package router_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

const guarded = `
apiVersion: wamp-operator.io/v1alpha1
kind: WampRealm
metadata: {name: guarded}
spec:
  clusterRef: {name: demo}
  realm: realm1
  anonymous: {role: guest}
  principals:
  - {authid: ann, role: guest, ticket: {secretRef: {name: tickets, key: ann}}}
  - {authid: bob, role: guest, ticket: {secretRef: {name: tickets, key: bob}}}
  roles:
  - {name: guest}
---
apiVersion: v1
kind: Secret
metadata: {name: tickets}
stringData: {ann: "of ann", bob: "of bob"}
`

// One principal cannot take up a router; the others, and those without a name, do not notice.
func TestSessionsPerPrincipal(t *testing.T) {
	file := filepath.Join(t.TempDir(), "realm.yaml")
	if err := os.WriteFile(file, []byte(guarded), 0o600); err != nil {
		t.Fatal(err)
	}
	dev := start(t, 1, func(c *router.DevConfig) {
		c.Documents = []string{file}
		c.Configure = func(_ int, c *v1alpha1.RouterConfiguration) {
			most := int32(2)
			c.Limits.SessionsPerPrincipal = &most
		}
	})
	as := func(name string) (*wamptest.Client, error) {
		return wamptest.LogIn(t, dial(t, dev.Routers[0], wamp.MessagePack), "realm1", wamptest.WithTicket(name, "of "+name))
	}
	first, err := as("ann")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := as("ann"); err != nil {
		t.Fatal(err)
	}
	if _, err := as("ann"); wamptest.URI(err) != wamp.ErrNotAuthorized {
		t.Errorf("a third session: %v", err)
	}
	if _, err := as("bob"); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	for range 4 {
		join(t, dev, 0)
	}
	first.Kill()
	eventually(t, "room for ann again", func() bool {
		_, err := as("ann")
		return err == nil
	})
}
