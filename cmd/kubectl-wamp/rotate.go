package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

func rotateCommand(p *plugin) *cobra.Command {
	var wait bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "rotate-gossip-key CLUSTER",
		Short: "Replace the key that protects what routers say to one another",
		Long: `Asks the operator for another gossip key, by the annotation wamp-operator.io/rotate-gossip-key.
No pod is restarted and calls go on meanwhile. When a replacement is under way already, no
other is asked for.`,
		Example:           `  kubectl wamp rotate-gossip-key demo --wait`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: p.completeClusters,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := p.connect(p)
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			name := types.NamespacedName{Namespace: s.namespace, Name: args[0]}
			request, err := s.requestKey(cmd.Context(), out, name, p.now())
			if err != nil {
				return err
			}
			if !wait {
				fmt.Fprintf(out, "It is done when status.gossipKey.rotated is %s; --wait waits for that.\n", request)
				return nil
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			return s.awaitKey(ctx, out, name, request)
		},
	}
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until every router has the new key alone, and say how far it is")
	cmd.Flags().DurationVar(&timeout, "timeout", 5*time.Minute, "how long to wait; the operator goes on after that")
	return cmd
}

// requestKey asks for another key, unless that was done and is not fulfilled, and gives the request.
func (s *session) requestKey(ctx context.Context, out io.Writer, name types.NamespacedName, now time.Time) (string, error) {
	c, err := s.Get(ctx, name)
	if err != nil {
		return "", err
	}
	if asked := c.Annotations[v1alpha1.AnnotationRotateGossipKey]; asked != "" && asked != rotated(c) {
		fmt.Fprintf(out, "The key of WampCluster %s is being replaced already, for the request %s.\n", name, asked)
		return asked, nil
	}
	request := now.UTC().Format("2006-01-02T15:04:05.000Z")
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]string{v1alpha1.AnnotationRotateGossipKey: request}}})
	if err != nil {
		return "", err
	}
	if err := s.Client.Patch(ctx, c, client.RawPatch(types.MergePatchType, patch)); err != nil {
		return "", err
	}
	fmt.Fprintf(out, "Asked for another gossip key for WampCluster %s, with the request %s.\n", name, request)
	return request, nil
}

// pollKey is how often the status is read meanwhile.
const pollKey = 250 * time.Millisecond

// awaitKey waits until a request is fulfilled and prints what is waited for whenever that changes.
func (s *session) awaitKey(ctx context.Context, out io.Writer, name types.NamespacedName, request string) error {
	begin, said := time.Now(), ""
	for {
		c, err := s.Get(ctx, name)
		if err != nil && ctx.Err() == nil {
			return err
		}
		if err == nil {
			if rotated(c) == request {
				fmt.Fprintf(out, "Every router has the new key alone, after %s.\n", time.Since(begin).Round(100*time.Millisecond))
				return nil
			}
			if now := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionProgressing); now != nil && now.Status == "True" && now.Message != said {
				said = now.Message
				fmt.Fprintln(out, said)
			}
		}
		select {
		case <-ctx.Done():
			if said == "" {
				said = "the operator has not begun; kubectl wamp version tells whether one runs"
			}
			return fmt.Errorf("the key is not replaced after %s: %s", time.Since(begin).Round(time.Second), said)
		case <-time.After(pollKey):
		}
	}
}

// rotated is the request that was fulfilled last.
func rotated(c *v1alpha1.WampCluster) string {
	if c.Status.GossipKey == nil {
		return ""
	}
	return c.Status.GossipKey.Rotated
}
