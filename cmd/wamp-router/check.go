package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/config"
)

func checkCommand() *cobra.Command {
	var documents []string
	var file string
	cmd := &cobra.Command{
		Use:   "check [-f FILE ...] [--config FILE]",
		Short: "Say what is wrong with documents or a configuration, with file and line",
		Long: `Say what is wrong with documents or a configuration, with file and line. With --config it also
opens what the configuration names: certificates, keys, the token, the folder of the Unix socket
and the documents, so run it where the router will run.`,
		Example: "  wamp-router check -f config/samples\n  wamp-router check --config /etc/wamp/router/router.yaml",
		Args:    noArguments("-f"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" && len(documents) == 0 {
				return errors.New("check needs -f FILE, or --config FILE")
			}
			if file != "" {
				cfg, err := config.LoadRouter(file)
				if err != nil {
					return err
				}
				if err := config.CheckFiles(cfg); err != nil {
					return err
				}
				documents = append(documents, cfg.Documents...)
			}
			docs, err := config.LoadDocuments(documents)
			if err != nil {
				return err
			}
			for _, realm := range docs.Realms {
				for _, problem := range auth.CompileWith(realm, auth.Options{Secret: docs.Secret}).Problems() {
					fmt.Fprintln(cmd.OutOrStdout(), problem)
				}
			}
			warn(cmd.OutOrStdout(), docs)
			for _, unknown := range docs.Unknown {
				fmt.Fprintln(cmd.OutOrStdout(), "warning:", unknown)
			}
			for _, ignored := range docs.Ignored {
				fmt.Fprintln(cmd.OutOrStdout(), ignored)
			}
			if file != "" {
				fmt.Fprintf(cmd.OutOrStdout(), "%s is good\n", file)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "good: %s, %s\n", count(len(docs.Realms), "realm"), count(len(docs.Procedures), "procedure"))
			return nil
		},
	}
	cmd.Flags().StringSliceVarP(&documents, "filename", "f", nil, "file or folder of documents; may be repeated")
	cmd.Flags().StringVarP(&file, "config", "c", "", "RouterConfiguration; the documents that it names are checked too")
	return cmd
}

// warn says what in documents is valid and hardly meant.
func warn(out io.Writer, docs *config.Documents) {
	if len(docs.Realms) == 0 {
		fmt.Fprintln(out, "warning: there is no WampRealm among the documents: nobody can join")
	}
	for _, warning := range docs.Warnings() {
		fmt.Fprintln(out, "warning:", warning)
	}
}
