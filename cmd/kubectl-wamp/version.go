package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/cmd/kubectl-wamp/internal/report"
)

func versionCommand(p *plugin) *cobra.Command {
	onlyClient, everywhere := false, false
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the versions of this program, of the operator and of the routers",
		Long: `Prints the version of this program, the image of the operator and whether it runs, and the
versions that the routers of the namespace's WampClusters say they have.`,
		Example: `  kubectl wamp version -A
  kubectl wamp version --client`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := &report.Versions{Client: versionString()}
			if !onlyClient {
				if err := p.versions(cmd, v, everywhere); err != nil {
					return err
				}
			}
			return p.print(cmd.OutOrStdout(), v)
		},
	}
	cmd.Flags().BoolVar(&onlyClient, "client", false, "only that of this program; no Kubernetes is asked")
	cmd.Flags().BoolVarP(&everywhere, "all-namespaces", "A", false, "routers of all namespaces")
	p.outputFlag(cmd)
	return cmd
}

// operatorLabels are on the operator's Deployment, whatever it was installed with.
var operatorLabels = client.MatchingLabels{"app.kubernetes.io/name": "wamp-operator"}

func (p *plugin) versions(cmd *cobra.Command, v *report.Versions, everywhere bool) error {
	s, err := p.connect(p)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	var deployments appsv1.DeploymentList
	switch err := s.Client.List(ctx, &deployments, operatorLabels); {
	case apierrors.IsForbidden(err):
		v.Notes = append(v.Notes, "You may not list Deployments in all namespaces: whether an operator runs is not known.")
	case err != nil:
		return err
	case len(deployments.Items) == 0:
		v.Notes = append(v.Notes, "No Deployment of the operator is here: nobody carries out what WampClusters, WampRealms and WampProcedures say.")
	}
	for i := range deployments.Items {
		d := &deployments.Items[i]
		o := report.Operator{Namespace: d.Namespace, Name: d.Name, Ready: d.Status.ReadyReplicas, Replicas: 1}
		if d.Spec.Replicas != nil {
			o.Replicas = *d.Spec.Replicas
		}
		if containers := d.Spec.Template.Spec.Containers; len(containers) > 0 {
			o.Image = containers[0].Image
		}
		v.Operators = append(v.Operators, o)
	}
	slices.SortFunc(v.Operators, func(a, b report.Operator) int { return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name) })
	clusters, err := s.clusters(ctx, everywhere)
	if err != nil {
		return err
	}
	for i := range clusters {
		c, err := s.Look(ctx, client.ObjectKeyFromObject(&clusters[i]))
		if err != nil {
			return err
		}
		v.Clusters = append(v.Clusters, report.NewRouters(c))
		if c.Silence != "" {
			v.Notes = append(v.Notes, "The routers of "+clusters[i].Namespace+"/"+clusters[i].Name+" were not asked: "+c.Silence+".")
		}
	}
	return nil
}
