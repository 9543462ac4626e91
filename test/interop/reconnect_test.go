package interop

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A router that stops takes no application with it: the libraries whose users leave it to them to connect
// again do so, though the router went as gently as in a rolling update.
func TestClientsStayWhenTheRouterStops(t *testing.T) {
	for _, library := range []string{"autobahn", "wampy"} {
		t.Run(library, func(t *testing.T) {
			t.Parallel()
			r := newRestarted(t)
			r.start(t)
			const procedure = "com.myapp.stays"
			client := exec.CommandContext(t.Context(), "node", "stays.js", fmt.Sprintf("ws://127.0.0.1:%d/ws", r.port), "realm1", procedure)
			client.Dir = library
			client.Stderr = os.Stderr
			in, err := client.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := client.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := client.Start(); err != nil {
				t.Fatal(err)
			}
			lines := make(chan string)
			go func() {
				defer close(lines)
				for s := bufio.NewScanner(out); s.Scan(); {
					lines <- s.Text()
				}
			}()
			registered := func(when string) {
				t.Helper()
				select {
				case line, running := <-lines:
					if line != "registered" {
						t.Fatalf("%s: the client said %q; it runs: %t", when, line, running)
					}
				case <-time.After(30 * time.Second):
					t.Fatalf("%s: nothing is registered after 30 s", when)
				}
			}
			registered("at first")
			r.stop(t)
			r.start(t)
			registered("when the router is back")
			_ = in.Close()
			for range lines { // until the client has ended
			}
			if err := client.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

// restarted is a `wamp-router serve` that can be stopped and started again where it was.
type restarted struct {
	port    int
	file    string
	running *exec.Cmd
}

func newRestarted(t *testing.T) *restarted {
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	realms, err := writeRealms(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := &restarted{port: port, file: filepath.Join(dir, "router.yaml")}
	err = os.WriteFile(r.file, fmt.Appendf(nil, `
apiVersion: wamp-operator.io/v1alpha1
kind: RouterConfiguration
listen: 127.0.0.1:%d
admin: {listen: "127.0.0.1:%d"}
documents: [%s]
`, port, port+1, realms), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *restarted) start(t *testing.T) {
	t.Helper()
	r.running = exec.Command(program, "serve", "--config", r.file, "--log-level", "error")
	r.running.Stderr = os.Stderr
	if err := r.running.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.running.Process.Kill() })
	if err := ready(fmt.Sprintf("http://127.0.0.1:%d/readyz", r.port+1)); err != nil {
		t.Fatal(err)
	}
}

func (r *restarted) stop(t *testing.T) {
	t.Helper()
	if err := r.running.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := r.running.Wait(); err != nil {
		t.Fatal(err)
	}
}
