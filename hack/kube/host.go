package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// hostPrograms are what the cluster takes from the distribution, with their Debian packages.
// runc is not among the Go modules that are built because it needs a C compiler.
var hostPrograms = []struct{ program, pkg string }{
	{"runc", "runc"},
	{"nft", "nftables"},
	{"ip", "iproute2"},
	{"nsenter", "util-linux"},
	{"mount", "mount"},
}

// prepareHost checks that this machine can run a cluster, and installs what is missing.
func prepareHost() error {
	if runtime.GOOS != "linux" {
		return errors.New("the development cluster runs on Linux only")
	}
	if os.Geteuid() != 0 {
		return errors.New("the development cluster makes namespaces and mounts: run this as root, or point KUBECONFIG to a cluster that you already have")
	}
	var packages []string
	for _, p := range hostPrograms {
		if _, err := exec.LookPath(p.program); err != nil {
			packages = append(packages, p.pkg)
		}
	}
	if len(packages) == 0 {
		return nil
	}
	names := strings.Join(packages, " ")
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("missing on this machine: %s; install them with your package manager", names)
	}
	say("installing %s with apt-get", names)
	install := append([]string{"apt-get", "install", "-y", "--no-install-recommends"}, packages...)
	for _, argv := range [][]string{{"apt-get", "update"}, install} {
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, out)
		}
	}
	return nil
}

// snapshotter names containerd's way to stack image layers below dir. Overlays do not nest, and
// in a container the cache directory is often on one.
func snapshotter(dir string) string {
	const overlayMagic = 0x794c7630
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err == nil && fs.Type == overlayMagic {
		return "native"
	}
	return "overlayfs"
}

// hostPID translates a process id inside the sandbox to the machine's, 0 when there is none.
func hostPID(sandbox, inside int) int {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0
	}
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		// NSpid has the process's id in each namespace from here inwards: the machine's, the
		// sandbox's, and the pod's for a process of a pod.
		ids := statusField(pid, "NSpid:")
		if len(ids) > 1 && ids[1] == strconv.Itoa(inside) && descends(pid, sandbox) {
			return pid
		}
	}
	return 0
}

func descends(pid, ancestor int) bool {
	for pid > 1 && pid != ancestor {
		parent := statusField(pid, "PPid:")
		if len(parent) == 0 {
			return false
		}
		pid, _ = strconv.Atoi(parent[0])
	}
	return pid == ancestor
}

// statusField returns the words after name in the process's status file (proc(5)).
func statusField(pid int, name string) []string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			return strings.Fields(rest)
		}
	}
	return nil
}
