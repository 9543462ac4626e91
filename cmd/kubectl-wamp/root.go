package main

import (
	"errors"
	"net"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the build with -ldflags "-X main.version=…".
var version string

// versionString is the version of this binary: as it was set at the build, or that of the module.
func versionString() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}

func command(p *plugin) *cobra.Command {
	root := &cobra.Command{
		Use:   "kubectl-wamp",
		Short: "See what the routers of a WampCluster know",
		Long: `kubectl wamp shows what the routers of a WampCluster know: who is registered, who gets
the calls, and whether the routers agree.

It asks the API server for the resources and the routers for the rest: it reaches the
administration port of their pods the way kubectl port-forward does, with the token in
the Secret CLUSTER-admin. It changes nothing, but for rotate-gossip-key.`,
		Example: `  kubectl wamp status                    # the WampClusters of the namespace
  kubectl wamp status demo               # one of them on one screen: begin here
  kubectl wamp procedures demo --problems
  kubectl wamp callees demo com.example.add
  kubectl wamp explain add               # why is the WampProcedure add not Ready?`,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl wamp"},
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	p.flags(root.PersistentFlags())
	root.AddCommand(
		statusCommand(p), proceduresCommand(p), calleesCommand(p), explainCommand(p), rotateCommand(p), versionCommand(p),
	)
	return root
}

// complete offers words as values of a flag.
func complete(cmd *cobra.Command, flag string, words ...cobra.Completion) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag is not there, or has completions already
	}
}

// isConnection tells errors of the way to a server from those that it answers.
func isConnection(err error) bool {
	var network net.Error
	return errors.As(err, &network)
}
