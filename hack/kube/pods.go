package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// task is a running container of a pod.
type task struct {
	node      node
	container string // id
	pid       int    // inside the sandbox
}

// podTasks finds the running containers of a pod through the container runtimes, so that it
// needs no API server. The pod's sandbox container is not among them.
func podTasks(l layout, namespace, pod string) ([]task, error) {
	c, err := readCluster(l)
	if err != nil {
		return nil, err
	}
	filter := fmt.Sprintf(`labels."io.kubernetes.pod.namespace"==%q,labels."io.kubernetes.pod.name"==%q,labels."io.cri-containerd.kind"==container`, namespace, pod)
	var found []task
	for _, n := range nodes(l, c.Nodes) {
		ids, err := output(ctr(c.Bin, n, "containers", "list", "--quiet", filter))
		if err != nil {
			return nil, err
		}
		if len(strings.Fields(ids)) == 0 {
			continue
		}
		running, err := output(ctr(c.Bin, n, "tasks", "list"))
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(running) {
			f := strings.Fields(line)
			if len(f) < 3 || f[2] != "RUNNING" || !slices.Contains(strings.Fields(ids), f[0]) {
				continue
			}
			pid, err := strconv.Atoi(f[1])
			if err != nil {
				return nil, fmt.Errorf("ctr tasks list: unexpected line %q", line)
			}
			found = append(found, task{node: n, container: f[0], pid: pid})
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no running container of pod %s in namespace %s", pod, namespace)
	}
	return found, nil
}

// killPod ends all containers of a pod at once with SIGKILL, as a crash or the kernel's
// out-of-memory killer would. The kubelet then restarts them as the pod's policy says.
func killPod(l layout, namespace, pod string) error {
	c, err := readCluster(l)
	if err != nil {
		return err
	}
	tasks, err := podTasks(l, namespace, pod)
	if err != nil {
		return err
	}
	for _, t := range tasks {
		at := time.Now()
		if _, err := output(ctr(c.Bin, t.node, "tasks", "kill", "--signal", "SIGKILL", t.container)); err != nil {
			return err
		}
		fmt.Printf("killed container %.12s of %s/%s on %s at %s\n", t.container, namespace, pod, t.node.Name(), at.Format(time.RFC3339Nano))
	}
	return nil
}

// podPIDs prints the process ids, as this machine sees them, of the first processes of a pod's
// containers: to send signals such as SIGSTOP, or to enter their namespaces with nsenter.
func podPIDs(l layout, namespace, pod string) error {
	sandbox := sandboxPID(l)
	tasks, err := podTasks(l, namespace, pod)
	if err != nil {
		return err
	}
	for _, t := range tasks {
		pid := hostPID(sandbox, t.pid)
		if pid == 0 {
			return fmt.Errorf("container %.12s ended meanwhile", t.container)
		}
		fmt.Println(pid)
	}
	return nil
}

// loadImages imports image archives into the runtime of every node.
func loadImages(l layout, files []string) error {
	c, err := readCluster(l)
	if err != nil {
		return err
	}
	for _, file := range files {
		if _, err := os.Stat(file); err != nil {
			return err
		}
		for _, n := range nodes(l, c.Nodes) {
			// --local keeps to the runtime's own import, which needs no temporary files elsewhere.
			if _, err := output(ctr(c.Bin, n, "images", "import", "--local", file)); err != nil {
				return err
			}
		}
		say("loaded %s", file)
	}
	return nil
}

// output runs a command and returns what it prints.
func output(argv []string) (string, error) {
	out, err := exec.Command(argv[0], argv[1:]...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, strings.TrimSpace(string(exit.Stderr)))
	}
	return string(out), err
}
