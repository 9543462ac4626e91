// Package interop runs other people's WAMP clients against a running wamp-router: Autobahn|JS from
// npm in autobahn/, and nexus's Go client.
package interop

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// dev is a `wamp-router dev` with three replicas that all tests of the package share; each test
// has procedures of its own or leaves none behind.
var dev struct {
	replicas []string // host:port
}

func TestMain(m *testing.M) {
	code, err := runWithRouter(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

func runWithRouter(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "interop-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary := filepath.Join(dir, "wamp-router")
	build := exec.Command("go", "build", "-o", binary, "./cmd/wamp-router")
	build.Dir = "../.."
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		return 0, fmt.Errorf("building wamp-router: %w", err)
	}
	port, err := freePort()
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	router := exec.CommandContext(ctx, binary, "dev", "--replicas", "3", "--listen", fmt.Sprintf("127.0.0.1:%d", port))
	router.Cancel = func() error { return router.Process.Signal(syscall.SIGTERM) }
	router.WaitDelay = 10 * time.Second
	router.Stderr = os.Stderr
	out, err := router.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := router.Start(); err != nil {
		return 0, err
	}
	if err := readAddresses(out); err != nil {
		return 0, err
	}
	code := m.Run()
	cancel()
	if err := router.Wait(); err != nil && ctx.Err() == nil {
		return code, fmt.Errorf("wamp-router: %w", err)
	}
	return code, nil
}

var address = regexp.MustCompile(`ws://(\S+)/ws\s+tcp://`)

// readAddresses reads what `wamp-router dev` prints until it has named three replicas.
func readAddresses(out interface{ Read([]byte) (int, error) }) error {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if found := address.FindStringSubmatch(lines.Text()); found != nil {
			dev.replicas = append(dev.replicas, found[1])
		}
		if len(dev.replicas) == 3 {
			go func() {
				for lines.Scan() { // so that the router is never stopped by a full pipe
				}
			}()
			return nil
		}
	}
	return fmt.Errorf("`wamp-router dev` named %d replicas and ended", len(dev.replicas))
}

// freePort finds a port so that the five above, ten apart and one apart, are likely to be free too.
func freePort() (int, error) {
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		port := l.Addr().(*net.TCPAddr).Port
		_ = l.Close()
		if port > 60000 {
			continue
		}
		if free(port+1, port+10, port+11, port+20, port+21) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no six free ports found")
}

func free(ports ...int) bool {
	for _, port := range ports {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return false
		}
		_ = l.Close()
	}
	return true
}

// webSocket and rawSocket give the URL of replica i.
func webSocket(i int) string { return "ws://" + dev.replicas[i] + "/ws" }
func rawSocket(i int) string { return "tcp://" + dev.replicas[i] + "/" }

func webSockets() []string {
	var urls []string
	for i := range dev.replicas {
		urls = append(urls, webSocket(i))
	}
	return urls
}

// only fails a test that lists something unexpected.
func only(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	for _, g := range got {
		ok := false
		for _, w := range want {
			ok = ok || g == w
		}
		if !ok {
			t.Errorf("%s: %s, want nothing but %s", what, g, strings.Join(want, ", "))
			return
		}
	}
}
