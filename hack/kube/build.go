package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// group is one module below hack/kube/build and the programs built from it. The groups are
// separate because their dependencies contradict each other.
type group struct {
	Dir     string
	Module  string // the requirement whose version names the group
	Bins    map[string]string
	Tags    string
	LDFlags string // with {version}, and {kube.major} and {kube.minor} of Kubernetes
}

var groups = []group{
	{Dir: "kubernetes", Module: "k8s.io/kubernetes",
		LDFlags: setVar("k8s.io/component-base/version", "gitVersion={version}", "gitMajor={kube.major}", "gitMinor={kube.minor}", "gitTreeState=clean"),
		Bins: map[string]string{
			"kube-apiserver":          "k8s.io/kubernetes/cmd/kube-apiserver",
			"kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
			"kube-scheduler":          "k8s.io/kubernetes/cmd/kube-scheduler",
			"kube-proxy":              "k8s.io/kubernetes/cmd/kube-proxy",
			"kubelet":                 "k8s.io/kubernetes/cmd/kubelet",
			"kubectl":                 "k8s.io/kubernetes/cmd/kubectl",
		}},
	{Dir: "etcd", Module: "go.etcd.io/etcd/server/v3",
		Bins: map[string]string{"etcd": "go.etcd.io/etcd/server/v3"}},
	{Dir: "containerd", Module: "github.com/containerd/containerd/v2", Tags: "no_btrfs,no_devmapper,no_zfs",
		LDFlags: setVar("github.com/containerd/containerd/v2/version", "Version={version}"),
		Bins: map[string]string{
			"containerd":              "github.com/containerd/containerd/v2/cmd/containerd",
			"containerd-shim-runc-v2": "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
			"ctr":                     "github.com/containerd/containerd/v2/cmd/ctr",
		}},
	{Dir: "coredns", Module: "github.com/coredns/coredns", Bins: map[string]string{"coredns": "."}},
	{Dir: "helm", Module: "helm.sh/helm/v3",
		// Without a cluster to ask, helm lint and helm template assume this version.
		LDFlags: setVar("helm.sh/helm/v3/internal/version", "version={version}") +
			setVar("helm.sh/helm/v3/pkg/chartutil", "k8sVersionMajor={kube.major}", "k8sVersionMinor={kube.minor}") +
			setVar("helm.sh/helm/v3/pkg/lint/rules", "k8sVersionMajor={kube.major}", "k8sVersionMinor={kube.minor}"),
		Bins: map[string]string{"helm": "helm.sh/helm/v3/cmd/helm"}},
	{Dir: "cni", Module: "github.com/containernetworking/plugins",
		Bins: map[string]string{
			"ptp":        "github.com/containernetworking/plugins/plugins/main/ptp",
			"host-local": "github.com/containernetworking/plugins/plugins/ipam/host-local",
			"portmap":    "github.com/containernetworking/plugins/plugins/meta/portmap",
		}},
}

func setVar(pkg string, assignments ...string) string {
	var b strings.Builder
	for _, a := range assignments {
		b.WriteString(" -X " + pkg + "." + a)
	}
	return b.String()
}

// envtestBins are the programs that controller-runtime's envtest looks for.
var envtestBins = []string{"etcd", "kube-apiserver", "kubectl"}

func allBins() []string {
	var names []string
	for _, g := range groups {
		names = append(names, sortedKeys(g.Bins)...)
	}
	return names
}

// binDir is the directory of all programs. Its name is a digest of what they are built from, so
// that a changed version is a new directory and a running cluster keeps the one that it has.
func (l layout) binDir() (string, error) {
	h := sha256.New()
	for _, g := range groups {
		for _, name := range []string{"go.mod", "go.sum", "main.go"} {
			data, err := os.ReadFile(filepath.Join(l.Repo, "hack/kube/build", g.Dir, name))
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				return "", err
			}
			h.Write(data)
		}
		_, _ = fmt.Fprint(h, g.Tags, g.LDFlags, sortedKeys(g.Bins), runtime.Version(), runtime.GOARCH)
	}
	return filepath.Join(l.Cache, "kube", hex.EncodeToString(h.Sum(nil))[:12]), nil
}

// buildBinaries makes sure that the named programs are there and returns their directory.
func buildBinaries(l layout, names []string) (string, error) {
	dir, err := l.binDir()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	unlock, err := lockFile(filepath.Join(l.Cache, "kube", "lock"), "another build to finish")
	if err != nil {
		return "", err
	}
	defer unlock()

	// An interrupted build leaves its half-finished directory.
	stale, err := filepath.Glob(filepath.Join(dir, "tmp-*"))
	if err != nil {
		return "", err
	}
	for _, d := range stale {
		if err := os.RemoveAll(d); err != nil {
			return "", err
		}
	}

	wanted := map[string]bool{}
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			wanted[name] = true
		}
	}
	for _, g := range groups {
		var missing []string
		for _, name := range sortedKeys(g.Bins) {
			if wanted[name] {
				missing = append(missing, name)
			}
		}
		if len(missing) == 0 {
			continue
		}
		if err := g.build(l, dir, missing); err != nil {
			return "", fmt.Errorf("building %s: %w", strings.Join(missing, ", "), err)
		}
	}
	return dir, nil
}

func (g group) build(l layout, dir string, names []string) error {
	src := filepath.Join(l.Repo, "hack/kube/build", g.Dir)
	version, err := g.version(src)
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(dir, "tmp-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(tmp) }()

	kube, err := groups[0].version(filepath.Join(l.Repo, "hack/kube/build", groups[0].Dir))
	if err != nil {
		return err
	}
	parts := strings.SplitN(strings.TrimPrefix(kube, "v"), ".", 3)
	ldflags := "-s -w" + strings.NewReplacer("{version}", version, "{kube.major}", parts[0], "{kube.minor}", parts[1]).Replace(g.LDFlags)
	args := []string{"build", "-v", "-trimpath", "-ldflags=" + ldflags, "-tags=" + g.Tags}
	// One go build for the whole group: what the programs share is scheduled once.
	out := tmp + string(filepath.Separator)
	if len(names) == 1 {
		out = filepath.Join(tmp, names[0])
	}
	args = append(args, "-o", out)
	for _, name := range names {
		args = append(args, g.Bins[name])
	}
	say("building %s %s: %s", g.Dir, version, strings.Join(names, " "))
	if err := runBuild(g.Dir, src, args); err != nil {
		return err
	}
	for _, name := range names {
		if err := os.Rename(filepath.Join(tmp, name), filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// runBuild runs go with a line of progress every 15 seconds. `go build -v` prints a line a
// compiled package, which is what is counted, and errors, which are kept.
func runBuild(what, src string, args []string) error {
	start := time.Now()
	cmd := exec.Command("go", args...)
	cmd.Dir = src
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-buildvcs=false")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	// A killed kube-up takes its compiler along. The signal is tied to the thread that started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGINT}
	if err := cmd.Start(); err != nil {
		return err
	}

	var packages, downloads atomic.Int64
	stop := make(chan struct{})
	go func() {
		tick := time.NewTicker(15 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				say("  %s: %d modules fetched, %d packages compiled, %.0f s", what, downloads.Load(), packages.Load(), time.Since(start).Seconds())
			}
		}
	}()
	var problems bytes.Buffer
	packageLine := regexp.MustCompile(`^[\w.~/-]+$`)
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "go: downloading "):
			downloads.Add(1)
		case packageLine.MatchString(line):
			packages.Add(1)
		default:
			fmt.Fprintln(&problems, line)
		}
	}
	err = cmd.Wait()
	close(stop)
	if err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, problems.String())
	}
	say("  %s: done in %.0f s", what, time.Since(start).Seconds())
	return nil
}

// version reads the version of the group's module from its go.mod.
func (g group) version(src string) (string, error) {
	data, err := os.ReadFile(filepath.Join(src, "go.mod"))
	if err != nil {
		return "", err
	}
	m := regexp.MustCompile(`(?m)^(?:require)?\s+` + regexp.QuoteMeta(g.Module) + ` (v\S+)`).FindSubmatch(data)
	if m == nil {
		return "", fmt.Errorf("%s/go.mod does not require %s", src, g.Module)
	}
	return string(m[1]), nil
}

// lockFile takes an exclusive lock, saying what it waits for when that takes a moment.
func lockFile(path, waitingFor string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		say("waiting for %s", waitingFor)
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
			_ = f.Close()
			return nil, fmt.Errorf("locking %s: %w", path, err)
		}
	}
	return func() { _ = f.Close() }, nil
}
