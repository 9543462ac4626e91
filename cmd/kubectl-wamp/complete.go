package main

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/cmd/kubectl-wamp/internal/report"
)

// completionPatience is how long somebody waits who has pressed the tabulator.
const completionPatience = 3 * time.Second

// names completes with what find gives; with nothing when that fails.
func (p *plugin) names(cmd *cobra.Command, find func(context.Context, *session) []string) ([]cobra.Completion, cobra.ShellCompDirective) {
	s, err := p.connect(p)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completionPatience)
	defer cancel()
	found := find(ctx, s)
	slices.Sort(found)
	return slices.Compact(found), cobra.ShellCompDirectiveNoFileComp
}

func (p *plugin) completeClusters(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return p.names(cmd, func(ctx context.Context, s *session) (names []string) {
		list, _ := s.clusters(ctx, false)
		for _, c := range list {
			names = append(names, c.Name)
		}
		return names
	})
}

func (p *plugin) completeProcedures(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return p.names(cmd, func(ctx context.Context, s *session) (names []string) {
		var list v1alpha1.WampProcedureList
		_ = s.Client.List(ctx, &list, client.InNamespace(s.namespace))
		for _, item := range list.Items {
			names = append(names, item.Name)
		}
		return names
	})
}

// completeURIs offers a cluster, and then the procedures that its routers have.
func (p *plugin) completeURIs(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) != 1 {
		return p.completeClusters(cmd, args, word)
	}
	return p.names(cmd, func(ctx context.Context, s *session) (uris []string) {
		c, err := s.Look(ctx, types.NamespacedName{Namespace: s.namespace, Name: args[0]})
		if err != nil {
			return nil
		}
		for _, item := range report.NewProcedures(c, report.Filter{}).Items {
			uris = append(uris, item.URI)
		}
		return uris
	})
}

func (p *plugin) completeRealms(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return p.names(cmd, func(ctx context.Context, s *session) (names []string) {
		var list v1alpha1.WampRealmList
		_ = s.Client.List(ctx, &list, client.InNamespace(s.namespace))
		for _, item := range list.Items {
			names = append(names, item.Spec.Realm)
		}
		return names
	})
}

// realmFlag adds --realm.
func (p *plugin) realmFlag(cmd *cobra.Command, into *string, usage string) {
	cmd.Flags().StringVar(into, "realm", "", usage)
	if err := cmd.RegisterFlagCompletionFunc("realm", p.completeRealms); err != nil {
		panic(err) // the flag has just been added
	}
}
