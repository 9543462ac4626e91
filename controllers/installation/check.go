package installation

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// Check returns nil as soon as the API server takes the three kinds and the operator works: all
// replicas of the Deployment are of its newest template and ready, and one of them holds the lease, in
// the Deployment's namespace, that lets it work. It makes nothing. When the context ends first it says
// what was missing.
func Check(ctx context.Context, c client.Client, deployment types.NamespacedName, lease string, say func(string)) error {
	steps := []struct {
		what string
		try  func(context.Context) error
	}{
		{"WampCluster, WampRealm and WampProcedure are served", func(ctx context.Context) error { return served(ctx, c, deployment.Namespace) }},
		{"the Deployment " + deployment.Name + " is ready", func(ctx context.Context) error { return ready(ctx, c, deployment) }},
		{"an operator works", func(ctx context.Context) error {
			return held(ctx, c, types.NamespacedName{Namespace: deployment.Namespace, Name: lease}, time.Now())
		}},
	}
	for _, step := range steps {
		if err := until(ctx, step.try); err != nil {
			return err
		}
		say(step.what)
	}
	return nil
}

// served asks for an object of each kind to be made, as a dry run: that goes through the definition's
// schema and rules, which a look at the list of kinds would not.
func served(ctx context.Context, c client.Client, namespace string) error {
	meta := metav1.ObjectMeta{Name: "wamp-operator-check", Namespace: namespace}
	reference := v1alpha1.ClusterReference{Name: meta.Name}
	for kind, object := range map[string]client.Object{
		"WampCluster":   &v1alpha1.WampCluster{ObjectMeta: meta},
		"WampRealm":     &v1alpha1.WampRealm{ObjectMeta: meta, Spec: v1alpha1.WampRealmSpec{ClusterRef: reference, Realm: "realm1"}},
		"WampProcedure": &v1alpha1.WampProcedure{ObjectMeta: meta, Spec: v1alpha1.WampProcedureSpec{ClusterRef: reference, Realm: "realm1", URI: "com.example.check"}},
	} {
		if err := c.Create(ctx, object, client.DryRunAll); err != nil {
			return fmt.Errorf("the API server does not take a %s: %w", kind, err)
		}
	}
	return nil
}

func ready(ctx context.Context, c client.Client, name types.NamespacedName) error {
	d := &appsv1.Deployment{}
	if err := c.Get(ctx, name, d); err != nil {
		return fmt.Errorf("reading the Deployment: %w", err)
	}
	want := int32(1)
	if d.Spec.Replicas != nil {
		want = *d.Spec.Replicas
	}
	s := d.Status
	if want == 0 {
		return fmt.Errorf("the Deployment %s has no replicas: nobody looks after the WampClusters", name.Name)
	}
	if s.ObservedGeneration < d.Generation || s.UpdatedReplicas < want || s.AvailableReplicas < want {
		return fmt.Errorf("of %d replicas of the Deployment %s, %d are of the newest template and %d available", want, name.Name, s.UpdatedReplicas, s.AvailableReplicas)
	}
	return nil
}

// held tells whether an operator has renewed the lease within the time that it is given for.
func held(ctx context.Context, c client.Client, name types.NamespacedName, now time.Time) error {
	l := &coordinationv1.Lease{}
	if err := c.Get(ctx, name, l); err != nil {
		return fmt.Errorf("reading the lease of the operator that works: %w", err)
	}
	s := l.Spec
	if s.HolderIdentity == nil || *s.HolderIdentity == "" || s.RenewTime == nil || s.LeaseDurationSeconds == nil {
		return fmt.Errorf("nobody holds the lease %s: no operator works", name.Name)
	}
	if age := now.Sub(s.RenewTime.Time); age > time.Duration(*s.LeaseDurationSeconds)*time.Second {
		return fmt.Errorf("the lease %s was last renewed %s ago by %s: no operator works", name.Name, age.Round(time.Second), *s.HolderIdentity)
	}
	return nil
}
