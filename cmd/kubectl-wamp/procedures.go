package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/cmd/kubectl-wamp/internal/report"
	"github.com/wamp-operator/wamp-operator/cmd/kubectl-wamp/internal/routers"
)

func proceduresCommand(p *plugin) *cobra.Command {
	var filter report.Filter
	cmd := &cobra.Command{
		Use:   "procedures CLUSTER",
		Short: "List all registrations of a WampCluster, declared or not, as the routers have them",
		Long: `Lists every procedure that has a callee, and every one that a WampProcedure declares.

  ACTIVE   the callee that gets the calls, as router/session; all where the policy shares
           them (roundrobin, random); none
  ROUTERS  to which the callees are connected, with their number where there are several
  NOTE     not declared; no callee; declared as another policy; or the condition of the
           WampProcedure that does not hold`,
		Example: `  kubectl wamp procedures demo --realm realm1
  kubectl wamp procedures demo --match billing      # URIs that contain billing
  kubectl wamp procedures demo --problems           # those with a note`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: p.completeClusters,
		RunE: func(cmd *cobra.Command, args []string) error {
			_, c, err := p.heard(cmd, args[0])
			if err != nil {
				return err
			}
			return p.print(cmd.OutOrStdout(), report.NewProcedures(c, filter))
		},
	}
	p.realmFlag(cmd, &filter.Realm, "only those of this realm")
	cmd.Flags().StringVar(&filter.Text, "match", "", "only URIs that contain this text")
	cmd.Flags().BoolVar(&filter.Problems, "problems", false, "only those with a note")
	p.outputFlag(cmd)
	return cmd
}

func calleesCommand(p *plugin) *cobra.Command {
	var realm, pattern string
	cmd := &cobra.Command{
		Use:   "callees CLUSTER URI",
		Short: "Show the callees of a procedure in their order, and which of them gets the calls",
		Long: `Lists the callees of one procedure in the order of the list, which is the same on every
router.

  AUTHID      who the callee says it is
  REGISTERED  how long ago, about
  CALLS       active: it gets all calls; standby: it takes over; next: the next turn of the
              rotation is its; in turn; any (random)

The realm and the kind of match can be left out where only one procedure fits.`,
		Example: `  kubectl wamp callees demo com.example.add
  kubectl wamp callees demo com.example. --realm realm1 --pattern prefix`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: p.completeURIs,
		RunE: func(cmd *cobra.Command, args []string) error {
			match := v1alpha1.MatchPolicy(pattern)
			switch match {
			case "", v1alpha1.MatchExact, v1alpha1.MatchPrefix, v1alpha1.MatchWildcard:
			default:
				return fmt.Errorf("--pattern %q: write exact, prefix or wildcard", pattern)
			}
			s, c, err := p.heard(cmd, args[0])
			if err != nil {
				return err
			}
			key, err := report.Choose(c, realm, args[1], match)
			if err != nil {
				return err
			}
			details, err := s.Callees(cmd.Context(), c, key)
			if err != nil {
				return err
			}
			return p.print(cmd.OutOrStdout(), report.NewCallees(c, key, details, p.now()))
		},
	}
	p.realmFlag(cmd, &realm, "realm of the procedure")
	cmd.Flags().StringVar(&pattern, "pattern", "", "how the URI is matched: exact, prefix or wildcard")
	complete(cmd, "pattern", "exact", "prefix", "wildcard")
	p.outputFlag(cmd)
	return cmd
}

// heard looks at a cluster of which at least one router has to answer.
func (p *plugin) heard(cmd *cobra.Command, name string) (*session, *routers.Cluster, error) {
	s, err := p.connect(p)
	if err != nil {
		return nil, nil, err
	}
	c, err := s.Look(cmd.Context(), types.NamespacedName{Namespace: s.namespace, Name: name})
	switch {
	case err != nil:
		return nil, nil, err
	case c.Silence != "":
		return nil, nil, errors.New(c.Silence)
	case len(c.States) > 0:
		return s, c, nil
	}
	for pod, why := range c.Trouble {
		return nil, nil, fmt.Errorf("no router of WampCluster %s answers; %s: %s", name, pod, why)
	}
	return nil, nil, fmt.Errorf("WampCluster %s has no router that runs: see kubectl wamp status %s", name, name)
}
