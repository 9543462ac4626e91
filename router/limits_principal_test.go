package router_test

import (
	"fmt"
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

// One principal cannot take up a cluster, whichever replicas it turns to; the others, and those
// without a name, do not notice.
func TestSessionsPerPrincipal(t *testing.T) {
	file := filepath.Join(t.TempDir(), "realm.yaml")
	if err := os.WriteFile(file, []byte(guarded), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, replicas := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d replicas", replicas), func(t *testing.T) {
			dev := start(t, replicas, func(c *router.DevConfig) {
				c.Documents = []string{file}
				c.Configure = func(_ int, c *v1alpha1.RouterConfiguration) {
					most := int32(2)
					c.Limits.SessionsPerPrincipal = &most
				}
			})
			as := func(i int, name string) (*wamptest.Client, error) {
				conn := dial(t, dev.Routers[i%replicas], wamp.MessagePack)
				return wamptest.LogIn(t, conn, "realm1", wamptest.WithTicket(name, "of "+name))
			}
			first, err := as(0, "ann")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := as(1, "ann"); err != nil {
				t.Fatal(err)
			}
			for i := range replicas {
				eventually(t, fmt.Sprintf("a third session is refused on replica %d", i), func() bool {
					third, err := as(i, "ann")
					if err == nil { // it did not know of the others yet
						third.Kill()
					}
					return wamptest.URI(err) == wamp.ErrNotAuthorized
				})
			}
			if _, err := as(1, "bob"); err != nil {
				t.Errorf("somebody else: %v", err)
			}
			for i := range 4 {
				join(t, dev, i)
			}
			first.Kill()
			eventually(t, "room for ann again", func() bool {
				_, err := as(2, "ann")
				return err == nil
			})
		})
	}
}
