package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// The whole cluster lives in a PID, a mount and a network namespace made for it. Whatever it
// starts, mounts or configures belongs to one of the three, and all three end with the first
// process in them: so kube-down needs to find one process, whatever state the cluster is in.

// spawnSandbox starts that first process and returns its id. It waits until release is called, when
// this machine is joined with it, and ends when its parent does before.
func spawnSandbox(l layout) (pid int, release func() error, err error) {
	log, err := os.OpenFile(l.Log("supervisor"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = log.Close() }()
	r, w, err := os.Pipe()
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = r.Close() }()
	cmd := exec.Command(l.path("kube"), sandboxCommand, l.Run())
	cmd.Dir = l.Run()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{r}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setsid:     true,
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
	}
	if err := cmd.Start(); err != nil {
		_ = w.Close()
		return 0, nil, fmt.Errorf("making namespaces (this needs root and CAP_SYS_ADMIN): %w", err)
	}
	release = func() error {
		defer func() { _ = w.Close() }()
		_, err := w.Write([]byte{1})
		return err
	}
	return cmd.Process.Pid, release, nil
}

const (
	sandboxCommand   = "sandbox-init"
	superviseCommand = "supervise"
)

// sandboxInit is process 1 of the sandbox: it prepares the mounts, starts the supervisor and
// reaps every process that loses its parent.
func sandboxInit(l layout) error {
	if os.Getpid() != 1 {
		return fmt.Errorf("%s is started by kube-up, not by hand", sandboxCommand)
	}
	if err := isolateMounts(l); err != nil {
		return err
	}
	if n, err := os.NewFile(3, "release").Read(make([]byte, 1)); n != 1 {
		return fmt.Errorf("kube-up ended before the sandbox was set up: %w", err)
	}
	cmd := exec.Command("/proc/self/exe", superviseCommand, l.Run())
	cmd.Dir = l.Run()
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("waiting for children: %w", err)
		}
		if pid == cmd.Process.Pid {
			return fmt.Errorf("the supervisor ended: %v", status)
		}
	}
}

// hidden are the directories of the machine that Kubernetes writes to whatever it is told. The
// cluster sees empty ones in their place.
var hidden = []string{"/run", "/var"}

// kubeletTunables are kernel settings of the whole machine that a kubelet insists on. It is
// shown files that hold what it wants, so the machine keeps its own.
var kubeletTunables = map[string]string{
	"vm/overcommit_memory":      "1",
	"vm/panic_on_oom":           "0",
	"kernel/panic":              "10",
	"kernel/panic_on_oops":      "1",
	"kernel/keys/root_maxkeys":  "1000000",
	"kernel/keys/root_maxbytes": "25000000",
}

func isolateMounts(l layout) error {
	// Nothing leaks out; inside, mounts are shared so that mount propagation works for pods.
	if err := mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := mount("", "/", "", syscall.MS_REC|syscall.MS_SHARED, ""); err != nil {
		return err
	}
	if err := mount("proc", "/proc", "proc", 0, ""); err != nil {
		return err
	}
	if err := hide(l.Cache); err != nil {
		return err
	}
	if err := os.Symlink("/run", "/var/run"); err != nil {
		return err
	}
	for _, dir := range []string{"/run/netns", "/run/lock", "/var/lib", "/var/log", "/var/tmp"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	for name, value := range kubeletTunables {
		target := "/proc/sys/" + name
		if _, err := os.Stat(target); err != nil {
			continue
		}
		file := "/run/tunables/" + name
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(value), 0o644); err != nil {
			return err
		}
		if err := mount(file, target, "", syscall.MS_BIND, ""); err != nil {
			return err
		}
	}
	return nil
}

// hide covers the hidden directories with memory file systems and brings back those of the kept
// directories that were below them.
func hide(keep ...string) error {
	opened := map[string]*os.File{}
	for _, dir := range keep {
		f, err := os.Open(dir)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		opened[dir] = f
	}
	for _, dir := range hidden {
		if err := mount("tmpfs", dir, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, "mode=755"); err != nil {
			return err
		}
		for kept, f := range opened {
			if !strings.HasPrefix(kept, dir+"/") {
				continue
			}
			if err := os.MkdirAll(kept, 0o755); err != nil {
				return err
			}
			if err := mount(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), kept, "", syscall.MS_BIND, ""); err != nil {
				return err
			}
		}
	}
	return nil
}

func mount(source, target, fstype string, flags uintptr, data string) error {
	if err := syscall.Mount(source, target, fstype, flags, data); err != nil {
		return fmt.Errorf("mounting %s on %s: %w", source, target, err)
	}
	return nil
}

// sandboxPID returns the process id of the running sandbox, or 0 when there is none. It looks for the
// process itself: a file that had its id could be gone, or be of another boot.
func sandboxPID(l layout) int {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0
	}
	for _, dir := range dirs {
		cmdline, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil || !strings.HasSuffix(string(cmdline), "\x00"+sandboxCommand+"\x00"+l.Run()+"\x00") {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil && startTime(pid) != "" {
			return pid
		}
	}
	return 0
}

// startTime is when a process started, in clock ticks since boot (proc(5), stat field 22), or ""
// when it is gone or only waits to be reaped.
func startTime(pid int) string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	// The command name, in parentheses, may hold spaces.
	_, rest, ok := strings.Cut(string(data), ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 20 || fields[0] == "Z" {
		return ""
	}
	return fields[19]
}
