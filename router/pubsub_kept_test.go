package router_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/config"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// What is kept is handed over to a replica that joins, so it outlives each of the replicas.
func TestKeptEventsOutliveReplicas(t *testing.T) {
	dev := start(t, 1, documents(t, historyDocument))
	publisher := join(t, dev, 0)
	for i := range 3 {
		if _, err := publisher.Publish("com.example.kept", retain, i); err != nil {
			t.Fatal(err)
		}
	}
	late := joinCluster(t, dev.Routers[0].GossipAddress())
	c := wamptest.Join(t, rawsocket(late), "realm1", wamp.CBOR)
	id, err := c.Subscribe("com.example.kept", func(*wamptest.Message) {})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the history has come", func() bool { return fmt.Sprint(firsts(history(t, c, id, nil))) == "[0 1 2]" })
	dev.Close()
	if m := receive(t, c.Listen("com.example.kept", getRetained)); m.Args[0] != int64(2) || wamptest.Details(m)["retained"] != true {
		t.Errorf("retained: %v", m.Args)
	}
	if got := fmt.Sprint(firsts(history(t, c, id, nil))); got != "[0 1 2]" {
		t.Errorf("remembered: %s", got)
	}
}

// joinCluster starts one more replica of a development cluster that serves historyDocument.
func joinCluster(t *testing.T, gossip string) *router.Router {
	t.Helper()
	docs, err := config.ParseDocuments("docs.yaml", []byte(strings.TrimSpace(historyDocument)))
	if err != nil {
		t.Fatal(err)
	}
	r, err := router.Start(router.Config{
		Configuration: &v1alpha1.RouterConfiguration{
			Listen: "127.0.0.1:0", Admin: v1alpha1.RouterAdmin{Listen: "127.0.0.1:0"},
			Cluster: &v1alpha1.RouterClusterConfiguration{
				Name: "dev", Replica: "late", Gossip: "127.0.0.1:0", Links: "127.0.0.1:0", Advertise: "127.0.0.1", Join: []string{gossip},
			},
		},
		Documents: docs, Version: "test", Logger: logger(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	eventually(t, "the replica ready", func() bool { return len(r.Missing()) == 0 && len(r.State().Members) == 2 })
	return r
}
