package main

import (
	"errors"
	"log/slog"

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
		Args:    cobra.NoArgs,
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
