package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/controllers"
	"github.com/wamp-operator/wamp-operator/controllers/installation"
)

// command is a short program beside the operator, for the chart's Job and test.
type command struct {
	name, about string
	// flag has the object that the command is about, as NAMESPACE/NAME.
	flag, flagAbout string
	timeout         time.Duration
	run             func(ctx context.Context, c client.Client, object types.NamespacedName, say func(string)) error
}

var commands = []command{
	{
		name: "apply", about: "applies the WampCluster, WampRealms and WampProcedures in a ConfigMap, and makes it their owner",
		flag: "configmap", flagAbout: "NAMESPACE/NAME of the ConfigMap, with the manifests under the key manifests.yaml", timeout: time.Minute,
		run: installation.Apply,
	},
	{
		name: "check", about: "tells whether the API server takes the operator's kinds and the operator works",
		flag: "deployment", flagAbout: "NAMESPACE/NAME of the operator's Deployment", timeout: 2 * time.Minute,
		run: func(ctx context.Context, c client.Client, deployment types.NamespacedName, say func(string)) error {
			return installation.Check(ctx, c, deployment, controllers.LeaseName, say)
		},
	},
}

// parse reads the arguments after the command's name.
func (k command) parse(args []string) (object types.NamespacedName, timeout time.Duration, err error) {
	flags := pflag.NewFlagSet("wamp-operator "+k.name, pflag.ContinueOnError)
	name := flags.String(k.flag, "", k.flagAbout)
	flags.DurationVar(&timeout, "timeout", k.timeout, "how long to wait for what is missing")
	flags.Usage = func() {
		fmt.Fprintf(os.Stdout, "wamp-operator %s %s.\n\n%s", k.name, k.about, flags.FlagUsages())
	}
	if err := flags.Parse(args); err != nil {
		return object, 0, err
	}
	if flags.NArg() > 0 {
		return object, 0, fmt.Errorf("%q is not understood: all options begin with --, see --help", flags.Arg(0))
	}
	if object, err = installation.Name(*name); err != nil {
		return object, 0, fmt.Errorf("--%s: %w", k.flag, err)
	}
	return object, timeout, nil
}

// refusedStatus is the exit status for what trying again cannot help; the chart's Job knows it.
const refusedStatus = 3

// main runs the command and gives the status to end with: 2 for arguments that cannot be meant, 3 for what
// trying again cannot help.
func (k command) main(args []string) int {
	object, timeout, err := k.parse(args)
	if errors.Is(err, pflag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "wamp-operator %s: %v\n", k.name, err)
		return 2
	}
	ctrl.SetLogger(logr.Discard()) // what is to be said is said here
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	config, err := ctrl.GetConfig()
	if err == nil {
		config.UserAgent = "wamp-operator-" + k.name + "/" + versionString()
		var c client.Client
		if c, err = client.New(config, client.Options{Scheme: controllers.NewScheme()}); err == nil {
			err = k.run(ctx, c, object, func(line string) { fmt.Println(line) })
		}
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "wamp-operator %s: %v\n", k.name, err)
		if installation.Refused(err) {
			return refusedStatus
		}
		return 1
	}
	return 0
}
