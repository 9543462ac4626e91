// Command kube runs a Kubernetes for development and tests on this machine, built from Go
// modules and kept in namespaces of its own. See README.md in this directory.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

const usage = `usage: kube COMMAND

  up [-nodes N] [-ipv6]          build, start and wait for the cluster
  down                           end the cluster and remove all that belongs to it
  status                         what runs, and how to use it
  env                            print export lines for a shell
  binaries [NAME...]             build the programs and print their directory
  envtest-assets                 build what envtest needs and print its directory
  load FILE...                   import image archives into every node
  kill-pod NAMESPACE POD         end the pod's containers with SIGKILL
  pod-pids NAMESPACE POD         process ids of the pod's containers on this machine
  stop-component [-kill] NAME    end a component (see status) and keep it down
  start-component NAME           start it again and wait until it answers
  kill-node NODE                 take the power from a further node: silence, and SIGKILL to all of it
  start-node NODE                give it power again and wait until its programs answer
  enter [COMMAND...]             run a shell or a command inside the cluster's namespaces
`

func main() {
	if err := command(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "kube:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("unknown command or wrong arguments; `kube help` lists the commands")

func command(args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	name, args := args[0], args[1:]

	// These two run inside the sandbox, where the layout is handed in.
	if name == sandboxCommand || name == superviseCommand {
		if len(args) != 1 {
			return errUsage
		}
		l := layout{Cache: filepath.Dir(args[0])}
		if name == sandboxCommand {
			return sandboxInit(l)
		}
		return supervise(l)
	}

	l, err := findLayout()
	if err != nil {
		return err
	}
	switch {
	case name == "up":
		flags := flag.NewFlagSet("up", flag.ExitOnError)
		count := flags.Int("nodes", 1, "number of nodes, 1 to 9")
		ipv6 := flags.Bool("ipv6", false, "IPv6 comes first: pods and Services that ask for no family have that one")
		_ = flags.Parse(args)
		if err := up(l, *count, *ipv6); err != nil {
			return err
		}
		c, err := readCluster(l)
		if err != nil {
			return err
		}
		say("the cluster is up")
		showEnv(l, c.Bin, os.Stdout)
		return nil
	case name == "down":
		if err := down(l); err != nil {
			return err
		}
		say("nothing of a cluster is left in %s", l.Run())
		return nil
	case name == "status":
		return showStatus(l, os.Stdout)
	case name == "env":
		c, err := readCluster(l)
		if err != nil {
			return err
		}
		showEnv(l, c.Bin, os.Stdout)
		return nil
	case name == "binaries" || name == "envtest-assets":
		return printBinaries(l, name, args)
	case name == "load" && len(args) > 0:
		return loadImages(l, args)
	case name == "kill-pod" && len(args) == 2:
		return killPod(l, args[0], args[1])
	case name == "pod-pids" && len(args) == 2:
		return podPIDs(l, args[0], args[1])
	case name == "stop-component" && len(args) == 1:
		return stopComponent(l, args[0], false)
	case name == "stop-component" && len(args) == 2 && args[0] == "-kill":
		return stopComponent(l, args[1], true)
	case name == "start-component" && len(args) == 1:
		return startComponent(l, args[0], bootTimeout)
	case name == "kill-node" && len(args) == 1:
		return killNode(l, args[0])
	case name == "start-node" && len(args) == 1:
		return startNode(l, args[0])
	case name == "enter":
		return enter(l, args)
	case name == "help":
		fmt.Print(usage)
		return nil
	}
	return errUsage
}

// printBinaries builds and prints the directory alone on standard output, so that a Makefile or
// a shell can use it: progress goes to standard error.
func printBinaries(l layout, name string, names []string) error {
	progress = os.Stderr
	switch {
	case name == "envtest-assets":
		names = envtestBins
	case len(names) == 0:
		names = allBins()
	}
	for _, n := range names {
		if !slices.Contains(allBins(), n) {
			return fmt.Errorf("no program %q; there are %v", n, allBins())
		}
	}
	dir, err := buildBinaries(l, names)
	if err != nil {
		return err
	}
	fmt.Println(dir)
	return nil
}

// enter replaces this process with one inside the cluster's namespaces.
func enter(l layout, argv []string) error {
	pid := sandboxPID(l)
	if pid == 0 {
		return errNoCluster
	}
	if len(argv) == 0 {
		argv = []string{"sh"}
	}
	nsenter, err := exec.LookPath("nsenter")
	if err != nil {
		return err
	}
	return syscall.Exec(nsenter, append([]string{"nsenter", fmt.Sprintf("--target=%d", pid), "--mount", "--net", "--pid", "--"}, argv...), os.Environ())
}

var (
	started  = time.Now()
	progress = os.Stdout
)

// say prints a line of progress with the seconds since the command began.
func say(format string, args ...any) {
	_, _ = fmt.Fprintf(progress, "[%6.1f s] %s\n", time.Since(started).Seconds(), fmt.Sprintf(format, args...))
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
