package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/wamp-operator/wamp-operator/hack/images/archive"
)

// bootTimeout bounds each wait for the cluster; a boot on two busy cores takes about half a minute.
const bootTimeout = 4 * time.Minute

// up starts a cluster, or completes one that is there in part, and returns when it is usable.
func up(l layout, count int, ipv6 bool) error {
	if count < 1 || count > maxNodes {
		return fmt.Errorf("%d nodes: choose 1 to %d", count, maxNodes)
	}
	if ipv6 && !kernelHasIPv6() {
		return errors.New("this kernel has no IPv6: leave out -ipv6")
	}
	if err := prepareHost(); err != nil {
		return err
	}
	unlock, err := lockFile(filepath.Join(l.Cache, "cluster.lock"), "another kube-up or kube-down to finish")
	if err != nil {
		return err
	}
	defer unlock()
	bin, err := buildBinaries(l, allBins())
	if err != nil {
		return err
	}

	want := cluster{Bin: bin, Nodes: count, IPv6: ipv6}
	pid := sandboxPID(l)
	if owner, there := linkOwner(); there && owner != l.Run() {
		return fmt.Errorf("another cluster is running, whose files are in %s: two cannot run at once on a machine; `make kube-down WAMP_CACHE=%s` ends it", owner, filepath.Dir(owner))
	}
	if pid != 0 {
		err = resume(l, pid, want)
	} else if err = remove(l); err == nil {
		err = boot(l, want)
	}
	if err != nil {
		return err
	}
	if err := awaitComponents(l); err != nil {
		return err
	}
	return awaitCluster(l, bin, nodes(l, count))
}

// boot writes all that the cluster is made of and starts its sandbox.
func boot(l layout, c cluster) error {
	l.IPv6First = c.IPv6
	list := nodes(l, c.Nodes)
	runc, err := exec.LookPath("runc")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(l.path("logs"), 0o755); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	// The sandbox runs a copy of this program: `go run` deletes its own.
	if err := run("cp", self, l.path("kube")); err != nil {
		return err
	}
	if err := writePauseImage(l); err != nil {
		return err
	}
	if err := writePKI(l, list); err != nil {
		return fmt.Errorf("making certificates: %w", err)
	}
	if err := writeConfig(l, c.Bin, runc, list); err != nil {
		return fmt.Errorf("writing the configuration: %w", err)
	}
	if err := writeCluster(l, c); err != nil {
		return err
	}
	if err := makeCgroups(list); err != nil {
		return err
	}
	pid, release, err := spawnSandbox(l)
	if err != nil {
		return err
	}
	if err := connectHost(l, pid); err != nil {
		return errors.Join(err, remove(l))
	}
	say("sandbox started, process %d", pid)
	return release()
}

// resume repairs what may be missing in a cluster whose sandbox runs.
func resume(l layout, pid int, want cluster) error {
	have, err := readCluster(l)
	if err != nil {
		return err
	}
	if have.Nodes != want.Nodes {
		return fmt.Errorf("a cluster of %d node(s) is running and %d were asked for: run `make kube-down` first, or NODES=%d", have.Nodes, want.Nodes, have.Nodes)
	}
	if want.IPv6 && !have.IPv6 {
		return errors.New("a cluster is running in which IPv4 comes first: run `make kube-down` first, or leave out -ipv6")
	}
	if have.Bin != want.Bin {
		say("note: the running cluster has other versions than hack/kube/build asks for; `make kube-down kube-up` changes to these")
	}
	if err := connectHost(l, pid); err != nil {
		return err
	}
	for _, n := range nodes(l, have.Nodes)[1:] { // whoever cut one off may not have come to undo it
		if err := setNodeLink(l, n, "up"); err != nil {
			return err
		}
	}
	list, err := status(l)
	if err != nil {
		return fmt.Errorf("%w; run `make kube-down`, then `make kube-up`", err)
	}
	for _, c := range list {
		if c.State != stateStopped {
			continue
		}
		say("starting %s again", c.Name)
		if err := startComponent(l, c.Name, bootTimeout); err != nil {
			return err
		}
	}
	return nil
}

func writePauseImage(l layout) error {
	bin := l.path("pause")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", bin, "./hack/images/pause")
	cmd.Dir = l.Repo
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the pause image: %w\n%s", err, out)
	}
	f, err := os.Create(l.path("pause.tar"))
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return archive.Write(f, archive.Image{Ref: pauseImage, Files: map[string]string{"/pause": bin}, Entrypoint: []string{"/pause"}})
}

// awaitComponents waits until every component answers, saying so of each as it does.
func awaitComponents(l layout) error {
	said := map[string]bool{}
	for end := time.Now().Add(bootTimeout); ; time.Sleep(100 * time.Millisecond) {
		if sandboxPID(l) == 0 {
			return fmt.Errorf("the sandbox ended; the end of %s:\n%s", l.Log("supervisor"), tail(l.Log("supervisor"), 10))
		}
		list, err := status(l)
		if err != nil && time.Now().Before(end) {
			continue // it listens once its network is set up
		}
		if err != nil {
			return err
		}
		var missing []componentStatus
		for _, c := range list {
			switch {
			case c.State != stateReady:
				missing = append(missing, c)
			case !said[c.Name]:
				said[c.Name] = true
				say("%s ready", c.Name)
			}
		}
		if len(missing) == 0 {
			return nil
		}
		for _, c := range missing {
			if c.Restarts >= 10 || time.Now().After(end) {
				return fmt.Errorf("%s is %s after %d restarts; the end of %s:\n%s", c.Name, c.State, c.Restarts, l.Log(c.Name), tail(l.Log(c.Name), 10))
			}
		}
	}
}

// awaitCluster waits until pods can be created and the cluster's names are resolved.
func awaitCluster(l layout, bin string, list []node) error {
	kubectl := func(args ...string) []string {
		return append(append([]string{filepath.Join(bin, "kubectl")}, kubectlFlags(l)...), args...)
	}
	for _, n := range list {
		if err := retry(n.Name(), kubectl("wait", "--for=condition=Ready", "node/"+n.Name(), "--timeout=5s")); err != nil {
			return err
		}
		say("%s is Ready", n.Name())
	}
	if err := retry("the default service account", kubectl("get", "serviceaccount", "default")); err != nil {
		return err
	}
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, dnsAddr+":53")
	}}
	for end := time.Now().Add(bootTimeout); ; time.Sleep(200 * time.Millisecond) {
		// A question asked before the rules were there is lost: ask anew rather than wait for it.
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		_, err := resolver.LookupHost(ctx, "kubernetes.default.svc."+domain+".")
		cancel()
		if err == nil {
			break
		}
		if time.Now().After(end) {
			return fmt.Errorf("cluster DNS does not answer: %w; see %s and %s", err, l.Log("coredns"), l.Log("kube-proxy"))
		}
	}
	say("Services and cluster DNS answer")
	return nil
}

// retry runs a command until it succeeds, for what becomes true only some time after the API
// server answers.
func retry(what string, argv []string) error {
	for end := time.Now().Add(bootTimeout); ; time.Sleep(300 * time.Millisecond) {
		err := run(argv...)
		if err == nil {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("waiting for %s: %w", what, err)
		}
	}
}

// tail returns the last lines of a file.
func tail(file string, lines int) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
