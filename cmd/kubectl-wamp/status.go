package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/cmd/kubectl-wamp/internal/report"
)

func statusCommand(p *plugin) *cobra.Command {
	everywhere := false
	cmd := &cobra.Command{
		Use:   "status [CLUSTER]",
		Short: "Show a WampCluster on one screen, and what to see to first",
		Long: `With the name of a WampCluster: the conditions that are not as they should be, the one
to see to first at the beginning; what else the routers say that somebody should see; a line
for each router; and whether their callee lists are the same.

  STATE          what the router says (ready, not ready, draining, minority), else what
                 Kubernetes says of its pod
  REGISTRATIONS  of callees that are connected to this router
  SNAPSHOT       served: the newest realms and procedures; older; refused
  SEES           routers that it sees alive, itself included, of spec.replicas
  LINKS          other routers that it can send calls to
  LISTS          hash of all callee lists: the same on every router at rest

Without a name: the only WampCluster of the namespace, or a line for each.`,
		Example: `  kubectl wamp status demo -n shop
  kubectl wamp status -A
  kubectl wamp status demo -o json | jq '.routers[] | select(.state != "ready")'`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: p.completeClusters,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := p.connect(p)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return p.clusters(cmd, s, everywhere)
			}
			return p.status(cmd, s, types.NamespacedName{Namespace: s.namespace, Name: args[0]})
		},
	}
	cmd.Flags().BoolVarP(&everywhere, "all-namespaces", "A", false, "list the WampClusters of all namespaces")
	p.outputFlag(cmd)
	return cmd
}

func (p *plugin) status(cmd *cobra.Command, s *session, name types.NamespacedName) error {
	c, err := s.Look(cmd.Context(), name)
	if err != nil {
		return err
	}
	return p.print(cmd.OutOrStdout(), report.NewStatus(c, p.now()))
}

func (p *plugin) clusters(cmd *cobra.Command, s *session, everywhere bool) error {
	list, err := s.clusters(cmd.Context(), everywhere)
	if err != nil {
		return err
	}
	switch {
	case len(list) == 0 && everywhere:
		return fmt.Errorf("there is no WampCluster in any namespace")
	case len(list) == 0:
		return fmt.Errorf("there is no WampCluster in namespace %s: choose another with -n, or see all with -A", s.namespace)
	case len(list) == 1 && !everywhere:
		return p.status(cmd, s, client.ObjectKeyFromObject(&list[0]))
	}
	return p.print(cmd.OutOrStdout(), report.NewClusters(list, p.now()))
}

// clusters are sorted by namespace and name.
func (s *session) clusters(ctx context.Context, everywhere bool) ([]v1alpha1.WampCluster, error) {
	var list v1alpha1.WampClusterList
	namespace := s.namespace
	if everywhere {
		namespace = ""
	}
	if err := s.Client.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, err
	}
	slices.SortFunc(list.Items, func(a, b v1alpha1.WampCluster) int {
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
	return list.Items, nil
}
