// Command guarantees measures the figures of docs/guarantees.md and prints them as a table in Markdown.
// It makes network namespaces and TUN devices, for which it has to be root.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/wamp-operator/wamp-operator/test/chaos/figures"
)

func main() {
	var (
		b     = figures.Bench{Progress: os.Stderr}
		names []string
	)
	flag.StringVar(&b.Router, "router", "bin/wamp-router", "`program` to measure")
	flag.StringVar(&b.Dir, "dir", "", "`folder` for configurations and logs (default: a temporary one, removed when all went well)")
	flag.Int64Var(&b.Calls, "calls", 10_000_000, "how many calls of a rotation to judge")
	flag.Func("only", "`names` of figures to measure, separated by commas (default: all)", func(s string) error {
		if s != "" {
			names = strings.Split(s, ",")
		}
		return nil
	})
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, &b, names); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// run measures all figures that it can, and then says what went wrong.
func run(ctx context.Context, b *figures.Bench, names []string) (failed error) {
	chosen, err := figures.Find(names...)
	if err != nil {
		return err
	}
	if b.Dir == "" {
		if b.Dir, err = os.MkdirTemp("", "guarantees-"); err != nil {
			return err
		}
		defer func() {
			if failed == nil {
				_ = os.RemoveAll(b.Dir)
			}
		}()
	}
	var table strings.Builder
	begun := time.Now()
	for _, f := range chosen {
		fmt.Fprintf(b.Progress, "%s\n", f.Name)
		started := time.Now()
		rows, err := f.Run(ctx, b)
		for _, r := range rows {
			table.WriteString(f.Line(r))
		}
		fmt.Fprintf(b.Progress, "    took %s\n", time.Since(started).Round(100*time.Millisecond))
		if err != nil {
			fmt.Fprintf(b.Progress, "    error: %v\n", err)
			failed = errors.Join(failed, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	if r, ok := b.Unanswered(); ok {
		table.WriteString(r.Line())
	}
	fmt.Printf("%d processors, %s, all replicas, clients and the network between them on one machine; %s in all\n\n%s%s",
		runtime.NumCPU(), runtime.Version(), time.Since(begun).Round(time.Second), figures.Head, table.String())
	if failed != nil {
		failed = fmt.Errorf("%w\nlogs and histories are in %s", failed, b.Dir)
	}
	return failed
}
