// Command kubectl-wamp is a plugin of kubectl: kubectl wamp shows what the routers of a WampCluster
// know, which the status of resources tells only in part.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// completer is the name under which kubectl asks a plugin for completions: a link to this program.
const completer = "kubectl_complete-wamp"

func main() {
	// Libraries have nothing to say to the user of a command beside its error.
	log.SetLogger(logr.Discard())
	klog.SetLogger(logr.Discard())
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	root := command(&plugin{connect: connect})
	if strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe") == completer {
		root.SetArgs(append([]string{"__complete"}, os.Args[1:]...))
	}
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "kubectl wamp:", explained(err))
		os.Exit(1)
	}
}
