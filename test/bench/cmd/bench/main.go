// Command bench compares wamp-router with nexus's router and with nats-server: the same calls, in
// turn, by the same load generator. See `make bench`.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/wamp-operator/wamp-operator/test/bench/internal/contest"
	"github.com/wamp-operator/wamp-operator/test/bench/internal/hostile"
	"github.com/wamp-operator/wamp-operator/test/bench/internal/load"
	"github.com/wamp-operator/wamp-operator/test/bench/internal/relay"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run is the contest, or one of the processes that it starts.
func run(args []string, out io.Writer) error {
	if len(args) == 2 {
		switch args[0] {
		case "relay":
			return relay.Serve(args[1])
		case "generate":
			return report(args[1], out, load.Run)
		case "idle":
			return report(args[1], out, load.Idle)
		case "hostile":
			return report(args[1], out, hostile.Run)
		}
	}
	return compete(args, out)
}

// report does what a specification in JSON says, and writes what was measured in JSON.
func report[S, R any](text string, out io.Writer, do func(S) (R, error)) error {
	var spec S
	if err := json.Unmarshal([]byte(text), &spec); err != nil {
		return err
	}
	result, err := do(spec)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(result)
}

func compete(args []string, out io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cfg := contest.Config{Out: out}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.IntVar(&cfg.Rounds, "rounds", 3, "how often everybody has a turn")
	f.DurationVar(&cfg.Duration, "duration", 2*time.Second, "how long a turn is measured")
	f.DurationVar(&cfg.Warmup, "warmup", 300*time.Millisecond, "how long it runs before that")
	f.StringVar(&cfg.Bin, "bin", filepath.Dir(self), "folder with wamp-router, nexus-router and nats-server")
	f.StringVar(&cfg.Policy, "policy", "random", "invocation policy; a queue group of NATS is always random")
	f.StringVar(&cfg.Profile, "profile", "", "folder to write CPU profiles of wamp-router to")
	f.IntVar(&cfg.Idle, "idle", 10000, "idle WebSocket sessions in the work idle")
	f.Float64Var(&cfg.HostileShare, "hostile-share", 0.2, "part of one processor that the clients of the work hostile take at most")
	kinds := f.String("hostile-kinds", "", "how they misbehave, for example 'pings,calls to nobody'; empty: in every way")
	only := f.String("only", "", "regular expression: works to do, for example '8x16 16 B|idle|hostile'")
	entries := f.String("entries", "", "regular expression: who takes part, for example 'wamp-router|nats'")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("unexpected %q: flags are listed by -help", f.Args())
	}
	if cfg.Rounds < 1 {
		return fmt.Errorf("-rounds %d: write at least 1", cfg.Rounds)
	}
	if cfg.Only, err = regexp.Compile(*only); err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	if cfg.Entries, err = regexp.Compile(*entries); err != nil {
		return fmt.Errorf("-entries: %w", err)
	}
	if *kinds != "" {
		cfg.HostileKinds = strings.Split(*kinds, ",")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	fmt.Fprintf(out, "%d processors, %s, %d rounds of %v; medians of the rounds\n", runtime.NumCPU(), runtime.Version(), cfg.Rounds, cfg.Duration)
	return contest.Run(ctx, cfg)
}
