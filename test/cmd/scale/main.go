// Command scale measures a cluster with many registrations, on this machine. It runs in a network
// namespace of its own, for which it needs to be root.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/wamp-operator/wamp-operator/test/scale"
)

func main() {
	var o scale.Options
	flag.StringVar(&o.Router, "router", "bin/wamp-router", "program to measure")
	flag.IntVar(&o.Replicas, "replicas", 9, "replicas")
	flag.IntVar(&o.Registrations, "registrations", 100000, "registrations in all")
	flag.IntVar(&o.Burst, "burst", 10000, "registrations at once")
	flag.IntVar(&o.Singles, "singles", 500, "registrations one after the other")
	flag.DurationVar(&o.Idle, "idle", 20*time.Second, "how long to count the traffic of idle replicas")
	flag.DurationVar(&o.Settle, "settle", 8*time.Second, "pause before memory is looked at")
	flag.DurationVar(&o.Pause, "pause", 0, "pause at the end")
	flag.BoolVar(&o.Encrypted, "encrypted", true, "give the cluster a key")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, &o); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// inside marks the process in the namespace.
const inside = "SCALE_INSIDE"

func run(ctx context.Context, o *scale.Options) error {
	if os.Getenv(inside) != "" {
		if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
			return fmt.Errorf("bringing up the loopback interface: %w: %s", err, out)
		}
		return scale.Run(ctx, o)
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		os.Exit(exit.ExitCode())
	}
	return err
}
