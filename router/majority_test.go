package router_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

func clusterYAML(policy string) string {
	return "apiVersion: wamp-operator.io/v1alpha1\nkind: WampCluster\nmetadata: {name: dev}\nspec: {replicas: 3, partitionPolicy: " + policy + "}\n---\n"
}

// A WampCluster document with partitionPolicy Majority makes a replica that is left alone refuse
// registrations and rotations, and say so in its probe and its state; calls that need nobody else go on.
// It is ready again when enough others are there, and also when the document asks for no majority
// any more.
func TestMajorityByDocument(t *testing.T) {
	folder := t.TempDir()
	write := func(policy string) {
		t.Helper()
		path := filepath.Join(folder, "docs.yaml")
		if err := os.WriteFile(path+"~", []byte(clusterYAML(policy)+realmYAML("realm1", everything)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+"~", path); err != nil {
			t.Fatal(err)
		}
	}
	write("Majority")
	dev := start(t, 3, func(c *router.DevConfig) { c.Documents = []string{folder} })
	left := dev.Routers[0]
	if code, body := get(t, left, "/readyz"); code != 200 || left.State().Minority {
		t.Fatalf("with all replicas there: %d %s", code, body)
	}
	c := join(t, dev, 0)
	for uri, policy := range map[string]string{"com.example.rotate": "roundrobin", "com.example.first": "first"} {
		if _, err := c.Register(uri, map[string]any{"invoke": policy}, func(m *wamptest.Message) { c.Yield(m) }); err != nil {
			t.Fatal(err)
		}
	}

	dev.Routers[1].Close()
	dev.Routers[2].Close()
	alone := func() {
		t.Helper()
		eventually(t, "the replica says that it is in the minority", func() bool { return left.State().Minority })
		code, body := get(t, left, "/readyz")
		if want := "the replica cannot reach more than half of the 3 replicas"; code != 503 || !strings.Contains(body, want) || left.State().Ready {
			t.Errorf("in the minority: %d %s", code, body)
		}
	}
	alone()
	if _, err := c.Register("com.example.late", nil, nil); wamptest.URI(err) != wamp.ErrUnavailable || !strings.Contains(err.Error(), "partitionPolicy is Majority") {
		t.Errorf("a registration in the minority: %v", err)
	}
	if _, err := c.Call("com.example.rotate"); wamptest.URI(err) != wamp.ErrUnavailable {
		t.Errorf("a rotation in the minority: %v", err)
	}
	if _, err := c.Call("com.example.first"); err != nil {
		t.Errorf("first in the minority: %v", err)
	}

	dev.Routers = dev.Routers[:1]
	late := lateReplica(t, dev, "late", logger(), func(c *v1alpha1.RouterConfiguration) { c.Documents = []string{folder} })
	eventually(t, "two of three are a majority", func() bool { return left.State().Ready && late.State().Ready })
	if _, err := c.Register("com.example.late", nil, func(m *wamptest.Message) { c.Yield(m) }); err != nil {
		t.Errorf("a registration in the majority: %v", err)
	}
	if _, err := c.Call("com.example.rotate"); err != nil {
		t.Errorf("a rotation in the majority: %v", err)
	}

	late.Close()
	alone()
	write("Available")
	eventually(t, "ready without a majority", func() bool { s := left.State(); return s.Ready && !s.Minority })
	if _, err := c.Call("com.example.rotate"); err != nil {
		t.Errorf("a rotation of one replica: %v", err)
	}
}
