// Package interop runs other people's WAMP clients against a running wamp-router: Autobahn|JS in
// autobahn/, wampy.js in wampy/, Autobahn|Python in python/, and nexus's Go client. The scenarios are in
// rpc_test.go, pubsub_test.go, meta_test.go and auth_test.go; libraries_test.go says what each client cannot do.
package interop

import (
	"bufio"
	"context"
	"fmt"
	"io"
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

// cluster is a `wamp-router dev` that all tests of the package share; each test has procedures and
// topics of its own or leaves none behind.
type cluster struct {
	replicas []string // host:port
}

var (
	dev   cluster // of three replicas
	alone cluster // of one
)

// program is the wamp-router that is tested.
var program string

func TestMain(m *testing.M) {
	code, err := runWithRouters(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

func runWithRouters(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "interop-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := writeCertificates(dir); err != nil {
		return 0, err
	}
	documents, err := writeRealms(dir)
	if err != nil {
		return 0, err
	}
	// WAMP_ROUTER names the program to test; without it, it is built.
	binary := os.Getenv("WAMP_ROUTER")
	if binary == "" {
		binary = filepath.Join(dir, "wamp-router")
		build := exec.Command("go", "build", "-o", binary, "./cmd/wamp-router")
		build.Dir = "../.."
		build.Stdout, build.Stderr = os.Stderr, os.Stderr
		if err := build.Run(); err != nil {
			return 0, fmt.Errorf("building wamp-router: %w", err)
		}
	}
	program = binary
	for c, replicas := range map[*cluster]int{&dev: 3, &alone: 1} {
		stop, err := c.start(binary, documents, replicas)
		if err != nil {
			return 0, err
		}
		defer stop()
	}
	stop, err := secure.serve(binary, dir, documents, 2)
	if err != nil {
		return 0, err
	}
	defer stop()
	code := m.Run()
	for _, end := range atExit {
		end()
	}
	return code, nil
}

func (c *cluster) start(binary, documents string, replicas int) (stop func(), err error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	router := exec.CommandContext(ctx, binary, "dev", "--replicas", fmt.Sprint(replicas), "--listen", fmt.Sprintf("127.0.0.1:%d", port), "-f", documents)
	router.Cancel = func() error { return router.Process.Signal(syscall.SIGTERM) }
	router.WaitDelay = 10 * time.Second
	router.Stderr = os.Stderr
	stop = func() {
		cancel()
		_ = router.Wait()
	}
	out, err := router.StdoutPipe()
	if err == nil {
		err = router.Start()
	}
	if err == nil {
		err = c.readAddresses(out, replicas)
	}
	if err != nil {
		stop()
		return nil, err
	}
	return stop, nil
}

var address = regexp.MustCompile(`ws://(\S+)/ws\s+tcp://`)

// readAddresses reads what `wamp-router dev` prints until it has named all replicas.
func (c *cluster) readAddresses(out io.Reader, replicas int) error {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if found := address.FindStringSubmatch(lines.Text()); found != nil {
			c.replicas = append(c.replicas, found[1])
		}
		if len(c.replicas) == replicas {
			go func() {
				for lines.Scan() { // so that the router is never stopped by a full pipe
				}
			}()
			return nil
		}
	}
	return fmt.Errorf("`wamp-router dev` named %d replicas and ended", len(c.replicas))
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
