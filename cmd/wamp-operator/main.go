// Command wamp-operator runs the controllers of WampCluster, WampRealm and WampProcedure.
package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	runtimemetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/wamp-operator/wamp-operator/controllers"
	"github.com/wamp-operator/wamp-operator/controllers/metrics"
)

func main() {
	for _, k := range commands {
		if len(os.Args) > 1 && os.Args[1] == k.name {
			os.Exit(k.main(os.Args[2:]))
		}
	}
	options, err := parse(os.Args[1:])
	if errors.Is(err, pflag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "wamp-operator:", err)
		os.Exit(2)
	}
	if options.showVersion {
		fmt.Println("wamp-operator", versionString())
		return
	}
	logger := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: options.level()}))
	slog.SetDefault(logger)
	ctrl.SetLogger(logr.FromSlogHandler(logger.Handler()))
	klog.SetLogger(ctrl.Log) // leader election and client speak through it
	config, err := ctrl.GetConfig()
	if err == nil {
		err = run(config, options)
	}
	if err != nil {
		ctrl.Log.Error(err, "wamp-operator ends")
		os.Exit(1)
	}
}

func run(config *rest.Config, o options) error {
	ctx := ctrl.SetupSignalHandler()
	config.UserAgent = "wamp-operator/" + versionString()
	// Status of thousands of procedures is written after a restart of all routers. There are never more
	// requests at once than reconcilers, so the API server's own fairness is the limit, and no rate here.
	config.QPS = -1

	served := metricsserver.Options{BindAddress: o.metricsAddress, SecureServing: o.metricsSecure}
	if o.metricsSecure {
		served.FilterProvider = filters.WithAuthenticationAndAuthorization
	}
	managed := ctrl.Options{
		Scheme:                 controllers.NewScheme(),
		Cache:                  controllers.CacheOptions(o.namespaces),
		Client:                 controllers.ClientOptions(),
		Metrics:                served,
		HealthProbeBindAddress: o.probeAddress,
	}
	if o.leaderElection {
		controllers.ElectLeader(&managed, o.leaderElectionNamespace)
		if err := controllers.NameLeader(&managed, config, os.Getenv("POD_NAME")); err != nil {
			return fmt.Errorf("preparing the lease: %w", err)
		}
	}
	if err := waitForAPIServer(ctx, ctrl.Log, config, o.probeAddress); err != nil {
		return err
	}
	mgr, err := ctrl.NewManager(config, managed)
	if err != nil {
		return fmt.Errorf("starting the manager: %w", err)
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	if err := mgr.AddReadyzCheck("caches", controllers.Ready(mgr.GetCache())); err != nil {
		return err
	}
	err = controllers.SetupWithManager(ctx, mgr, controllers.Options{
		RouterImage: o.routerImage,
		Namespaces:  o.namespaces,
	})
	if err != nil {
		return err
	}
	if err := runtimemetrics.Registry.Register(metrics.Build{Version: versionString()}); err != nil {
		return fmt.Errorf("registering metrics: %w", err)
	}
	mgr.GetLogger().Info("wamp-operator starts", "version", versionString(), "routerImage", o.routerImage,
		"namespaces", strings.Join(o.namespaces, ","))
	return mgr.Start(ctx)
}
