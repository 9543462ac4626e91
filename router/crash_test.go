package router_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/config"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// childConfig makes the test binary a replica: it names the configuration.
const childConfig = "ROUTER_TEST_CHILD"

// serveAsChild is what a replica that is a process of its own does.
func serveAsChild(path string) error {
	cfg, err := config.LoadRouter(path)
	if err != nil {
		return err
	}
	r, err := router.Start(router.Config{Configuration: cfg, Version: "test", Logger: logger()})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return r.Run(ctx)
}

// replica is a replica that can be killed.
type replica struct {
	address string
	metrics string
	path    string // of the configuration
	process *os.Process
	exited  chan struct{}
}

func (r *replica) start(t *testing.T) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childConfig+"="+r.path)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r.process, r.exited = cmd.Process, make(chan struct{})
	go func(exited chan struct{}) {
		_ = cmd.Wait()
		close(exited)
	}(r.exited)
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-r.exited
	})
}

// restart stops the replica gently and starts it again.
func (r *replica) restart(t *testing.T, replicas int) {
	t.Helper()
	if err := r.process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-r.exited
	r.start(t)
	eventually(t, "the replica ready", func() bool { return readyWith(r.metrics, replicas) })
}

// processes starts replicas as processes of their own, with a key, and waits until all are ready. They
// serve realm1 and the documents.
func processes(t *testing.T, n int, documents ...string) []replica {
	t.Helper()
	dir := t.TempDir()
	write := func(name, content string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("docs.yaml", realmYAML("realm1", everything)+strings.Join(documents, ""))
	write("key", "MDEyMzQ1Njc4OWFiY2RlZg==")
	ports := freePorts(t, 4*n)
	var join string
	for i := range n {
		join += fmt.Sprintf("\n  - 127.0.0.1:%d", ports[4*i+2])
	}
	var replicas []replica
	for i := range n {
		p := ports[4*i:]
		path := write(fmt.Sprintf("router-%d.yaml", i), fmt.Sprintf(`apiVersion: wamp-operator.io/v1alpha1
kind: RouterConfiguration
listen: 127.0.0.1:%d
admin: {listen: "127.0.0.1:%d"}
documents: [docs.yaml]
cluster:
  name: crash
  replica: replica-%d
  gossip: 127.0.0.1:%d
  links: 127.0.0.1:%d
  advertise: 127.0.0.1
  keyFile: key
  join:%s
`, p[0], p[1], i, p[2], p[3], join))
		replicas = append(replicas, replica{
			address: "tcp://127.0.0.1:" + strconv.Itoa(p[0]), metrics: fmt.Sprintf("http://127.0.0.1:%d/metrics", p[1]), path: path,
		})
		replicas[i].start(t)
	}
	for i := range n {
		eventually(t, "the replicas ready", func() bool { return readyWith(replicas[i].metrics, n) })
	}
	return replicas
}

// freePorts finds ports that are free now.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	ports := make([]int, n)
	for i := range ports {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		ports[i] = ln.Addr().(*net.TCPAddr).Port
	}
	return ports
}

// A replica is killed without a word while its callee is the active one: the standby on another
// replica takes over in a moment, and every call is answered.
func TestStandbyTakesOverWhenAReplicaIsKilled(t *testing.T) {
	replicas := processes(t, 3)
	for i := range 2 {
		c := wamptest.Join(t, replicas[i].address, "realm1", wamp.MessagePack)
		if _, err := c.Register(uri, map[string]any{"invoke": "first"}, func(m *wamptest.Message) { c.Yield(m, name(i)) }); err != nil {
			t.Fatal(err)
		}
	}
	caller := wamptest.Join(t, replicas[2].address, "realm1", wamp.MessagePack)
	for range 100 {
		if got := who(t, caller); got != name(0) {
			t.Fatalf("before the kill %s answers", got)
		}
	}
	if err := replicas[0].process.Kill(); err != nil {
		t.Fatal(err)
	}
	killed, failed := time.Now(), 0
	for {
		m, err := caller.Call(uri)
		switch {
		case wamptest.URI(err) == wamp.ErrCanceled:
			failed++
		case err != nil:
			t.Fatalf("a call ended with %v", err)
		case m.Args[0] == name(1):
			took := time.Since(killed)
			t.Logf("the standby answered %v after the kill; %d calls were canceled", took, failed)
			if took > time.Second || failed > 1 {
				t.Errorf("takeover took %v, %d calls failed; want less than 1 s, at most the 1 in flight", took, failed)
			}
			return
		}
	}
}
