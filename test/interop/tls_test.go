package interop

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// secure are two replicas that speak TLS and ask for client certificates. They are `wamp-router
// serve`, each with a configuration of its own, as in production.
var secure cluster

func (c *cluster) serve(binary, dir, documents string, replicas int) (stop func(), err error) {
	ctx, cancel := context.WithCancel(context.Background())
	var running []*exec.Cmd
	stop = func() {
		cancel()
		for _, cmd := range running {
			_ = cmd.Wait()
		}
	}
	var join string
	for i := range replicas {
		port, err := freePort()
		if err != nil {
			stop()
			return nil, err
		}
		file := filepath.Join(dir, fmt.Sprintf("router%d.yaml", i))
		gossip := fmt.Sprintf("127.0.0.1:%d", port+10)
		err = os.WriteFile(file, fmt.Appendf(nil, `
apiVersion: wamp-operator.io/v1alpha1
kind: RouterConfiguration
listen: 127.0.0.1:%d
admin: {listen: "127.0.0.1:%d"}
tls: {certFile: %s, keyFile: %s, clientCAFile: %s}
cluster: {name: secure, replica: secure-%d, gossip: "%s", links: "127.0.0.1:%d", advertise: 127.0.0.1, join: [%s]}
documents: [%s]
drainTimeout: 1s
`, port, port+1, certificates.server, certificates.serverKey, certificates.ca, i, gossip, port+11, join, documents), 0o600)
		if err != nil {
			stop()
			return nil, err
		}
		join = fmt.Sprintf("%q", gossip)
		cmd := exec.CommandContext(ctx, binary, "serve", "--config", file, "--log-level", "error")
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		cmd.WaitDelay = 10 * time.Second
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			stop()
			return nil, err
		}
		running = append(running, cmd)
		c.replicas = append(c.replicas, fmt.Sprintf("127.0.0.1:%d", port))
		if err := ready(fmt.Sprintf("http://127.0.0.1:%d/readyz", port+1)); err != nil {
			stop()
			return nil, err
		}
	}
	return stop, nil
}

// ready waits until a replica says that it is.
func ready(url string) error {
	var last error
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		res, err := http.Get(url)
		if err != nil {
			last = err
			continue
		}
		_ = res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return nil
		}
		last = fmt.Errorf("%s", res.Status)
	}
	return fmt.Errorf("%s: not ready within 30 s: %w", url, last)
}

// tlsScenarios are those that TLS makes a difference to.
func tlsScenarios() []scenario {
	all := []scenario{{"client certificate", func(r *run) {
		how := r.how(r.at.near)
		how.Realm, how.Method, how.AuthID, how.Cert, how.Key = "com.myapp.users", "tls", "alice", certificates.client, certificates.clientKey
		s := r.join(how)
		same(r.T, "authid", s.details["authid"], "alice")
		same(r.T, "authrole", s.details["authrole"], "staff")
	}}, {"no client certificate", func(r *run) {
		how := r.how(r.at.near)
		how.Realm, how.Method, how.AuthID = "com.myapp.users", "tls", "alice"
		if _, refusal := tryJoin(r.T, r.d, how); refusal == nil {
			r.Error("a client without a certificate got in")
		}
	}}}
	for _, s := range append(authScenarios(), rpcScenarios[0], pubsubScenarios[len(pubsubScenarios)-1]) {
		all = append(all, scenario{s.name + " over TLS", s.run})
	}
	return all
}

// Every library goes on to work when the transport is encrypted, and shows a certificate if it can.
func TestClientsOverTLS(t *testing.T) {
	at := places{name: "two replicas", cluster: &secure, near: 0, far: 1}
	for _, l := range libraries {
		t.Run(l.name, func(t *testing.T) {
			d := l.use(t)
			t.Parallel()
			for _, speech := range l.speaks {
				t.Run(strings.ReplaceAll(speech, "/", " "), func(t *testing.T) {
					if l.clearRawSocket && strings.HasPrefix(speech, "rawsocket") {
						t.Skipf("%s: its RawSocket knows no TLS", l.name)
					}
					runAll(t, l, d, at, speech, tlsScenarios())
				})
			}
		})
	}
}
