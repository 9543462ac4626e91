package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/controllers/conditions"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
	"github.com/wamp-operator/wamp-operator/controllers/ssa"
)

// certificateWait is how often a certificate is looked at that is waited for: neither it nor its
// Secret is watched.
const certificateWait = time.Second

// certificate asks cert-manager for the certificate of the port for clients, if the spec does, or takes
// back what it asked for. It tells whether routers can be started with it: as long as there is no
// Secret they would wait for it, a running one that is replaced as well, and the kubelet looks ever
// more rarely.
func (r *Reconciler) certificate(ctx context.Context, s *scope) (there bool, err error) {
	name := types.NamespacedName{Namespace: s.name.Namespace, Name: resource.CertificateName(s.name.Name)}
	var missing *ssa.KindMissingError
	if !resource.WantsCertificate(s.cluster) {
		err := r.foreign.Remove(ctx, s.cluster, resource.CertificateKind, name)
		if errors.As(err, &missing) {
			err = nil
		}
		return true, err
	}
	maxAge := r.Resync
	if s.memory.certificate.waiting {
		maxAge = certificateWait
	}
	current, err := r.foreign.Apply(ctx, s.cluster, resource.Certificate(s.cluster), maxAge)
	switch {
	case errors.As(err, &missing):
		s.again(missing.Again)
		state := conditions.False(ReasonCertManagerMissing, fmt.Sprintf(
			"spec.listener.tls.certificate needs cert-manager, and %v: install cert-manager (https://cert-manager.io/docs/installation/), or name a Secret with a certificate in spec.listener.tls.secretName.", missing))
		s.certificate = &state
	case err != nil:
		return false, err
	default:
		s.certificate = issued(current)
	}
	there, err = r.certificateSecret(ctx, s, name)
	if err != nil {
		return false, err
	}
	if !there && s.certificate == nil {
		state := conditions.False(ReasonCertificateNotIssued, fmt.Sprintf(
			"cert-manager says that Certificate %s is ready, and Secret %s lacks %s or %s: if that lasts, see the log of cert-manager.", name, name, corev1.TLSCertKey, corev1.TLSPrivateKeyKey))
		s.certificate = &state
	}
	if s.memory.certificate.waiting = s.certificate != nil; s.certificate != nil {
		s.again(certificateWait)
	}
	return there, nil
}

// issued is what cert-manager says of a Certificate, as long as it is not ready; nil when it is.
func issued(certificate *unstructured.Unstructured) *conditions.State {
	var seen struct {
		Status struct {
			Conditions []metav1.Condition `json:"conditions"`
		} `json:"status"`
	}
	name := client.ObjectKeyFromObject(certificate)
	// What cannot be read is as good as what is not there.
	_ = runtime.DefaultUnstructuredConverter.FromUnstructured(certificate.Object, &seen)
	said := ""
	for _, c := range seen.Status.Conditions {
		switch {
		case c.Type == "Ready" && c.Status == metav1.ConditionTrue && (c.ObservedGeneration == 0 || c.ObservedGeneration >= certificate.GetGeneration()):
			return nil
		case c.Type == "Ready" && c.Status == metav1.ConditionTrue:
			said = "" // of an earlier Certificate
		case c.Type == "Ready" && said == "", c.Type == "Issuing" && c.Status == metav1.ConditionFalse && c.Message != "":
			said = c.Message // why it failed is told by the latter
		}
	}
	message := fmt.Sprintf("cert-manager has not looked at Certificate %s yet: if that lasts, see whether it runs.", name)
	if said != "" {
		message = fmt.Sprintf("cert-manager has not issued Certificate %s yet: %s See kubectl describe certificate %s.", name, sentence(said), name.Name)
	}
	state := conditions.False(ReasonCertificateNotIssued, message)
	return &state
}

// issuance is what is remembered of the certificate between passes.
type issuance struct {
	// waiting: it was not there or not ready at the last pass.
	waiting bool
	// there is when the Secret was seen complete, zero when it was not.
	there time.Time
}

// certificateSecret tells whether the Secret has a certificate and its key. One that is there is looked
// at again once a resync.
func (r *Reconciler) certificateSecret(ctx context.Context, s *scope, name types.NamespacedName) (bool, error) {
	m := &s.memory.certificate
	if !m.there.IsZero() && s.now.Sub(m.there) < r.Resync {
		return true, nil
	}
	m.there = time.Time{}
	secret := &corev1.Secret{}
	switch err := r.Live.Get(ctx, name, secret); {
	case apierrors.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("reading Secret %s: %w", name, err)
	}
	if len(secret.Data[corev1.TLSCertKey]) == 0 || len(secret.Data[corev1.TLSPrivateKeyKey]) == 0 {
		return false, nil
	}
	m.there = s.now
	return true, nil
}
