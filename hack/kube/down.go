package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// down ends the cluster and removes everything that belongs to it, whatever state it is in.
func down(l layout) error {
	if os.Geteuid() != 0 {
		return errors.New("run this as root: the cluster was started so")
	}
	unlock, err := lockFile(filepath.Join(l.Cache, "cluster.lock"), "another kube-up or kube-down to finish")
	if err != nil {
		return err
	}
	defer unlock()
	return remove(l)
}

// remove is down without the lock. Nothing to remove is no error.
func remove(l layout) error {
	if pid := sandboxPID(l); pid != 0 {
		say("ending the sandbox, process %d", pid)
		// The kernel ends every process of the namespace before the first one is gone, and with
		// the last process go the mounts and the network.
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
		for end := time.Now().Add(30 * time.Second); startTime(pid) != ""; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				return fmt.Errorf("process %d does not end: one of its children hangs in the kernel; try again in a while", pid)
			}
		}
	}
	// What has a name for the whole machine may belong to a cluster with other files.
	if owner, there := linkOwner(); there && owner != l.Run() {
		say("a cluster whose files are in %s is running: it stays", owner)
	} else {
		if err := removeLink(); err != nil {
			return err
		}
		if err := removeCgroups(); err != nil {
			return fmt.Errorf("cgroups are left: %w", err)
		}
	}
	// No mount is expected here outside of the sandbox. Deleting through one would delete what
	// is mounted.
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); len(fields) > 4 && strings.HasPrefix(fields[4], l.Run()) {
			return fmt.Errorf("%s is a mount: unmount it, then try again", fields[4])
		}
	}
	return os.RemoveAll(l.Run())
}

// removeLink removes the veth pair. It would go with the sandbox's network by itself, but the
// kernel may take its time to take that apart.
func removeLink() error {
	if _, there := linkOwner(); !there {
		return nil
	}
	err := run("ip", "link", "del", hostLink)
	if _, there := linkOwner(); !there {
		return nil // the kernel was quicker
	}
	return err
}
