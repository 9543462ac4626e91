package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/wamp-operator/wamp-operator/test/app"
)

// Refuse tries to register where the policy does not allow it.
func (d *Demo) Refuse(ctx context.Context) (mismatch, second *app.Refusal, err error) {
	d.Step("Decided once per cluster: a policy that does not match, a second single callee")
	try := func(router, uri, invoke string) (*app.Refusal, error) {
		d.Say("at %s: REGISTER %s {invoke: %s}", router, uri, invoke)
		refusal, err := d.TryRegister(ctx, router, uri, invoke)
		if err == nil && refusal == nil {
			err = fmt.Errorf("%s accepted a callee of %s with the policy %s", router, uri, invoke)
		}
		if err == nil {
			d.Say("  ERROR %s\n  %s", refusal.URI, refusal.Sentence)
		}
		return refusal, err
	}
	if mismatch, err = try("demo-2", "com.example.primary", "roundrobin"); err != nil {
		return nil, nil, err
	}
	second, err = try("demo-1", "com.example.only", "single")
	return mismatch, second, err
}

const senseless = `apiVersion: wamp-operator.io/v1alpha1
kind: WampProcedure
metadata: {name: senseless}
spec:
  clusterRef: {name: demo}
  realm: realm1
  uri: com..rotate
  invoke: roundrobin
`

// Nonsense applies a manifest that makes no sense and returns what the API server says.
func (d *Demo) Nonsense(ctx context.Context) (string, error) {
	d.Step("A manifest that makes no sense is refused at once")
	d.Command("kubectl -n " + Namespace + " apply -f senseless.yaml    # uri: com..rotate")
	err := d.Cluster.Apply(ctx, Namespace, senseless)
	var refused *CommandError
	switch {
	case err == nil:
		return "", errors.New("the API server accepted the uri com..rotate")
	case !errors.As(err, &refused) || !strings.Contains(refused.Said, "spec.uri"):
		return "", err
	}
	d.Text(refused.Said)
	return refused.Said, nil
}
