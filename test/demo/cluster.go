package demo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Cluster is the Kubernetes that the demonstration runs on.
type Cluster struct {
	// Repo is the root of the repository.
	Repo string
	// Tool is the program of hack/kube.
	Tool string
	// Kubeconfig is the file of a cluster that somebody else runs; empty: the one of hack/kube.
	Kubeconfig string
	// Nodes is how many nodes the local cluster has; 1 when 0.
	Nodes int

	bin     string // directory with kubectl and helm; empty: those in PATH
	context string // kubeconfig in use
}

// Local tells whether the cluster is the one of hack/kube.
func (c *Cluster) Local() bool { return c.Kubeconfig == "" }

// Up starts the local cluster, or makes sure that the given one answers.
func (c *Cluster) Up(ctx context.Context, progress io.Writer) error {
	if !c.Local() {
		if _, err := os.Stat(c.Kubeconfig); err != nil {
			return fmt.Errorf("KUBECONFIG: %w", err)
		}
		if err := c.tools(ctx, progress); err != nil {
			return err
		}
		c.context = c.Kubeconfig
		if _, err := c.Kubectl(ctx, "version", "--request-timeout=15s"); err != nil {
			return fmt.Errorf("the cluster of %s does not answer: %w", c.Kubeconfig, err)
		}
		return nil
	}
	up := c.Command(ctx, c.Tool, "up", "-nodes", strconv.Itoa(max(c.Nodes, 1)))
	var exports bytes.Buffer
	up.Stdout, up.Stderr = io.MultiWriter(withoutExports{progress}, &exports), progress
	if err := up.Run(); err != nil {
		return fmt.Errorf("starting the local Kubernetes: %w", err)
	}
	for line := range strings.Lines(exports.String()) {
		line = strings.TrimSpace(line)
		if value, ok := strings.CutPrefix(line, "export KUBECONFIG="); ok {
			c.context = value
		}
		if value, ok := strings.CutPrefix(line, "export PATH="); ok {
			c.bin = strings.TrimSuffix(value, ":$PATH")
		}
	}
	if c.context == "" || c.bin == "" {
		return fmt.Errorf("hack/kube did not say where its kubeconfig and its programs are")
	}
	return nil
}

// withoutExports leaves out the lines for a shell: the end of the demonstration has them.
type withoutExports struct{ io.Writer }

func (w withoutExports) Write(p []byte) (int, error) {
	for line := range strings.Lines(string(p)) {
		if strings.HasPrefix(line, "export ") {
			continue
		}
		if _, err := io.WriteString(w.Writer, line); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// tools finds kubectl and helm, or builds them.
func (c *Cluster) tools(ctx context.Context, progress io.Writer) error {
	if _, err := exec.LookPath("kubectl"); err == nil {
		if _, err := exec.LookPath("helm"); err == nil {
			return nil
		}
	}
	build := c.Command(ctx, c.Tool, "binaries", "kubectl", "helm")
	var dir bytes.Buffer
	build.Stdout, build.Stderr = &dir, progress
	if err := build.Run(); err != nil {
		return fmt.Errorf("building kubectl and helm: %w", err)
	}
	c.bin = strings.TrimSpace(dir.String())
	return nil
}

// Command prepares a program with the environment of the cluster.
func (c *Cluster) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	if c.bin != "" && (name == "kubectl" || name == "helm") {
		name = filepath.Join(c.bin, name)
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = c.Repo
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.context)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// run returns what a command prints; its error has what the command said.
func (c *Cluster) run(cmd *exec.Cmd) (string, error) {
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		text := strings.TrimSpace(said.String())
		if text == "" {
			text = strings.TrimSpace(out.String())
		}
		return out.String(), &CommandError{Command: filepath.Base(cmd.Path) + " " + strings.Join(cmd.Args[1:], " "), Said: text, Err: err}
	}
	return out.String(), nil
}

// CommandError is a command that failed, with what it printed.
type CommandError struct {
	Command string
	Said    string
	Err     error
}

func (e *CommandError) Error() string { return e.Command + ": " + e.Err.Error() + "\n" + e.Said }
func (e *CommandError) Unwrap() error { return e.Err }

// Kubectl runs kubectl.
func (c *Cluster) Kubectl(ctx context.Context, args ...string) (string, error) {
	return c.run(c.Command(ctx, "kubectl", args...))
}

// Apply gives kubectl a manifest.
func (c *Cluster) Apply(ctx context.Context, namespace, manifest string) error {
	cmd := c.Command(ctx, "kubectl", "apply", "-n", namespace, "-f", "-")
	cmd.Stdin = strings.NewReader(manifest)
	_, err := c.run(cmd)
	return err
}

// Helm runs helm.
func (c *Cluster) Helm(ctx context.Context, args ...string) (string, error) {
	return c.run(c.Command(ctx, "helm", args...))
}

// Kube runs the program of hack/kube, which the local cluster alone has.
func (c *Cluster) Kube(ctx context.Context, args ...string) (string, error) {
	return c.run(c.Command(ctx, c.Tool, args...))
}

// Kill ends a pod's process without any grace and tells when. On a cluster that somebody else runs
// the nearest thing to it is to delete the pod by force.
func (c *Cluster) Kill(ctx context.Context, namespace, pod string) (time.Time, error) {
	if !c.Local() {
		at := time.Now()
		_, err := c.Kubectl(ctx, "delete", "pod", "-n", namespace, pod, "--grace-period=0", "--force", "--wait=false")
		return at, err
	}
	pids, err := c.Kube(ctx, "pod-pids", namespace, pod)
	if err != nil {
		return time.Time{}, err
	}
	at := time.Now()
	for _, field := range strings.Fields(pids) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			return at, fmt.Errorf("%q is no process id", field)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			return at, fmt.Errorf("killing process %d of pod %s: %w", pid, pod, err)
		}
	}
	return at, nil
}

func (c *Cluster) killed() string {
	if c.Local() {
		return "killed with SIGKILL"
	}
	return "deleted by force"
}

// KillCommand is the command that does the same by hand.
func (c *Cluster) KillCommand(namespace, pod string) string {
	if c.Local() {
		return fmt.Sprintf("go run ./hack/kube kill-pod %s %s", namespace, pod)
	}
	return fmt.Sprintf("kubectl -n %s delete pod %s --grace-period=0 --force", namespace, pod)
}
