package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// killNode takes the power from a further node: nothing comes from it any more, no packet that says
// goodbye either, and every process of it is gone. It stays so until startNode.
func killNode(l layout, name string) error {
	n, programs, err := furtherNode(l, name)
	if err != nil {
		return err
	}
	at := time.Now()
	if err := setNodeLink(l, n, "down"); err != nil {
		return err
	}
	for _, program := range programs {
		if err := stopComponent(l, program, true); err != nil {
			return err
		}
	}
	killed := map[int]bool{}
	for end := at.Add(stopGrace); ; time.Sleep(20 * time.Millisecond) {
		pids, err := processesOf(n)
		if err != nil {
			return err
		}
		if len(pids) == 0 {
			break
		}
		if time.Now().After(end) {
			return fmt.Errorf("processes %v of %s do not end", pids, name)
		}
		for _, pid := range pids {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("killing process %d of %s: %w", pid, name, err)
			}
			killed[pid] = true
		}
	}
	fmt.Printf("cut %s off at %s, and killed %s and %d processes of pods\n", name, at.Format(time.RFC3339Nano), strings.Join(programs, ", "), len(killed))
	return nil
}

// startNode gives it power again.
func startNode(l layout, name string) error {
	n, programs, err := furtherNode(l, name)
	if err != nil {
		return err
	}
	if err := setNodeLink(l, n, "up"); err != nil {
		return err
	}
	for _, program := range programs {
		if err := startComponent(l, program, bootTimeout); err != nil {
			return err
		}
	}
	return nil
}

// furtherNode finds a node that can be lost, and its programs in the order in which they start.
func furtherNode(l layout, name string) (node, []string, error) {
	c, err := readCluster(l)
	if err != nil {
		return node{}, nil, err
	}
	list := nodes(l, c.Nodes)
	if name == list[0].Name() {
		return node{}, nil, fmt.Errorf("%s shares its network with the control plane: take a further node, NODES=2 has one", name)
	}
	for _, n := range list[1:] {
		if n.Name() == name {
			return n, []string{n.component("containerd"), n.component("kubelet"), n.component("kube-proxy")}, nil
		}
	}
	return node{}, nil, fmt.Errorf("no node %q: the cluster has %d", name, c.Nodes)
}

// setNodeLink sets the end of a node's network that is on the nodes' bridge up or down.
func setNodeLink(l layout, n node, state string) error {
	pid := sandboxPID(l)
	if pid == 0 {
		return errNoCluster
	}
	return run("nsenter", fmt.Sprintf("--net=/proc/%d/ns/net", pid), "--", "ip", "link", "set", n.Name(), state)
}

// processesOf are the ids, on this machine, of what containerd started on a node: all processes of
// pods, and the shims that hold them.
func processesOf(n node) ([]int, error) {
	all := map[int]bool{}
	tops, err := filepath.Glob(filepath.Join(cgroupRoot, "*", n.Cgroup()))
	if err != nil {
		return nil, err
	}
	for _, top := range append(tops, filepath.Join(cgroupRoot, n.Cgroup())) {
		_ = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.Name() != "cgroup.procs" {
				return nil // a cgroup goes with its last process
			}
			list, _ := os.ReadFile(path)
			for _, field := range strings.Fields(string(list)) {
				if pid, err := strconv.Atoi(field); err == nil {
					all[pid] = true
				}
			}
			return nil
		})
	}
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	for _, dir := range dirs {
		line, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		if words := strings.Split(string(line), "\x00"); filepath.Base(words[0]) == "containerd-shim-runc-v2" && strings.Contains(string(line), "\x00"+n.Containerd()+"\x00") {
			pid, _ := strconv.Atoi(filepath.Base(dir))
			all[pid] = true
		}
	}
	var alive []int
	for pid := range all {
		if startTime(pid) != "" { // who only waits to be reaped is gone
			alive = append(alive, pid)
		}
	}
	return alive, nil
}
