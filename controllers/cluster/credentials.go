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
	if err := r.gossipSecret(ctx, s); err != nil {
		return err
	}
	token := &s.memory.admin
	if token.value != nil && s.now.Sub(token.checked) < r.Resync {
		return nil
	}
	secret := &corev1.Secret{}
	name := types.NamespacedName{Namespace: s.name.Namespace, Name: resource.AdminSecretName(s.name.Name)}
	err := r.Live.Get(ctx, name, secret)
	switch {
	case err == nil && !metav1.IsControlledBy(secret, s.cluster):
		return nameTaken(secret, s.cluster)
	case err == nil && len(secret.Data[resource.AdminToken]) > 0:
		*token = credential{value: secret.Data[resource.AdminToken], checked: s.now}
		return nil
	case err != nil && !apierrors.IsNotFound(err):
		return fmt.Errorf("reading Secret %s: %w", name, err)
	}
	value := token.value
	if value == nil {
		value = resource.NewAdminToken()
	}
	if err := r.Client.Apply(ctx, resource.AdminSecret(s.cluster, value), client.FieldOwner(ssa.FieldOwner), client.ForceOwnership); err != nil {
		return fmt.Errorf("applying Secret %s: %w", name, err)
	}
	*token = credential{value: value, checked: s.now}
	ctrl.LoggerFrom(ctx).Info("secret created", "secret", name.Name)
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
	published.checked = time.Time{} // a write that fails may have been done all the same
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
