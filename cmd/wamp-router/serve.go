package main

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/spf13/cobra"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/config"
)

func serveCommand(logging *logFlags) *cobra.Command {
	var file string
	var pprof bool
	cmd := &cobra.Command{
		Use:   "serve --config FILE",
		Short: "Serve as one replica, as a pod runs it",
		Long: `Serve as one replica. FILE is a RouterConfiguration: where to listen, where the other
replicas are, and which WampRealm and WampProcedure documents to serve. The documents are
watched; new ones are served without a restart, and broken ones leave the last good ones in
use. SIGTERM drains: the replica is not ready at once, calls in flight end, clients are told to
leave, within drainTimeout.`,
		Example: "  wamp-router serve --config /etc/wamp/router/router.yaml",
		Args:    noArguments("--config"),
		// What other routers' commands are called.
		SuggestFor: []string{"start", "run"},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return errors.New("serve needs --config FILE; for a first try use: wamp-router dev")
			}
			log, err := logging.logger(slog.LevelInfo)
			if err != nil {
				return err
			}
			cfg, err := config.LoadRouter(file)
			if err != nil {
				return err
			}
			boundMemory(cmd.Context(), log)
			r, err := router.Start(router.Config{Configuration: cfg, Version: versionText(), Pprof: pprof, Logger: log})
			if err != nil {
				return err
			}
			log.Info("serving", "version", versionText(), "clients", r.Address(), "admin", r.AdminAddress())
			return r.Run(cmd.Context())
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "RouterConfiguration to serve with")
	cmd.Flags().BoolVar(&pprof, "pprof", false, "serve /debug/pprof on the administration port")
	return cmd
}

// limitEvery is how often the memory limit is looked at: that of a pod may be changed while it runs.
const limitEvery = time.Minute

// boundMemory lets the garbage collector work harder before the container's memory limit is reached, at 90 % of
// it, so that a router is not killed for garbage. Without a limit, or with GOMEMLIMIT in the environment, it
// changes nothing.
func boundMemory(ctx context.Context, log *slog.Logger) {
	limit, err := memlimit.Set(memlimit.WithRefreshInterval(ctx, limitEvery))
	switch {
	case err != nil:
		log.Debug("the memory limit of the container is not known", "error", err)
	case limit != math.MaxInt64:
		log.Info("memory is limited", "bytes", limit)
	}
}
