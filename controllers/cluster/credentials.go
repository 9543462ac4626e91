package cluster

import (
	"bytes"
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
	"github.com/wamp-operator/wamp-operator/controllers/ssa"
)

// credential is a secret value as it was read or made last. The operator's own Secrets are neither
// cached nor watched: it reads them, by name, once a resync.
type credential struct {
	value   []byte
	checked time.Time
}

// credentials sees to it that the gossip key and the admin token exist. One that was deleted
// comes back with the value that it had, so that running routers and new ones still agree.
func (r *Reconciler) credentials(ctx context.Context, s *scope) error {
	for _, c := range []struct {
		memory *credential
		name   string
		key    string
		make   func() []byte
		build  func(*v1alpha1.WampCluster, []byte) *corev1ac.SecretApplyConfiguration
	}{
		{&s.memory.gossip, resource.GossipSecretName(s.name.Name), resource.GossipKey, resource.NewGossipKey, resource.GossipSecret},
		{&s.memory.admin, resource.AdminSecretName(s.name.Name), resource.AdminToken, resource.NewAdminToken, resource.AdminSecret},
	} {
		if c.memory.value != nil && s.now.Sub(c.memory.checked) < r.Resync {
			continue
		}
		secret := &corev1.Secret{}
		err := r.Live.Get(ctx, types.NamespacedName{Namespace: s.name.Namespace, Name: c.name}, secret)
		switch {
		case err == nil && !metav1.IsControlledBy(secret, s.cluster):
			return nameTaken(secret, s.cluster)
		case err == nil && len(secret.Data[c.key]) > 0:
			*c.memory = credential{value: secret.Data[c.key], checked: s.now}
			continue
		case err != nil && !apierrors.IsNotFound(err):
			return fmt.Errorf("reading Secret %s/%s: %w", s.name.Namespace, c.name, err)
		}
		value := c.memory.value
		if value == nil {
			value = c.make()
		}
		if err := r.Client.Apply(ctx, c.build(s.cluster, value), client.FieldOwner(ssa.FieldOwner), client.ForceOwnership); err != nil {
			return fmt.Errorf("applying Secret %s/%s: %w", s.name.Namespace, c.name, err)
		}
		*c.memory = credential{value: value, checked: s.now}
		ctrl.LoggerFrom(ctx).Info("secret created", "secret", c.name)
	}
	return nil
}

// recallCredentials reads, once, the credentials that an earlier operator published: their salt stays.
func (r *Reconciler) recallCredentials(ctx context.Context, s *scope) error {
	m := s.memory
	if m.salt != "" {
		return nil
	}
	secret := &corev1.Secret{}
	name := types.NamespacedName{Namespace: s.name.Namespace, Name: resource.CredentialsName(s.name.Name)}
	switch err := r.Live.Get(ctx, name, secret); {
	case err == nil && metav1.IsControlledBy(secret, s.cluster):
		m.left = secret.Data[resource.CredentialsFile]
		m.salt = snapshot.SaltOf(m.left)
	case err != nil && !apierrors.IsNotFound(err):
		return fmt.Errorf("reading Secret %s: %w", name, err)
	}
	if m.salt == "" {
		m.salt = snapshot.NewSalt()
	}
	return nil
}

// publishCredentials puts the credentials of the compiled snapshot where the routers read them.
func (r *Reconciler) publishCredentials(ctx context.Context, s *scope) error {
	published, want := &s.memory.credentials, s.memory.compiled.Credentials
	if bytes.Equal(published.value, want) && s.now.Sub(published.checked) < r.Resync {
		return nil
	}
	secret := &corev1.Secret{}
	name := types.NamespacedName{Namespace: s.name.Namespace, Name: resource.CredentialsName(s.name.Name)}
	switch err := r.Live.Get(ctx, name, secret); {
	case err == nil && !metav1.IsControlledBy(secret, s.cluster):
		return nameTaken(secret, s.cluster)
	case err == nil && bytes.Equal(secret.Data[resource.CredentialsFile], want):
		*published = credential{value: want, checked: s.now}
		return nil
	case err != nil && !apierrors.IsNotFound(err):
		return fmt.Errorf("reading Secret %s: %w", name, err)
	}
	desired := resource.CredentialsSecret(s.cluster, want)
	if err := r.Client.Apply(ctx, desired, client.FieldOwner(ssa.FieldOwner), client.ForceOwnership); err != nil {
		return fmt.Errorf("applying Secret %s: %w", name, err)
	}
	*published = credential{value: want, checked: s.now}
	ctrl.LoggerFrom(ctx).Info("credentials published", "secret", name.Name, "bytes", len(want))
	return nil
}

func nameTaken(secret *corev1.Secret, cluster *v1alpha1.WampCluster) error {
	taken := &ssa.NameTakenError{Kind: "Secret", Name: client.ObjectKeyFromObject(secret)}
	if controller := metav1.GetControllerOf(secret); controller != nil {
		taken.Owner = controller.Kind + " " + controller.Name
		taken.Collected = controller.Kind == v1alpha1.KindWampCluster && controller.Name == cluster.Name
	}
	return taken
}
