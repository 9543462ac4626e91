package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/config"
)

// readyTimeout is how long the replicas of a development cluster may take to meet.
const readyTimeout = 30 * time.Second

func devCommand(logging *logFlags) *cobra.Command {
	cfg := router.DevConfig{Replicas: 3}
	cmd := &cobra.Command{
		Use:   "dev [--replicas 3] [--listen 127.0.0.1:8080] [-f FILE ...]",
		Short: "Serve as a cluster of replicas in one process, for a laptop",
		Long: `Serve as a cluster of several replicas in one process. They find one another over the loopback
interface as pods do over their network, so that what works here works there. Replica i listens
10·i ports above --listen, and its administration port is one above that.

-f names files or folders with WampRealm and WampProcedure documents, as kubectl apply takes
them; they are watched. Without -f there is one realm, realm1, in which everybody may do
everything.`,
		Example: "  wamp-router dev\n  wamp-router dev --replicas 1 -f config/samples",
		Args:    noArguments("-f"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if cfg.Logger, err = logging.logger(slog.LevelWarn); err != nil {
				return err
			}
			cfg.Version = versionText()
			return dev(cmd.Context(), cmd.OutOrStdout(), cfg)
		},
	}
	cmd.Flags().Var(number{value: &cfg.Replicas, least: 1, most: 64}, "replicas", "number of replicas, at most 64")
	cmd.Flags().StringVar(&cfg.Listen, "listen", "127.0.0.1:8080", "address of the first replica")
	cmd.Flags().StringSliceVarP(&cfg.Documents, "filename", "f", nil, "file or folder of documents; may be repeated")
	cmd.Flags().BoolVar(&cfg.Pprof, "pprof", false, "serve /debug/pprof on the administration ports")
	return cmd
}

func dev(ctx context.Context, out io.Writer, cfg router.DevConfig) error {
	began := time.Now()
	d, err := router.StartDev(cfg)
	if err != nil {
		return err
	}
	defer d.Close()
	ready, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if err := d.Ready(ready); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	introduce(out, d, cfg, time.Since(began))
	return d.Run(ctx)
}

// introduce says where to connect and what to try.
func introduce(out io.Writer, d *router.Dev, cfg router.DevConfig, took time.Duration) {
	fmt.Fprintf(out, "wamp-router %s: %s, ready after %d ms\n\n", cfg.Version, count(len(d.Routers), "replica"), took.Milliseconds())
	fmt.Fprintf(out, "  %-8s %-29s %-24s %s\n", "replica", "WebSocket", "RawSocket", "administration")
	for _, r := range d.Routers {
		fmt.Fprintf(out, "  %-8s ws://%-24s tcp://%-18s http://%s\n", r.State().Replica, r.Address()+"/ws", r.Address(), r.AdminAddress())
	}
	first, last := d.Routers[0], d.Routers[len(d.Routers)-1]
	fmt.Fprintln(out)
	if len(cfg.Documents) == 0 {
		fmt.Fprintln(out, "Realm realm1 is open to everybody; serve your own with -f FILE.")
	} else {
		realms := count(len(first.Realms()), "realm")
		if len(first.Realms()) > 0 {
			realms += " (" + strings.Join(first.Realms(), ", ") + ")"
		}
		fmt.Fprintf(out, "Serving %s from %s; edit and save, and it is served anew.\n", realms, strings.Join(cfg.Documents, ", "))
		if docs, err := config.LoadDocuments(cfg.Documents); err == nil {
			warn(out, docs)
		}
	}
	fmt.Fprintf(out, `
Try it: connect a callee to %s and register a procedure with
{invoke: "roundrobin"}, a second callee to %s, and call the procedure
from any replica: all replicas are one dealer. Then look at it:

  curl http://%s/v1/state

Ctrl-C stops.
`, "ws://"+first.Address()+"/ws", "ws://"+last.Address()+"/ws", first.AdminAddress())
}

func count(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}
