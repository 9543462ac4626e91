package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"text/tabwriter"
	"time"
)

// showStatus prints the state of the cluster and how to use it.
func showStatus(l layout, w io.Writer) error {
	pid := sandboxPID(l)
	if pid == 0 {
		if _, err := os.Stat(l.Run()); err == nil {
			return fmt.Errorf("the cluster has ended without kube-down; `make kube-up` starts a new one, `make kube-down` removes what is left in %s", l.Run())
		}
		_, _ = fmt.Fprintln(w, "no cluster is running; `make kube-up` starts one")
		return nil
	}
	c, err := readCluster(l)
	if err != nil {
		return err
	}
	list, err := status(l)
	if err != nil {
		return err
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(tw, "COMPONENT\tSTATE\tSINCE\tRESTARTS\tPROCESS\tLOG")
	ready := true
	for _, s := range list {
		process := "-"
		if p := hostPID(pid, s.PID); p != 0 {
			process = fmt.Sprint(p)
		}
		_, _ = fmt.Fprintf(tw, "%s\t%s\t%s\t%d\t%s\t%s\n", s.Name, s.State, time.Since(s.Since).Round(time.Second), s.Restarts, process, l.Log(s.Name))
		ready = ready && (s.State == stateReady || s.Name != "kube-apiserver")
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	if ready {
		for _, what := range [][]string{{"get", "nodes", "-o", "wide"}, {"get", "pods", "-A", "-o", "wide"}} {
			_, _ = fmt.Fprintln(w)
			args := append(kubectlFlags(l), "--request-timeout=5s")
			cmd := exec.Command(filepath.Join(c.Bin, "kubectl"), append(args, what...)...)
			cmd.Stdout, cmd.Stderr = w, w
			if err := cmd.Run(); err != nil {
				_, _ = fmt.Fprintln(w, err)
			}
		}
	}
	_, _ = fmt.Fprintln(w)
	showEnv(l, c.Bin, w)
	return nil
}

// showEnv prints what a shell needs to use the cluster.
func showEnv(l layout, bin string, w io.Writer) {
	_, _ = fmt.Fprintf(w, "export KUBECONFIG=%s\n", l.Kubeconfig())
	_, _ = fmt.Fprintf(w, "export PATH=%s:$PATH\n", bin)
}
