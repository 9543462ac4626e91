package cluster

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/conditions"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
)

// listenerWait is how often what the port for clients is made of is looked at while it cannot be used: not
// all of it is watched.
const listenerWait = 10 * time.Second

// listenerFiles is what is remembered of the certificate of the port for clients, and the authorities of
// clients, between passes.
type listenerFiles struct {
	// of says what was looked at, and at when.
	of string
	at time.Time
	// trouble is what is wrong with them; nil when nothing is.
	trouble *conditions.State
}

// listener looks at what the routers read the certificate of the port for clients from, and the authorities
// of clients: a router that starts without it does not get ready, and those that run keep the last one that
// they could read until it is no longer valid. What is not there yet of a certificate that cert-manager
// issues is told by [Reconciler.certificate].
func (r *Reconciler) listener(ctx context.Context, s *scope) error {
	m := &s.memory.files
	spec := s.cluster.Spec.Listener.TLS
	if spec == nil {
		*m = listenerFiles{}
		return nil
	}
	maxAge := r.Resync
	if m.trouble != nil {
		maxAge = listenerWait
	}
	of := fmt.Sprintf("%d %s", s.cluster.Generation, s.memory.listener.seen())
	if m.of != of || s.now.Sub(m.at) >= maxAge {
		trouble, err := r.listenerTrouble(ctx, s, spec)
		if err != nil {
			return err
		}
		*m = listenerFiles{of: of, at: s.now, trouble: trouble}
	}
	if s.files = m.trouble; s.files != nil {
		s.again(listenerWait)
	}
	return nil
}

func (r *Reconciler) listenerTrouble(ctx context.Context, s *scope, spec *v1alpha1.ListenerTLS) (*conditions.State, error) {
	name := types.NamespacedName{Namespace: s.name.Namespace, Name: resource.TLSSecretName(s.cluster)}
	secret := &corev1.Secret{}
	switch err := r.Live.Get(ctx, name, secret); {
	case apierrors.IsNotFound(err):
		secret = nil
	case err != nil:
		return nil, fmt.Errorf("reading Secret %s: %w", name, err)
	}
	if issued := spec.Certificate != nil; !issued || secret != nil && len(secret.Data[corev1.TLSCertKey]) > 0 {
		if trouble := certificateTrouble(name, secret, issued, s.now); trouble != nil {
			return trouble, nil
		}
	}
	if spec.ClientCA == nil {
		return nil, nil
	}
	return r.clientCA(ctx, s, spec.ClientCA)
}

// certificateTrouble says what keeps routers from using the certificate of a Secret, nil when nothing does.
func certificateTrouble(name types.NamespacedName, secret *corev1.Secret, issued bool, now time.Time) *conditions.State {
	state := func(reason, format string, args ...any) *conditions.State {
		out := conditions.False(reason, fmt.Sprintf(format, args...))
		return &out
	}
	if secret == nil {
		return state(ReasonCertificateMissing,
			"There is no Secret %s: create it with tls.crt and tls.key, or write the name of one that is there in spec.listener.tls.secretName.", name)
	}
	remedy := "put a certificate and its key into it as PEM"
	if issued {
		remedy = "see the log of cert-manager"
	}
	crt, key := secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey]
	if len(crt) == 0 || len(key) == 0 {
		return state(ReasonCertificateMissing, "The Secret %s lacks %s or %s: put both into it.", name, corev1.TLSCertKey, corev1.TLSPrivateKeyKey)
	}
	pair, err := tls.X509KeyPair(crt, key)
	switch {
	case err != nil:
		return state(ReasonCertificateInvalid, "The Secret %s has no certificate that can be used (%s): %s. Routers that run keep the last one that could be.",
			name, strings.TrimPrefix(err.Error(), "tls: "), remedy)
	case now.After(pair.Leaf.NotAfter):
		return state(ReasonCertificateExpired, "The certificate in Secret %s ended at %s, and clients refuse it: %s.",
			name, pair.Leaf.NotAfter.UTC().Format(time.RFC3339), remedy)
	case now.Before(pair.Leaf.NotBefore):
		return state(ReasonCertificateInvalid, "The certificate in Secret %s is valid from %s only, and clients refuse it until then: %s.",
			name, pair.Leaf.NotBefore.UTC().Format(time.RFC3339), remedy)
	}
	return nil
}

// clientCA says what keeps routers from using the authorities of clients, nil when nothing does.
func (r *Reconciler) clientCA(ctx context.Context, s *scope, ca *v1alpha1.ClientCA) (*conditions.State, error) {
	kind, name, key := "Secret", ca.SecretName, cmp.Or(ca.Key, resource.ClientCAKey)
	secret, configMap := &corev1.Secret{}, &corev1.ConfigMap{}
	var object client.Object = secret
	if ca.ConfigMapName != "" {
		kind, name, object = "ConfigMap", ca.ConfigMapName, configMap
	}
	full := types.NamespacedName{Namespace: s.name.Namespace, Name: name}
	err := r.Live.Get(ctx, full, object)
	pem := append(secret.Data[key], configMap.Data[key]...)
	var out conditions.State
	switch {
	case apierrors.IsNotFound(err):
		out = conditions.False(ReasonCertificateMissing, fmt.Sprintf(
			"There is no %s %s: create it with the certificates of authorities in %s, or correct spec.listener.tls.clientCA.", kind, full, key))
	case err != nil:
		return nil, fmt.Errorf("reading %s %s: %w", kind, full, err)
	case len(pem) == 0:
		out = conditions.False(ReasonCertificateMissing, fmt.Sprintf(
			"The %s %s lacks %s: put the certificates of authorities into it, or correct spec.listener.tls.clientCA.", kind, full, key))
	case !x509.NewCertPool().AppendCertsFromPEM(pem):
		out = conditions.False(ReasonCertificateInvalid, fmt.Sprintf(
			"%s of the %s %s has no certificate: put the certificates of authorities into it as PEM.", key, kind, full))
	default:
		return nil, nil
	}
	return &out, nil
}

// unusable tells whether a router that starts cannot use what the port for clients is made of.
func unusable(files *conditions.State) bool {
	return files != nil && files.Reason != ReasonCertificateExpired
}
