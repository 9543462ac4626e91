// Command wamp-router is a WAMP router that, together with its other replicas, is one dealer.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the build with -ldflags "-X main.version=…".
var version = ""

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		text := err.Error()
		if strings.Contains(text, "\n") { // several problems, a line each
			text = "\n" + text
		}
		fmt.Fprintln(os.Stderr, "wamp-router:", text)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "wamp-router",
		Short:         "A WAMP router whose replicas act as one dealer",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	var logging logFlags
	logging.add(root)
	root.AddCommand(serveCommand(&logging), devCommand(&logging), checkCommand(), credentialCommand(), versionCommand())
	return root
}

// noArguments refuses arguments of a command that takes its files by a flag.
func noArguments(flag string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return fmt.Errorf("%s takes no arguments: write %s %s", cmd.Name(), flag, args[0])
	}
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintln(cmd.OutOrStdout(), versionText())
		},
	}
}

// versionText is the version that the build set, else what Go knows of the source.
func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "development"
}

// logFlags choose what is logged and how.
type logFlags struct{ level, format string }

func (f *logFlags) add(cmd *cobra.Command) {
	cmd.PersistentFlags().StringVar(&f.level, "log-level", "", "least level to log: debug, info, warn or error (default $WAMP_LOG_LEVEL, else info; for dev: warn)")
	cmd.PersistentFlags().StringVar(&f.format, "log-format", "", "text or json (default $WAMP_LOG_FORMAT, else text)")
}

func (f *logFlags) logger(otherwise slog.Level) (*slog.Logger, error) {
	level := otherwise
	if text, from := orVariable(f.level, "--log-level", "WAMP_LOG_LEVEL"); text != "" {
		if err := level.UnmarshalText([]byte(text)); err != nil {
			return nil, fmt.Errorf("%s %q: write debug, info, warn or error", from, text)
		}
	}
	options := &slog.HandlerOptions{Level: level}
	format, from := orVariable(f.format, "--log-format", "WAMP_LOG_FORMAT")
	switch format {
	case "", "text":
		return slog.New(slog.NewTextHandler(os.Stderr, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(os.Stderr, options)), nil
	}
	return nil, fmt.Errorf("%s %q: write text or json", from, format)
}

// orVariable gives the value of a flag, or of an environment variable where the flag is not given, and which
// of the two it is. In pods, whose arguments are fixed, there is the variable.
func orVariable(value, flag, variable string) (text, from string) {
	if value != "" {
		return value, flag
	}
	return os.Getenv(variable), variable
}
