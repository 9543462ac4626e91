package main

import (
	"fmt"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/cmd/kubectl-wamp/internal/report"
)

func explainCommand(p *plugin) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain PROCEDURE",
		Short: "Say why a WampProcedure is not Ready",
		Long: `Walks from the WampCluster over the WampRealm and the WampProcedure to what the routers
serve and who has registered, and says of each step whether it holds, and what to do where
it does not.`,
		Example:           `  kubectl wamp explain add -n shop`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: p.completeProcedures,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := p.connect(p)
			if err != nil {
				return err
			}
			var procedure v1alpha1.WampProcedure
			if err := s.Client.Get(cmd.Context(), types.NamespacedName{Namespace: s.namespace, Name: args[0]}, &procedure); err != nil {
				if apierrors.IsNotFound(err) {
					return fmt.Errorf("there is no WampProcedure %s in namespace %s: this wants the name of the resource, not the URI "+
						"(kubectl get wampprocedures -A shows both)", args[0], s.namespace)
				}
				return err
			}
			c, missing := s.Look(cmd.Context(), procedure.Spec.ClusterRef.Key(procedure.Namespace))
			return p.print(cmd.OutOrStdout(), report.NewExplanation(&procedure, c, missing))
		},
	}
	p.outputFlag(cmd)
	return cmd
}
