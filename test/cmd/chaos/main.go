// Command chaos breaks clusters of real router processes in many ways, one after the other, while clients
// keep them under load, and tells whether the promises were kept. It needs root, for network
// namespaces; what it does stays in namespaces of its own.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"github.com/wamp-operator/wamp-operator/test/chaos/lab"
	"github.com/wamp-operator/wamp-operator/test/chaos/scenario"
)

var (
	only     = flag.String("scenario", ".", "run the scenarios whose names match this regular expression")
	list     = flag.Bool("list", false, "list the scenarios and run none")
	duration = flag.Duration("duration", 10*time.Second, "how long each scenario breaks things (some have steps that take longer)")
	seed     = flag.Uint64("seed", uint64(time.Now().UnixNano()), "decides which packets are lost and what clients do")
	replicas = flag.Int("replicas", 3, "replicas of the cluster, where the scenario does not say")
	rate     = flag.Int("rate", 6000, "calls a second to aim at; 0: as many as there can be")
	lanes    = flag.Int("lanes", 240, "procedures that are called, each by one caller with one call in flight")
	router   = flag.String("router", "bin/wamp-router", "the program to run")
	logLevel = flag.String("log-level", "info", "of the routers")
	keep     = flag.Bool("keep", false, "keep the logs also when all promises were kept")
)

func main() {
	flag.Parse()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

var errBroken = errors.New("promises were broken")

func run() error {
	match, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("-scenario: %w", err)
	}
	var chosen []*scenario.Scenario
	for _, s := range scenario.All() {
		if match.MatchString(s.Name) {
			chosen = append(chosen, s)
		}
		if *list {
			fmt.Printf("%-12s %s\n", s.Name, s.About)
		}
	}
	switch {
	case *list:
		return nil
	case len(chosen) == 0:
		return fmt.Errorf("no scenario matches %q; -list names them", *only)
	case os.Geteuid() != 0:
		return lab.ErrNotAllowed
	case *replicas < 2:
		return fmt.Errorf("-replicas %d: write at least 2", *replicas)
	}
	return all(chosen)
}

func all(chosen []*scenario.Scenario) error {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	program, err := filepath.Abs(*router)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "chaos-")
	if err != nil {
		return err
	}
	cfg := scenario.Config{
		Router: program, Dir: dir, Replicas: *replicas, Duration: *duration, Seed: *seed, Rate: *rate, Lanes: *lanes, LogLevel: *logLevel,
	}
	fmt.Printf("seed %d\n", *seed)
	scenario.WriteHead(os.Stdout)
	broken := 0
	for _, s := range chosen {
		line := s.Do(ctx, cfg)
		if ctx.Err() != nil {
			return errors.Join(errors.New("interrupted"), tidy(dir, broken))
		}
		line.Write(os.Stdout)
		if !line.Kept() {
			broken++
		}
	}
	if err := tidy(dir, broken); err != nil {
		return err
	}
	if broken > 0 {
		return fmt.Errorf("%w in %d of %d scenarios; run one again with -seed %d -scenario NAME", errBroken, broken, len(chosen), *seed)
	}
	return nil
}

// tidy removes the logs when nobody needs them.
func tidy(dir string, broken int) error {
	if broken == 0 && !*keep {
		return os.RemoveAll(dir)
	}
	fmt.Println("logs:", dir)
	return nil
}
