package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"

	"github.com/spf13/pflag"
)

// routerRepository is where the router images of released versions are.
const routerRepository = "ghcr.io/wamp-operator/wamp-router"

// options are the flags.
type options struct {
	routerImage             string
	namespaces              []string
	metricsAddress          string
	metricsSecure           bool
	probeAddress            string
	leaderElection          bool
	leaderElectionNamespace string
	logLevel                string
	showVersion             bool
}

func parse(args []string) (options, error) {
	var o options
	flags := pflag.NewFlagSet("wamp-operator", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.StringVar(&o.routerImage, "router-image", routerRepository+":"+versionString(), "image of the routers of clusters that name none")
	flags.StringSliceVar(&o.namespaces, "watch-namespaces", nil, "namespaces to look at, separated by commas; all when empty")
	flags.StringVar(&o.metricsAddress, "metrics-bind-address", ":8443", "address of /metrics; 0 turns it off")
	flags.BoolVar(&o.metricsSecure, "metrics-secure", true, "serve /metrics over TLS to those that the API server lets get it; false serves it in the clear to everybody")
	flags.StringVar(&o.probeAddress, "health-probe-bind-address", ":8081", "address of /healthz and /readyz")
	flags.BoolVar(&o.leaderElection, "leader-elect", false, "let one of several operators work and the others wait")
	flags.StringVar(&o.leaderElectionNamespace, "leader-election-namespace", "", "namespace of the lease; that of the pod when empty")
	flags.StringVar(&o.logLevel, "log-level", "info", "debug, info or error")
	flags.BoolVar(&o.showVersion, "version", false, "print the version and end")
	flags.Usage = func() {
		fmt.Fprintf(os.Stdout, "wamp-operator runs the controllers of WampCluster, WampRealm and WampProcedure.\n\n%s\n", flags.FlagUsages())
		for _, k := range commands {
			fmt.Fprintf(os.Stdout, "wamp-operator %s %s; see wamp-operator %s --help.\n", k.name, k.about, k.name)
		}
	}
	flags.SetOutput(io.Discard)
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	return o, o.check(flags.Args())
}

func (o options) check(rest []string) error {
	if len(rest) > 0 {
		return fmt.Errorf("%q is not understood: all options begin with --, see --help", rest[0])
	}
	if o.routerImage == "" {
		return fmt.Errorf("--router-image is empty: write the image of the router, for example %s:%s", routerRepository, versionString())
	}
	if slices.Contains(o.namespaces, "") {
		return fmt.Errorf("--watch-namespaces has an empty name in it: write names separated by single commas")
	}
	if !slices.Contains([]string{"debug", "info", "error"}, o.logLevel) {
		return fmt.Errorf("--log-level is %q: write debug, info or error", o.logLevel)
	}
	return nil
}

func (o options) level() slog.Level {
	switch o.logLevel {
	case "debug":
		return slog.LevelDebug
	case "error":
		return slog.LevelError
	}
	return slog.LevelInfo
}
