package resource

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// CertificateKind is a kind of cert-manager.
var CertificateKind = schema.GroupVersionKind{Group: "cert-manager.io", Version: "v1", Kind: "Certificate"}

// listenerCertificate is what a cluster says of the certificate that cert-manager issues; nil when
// it has its certificate otherwise, or none.
func listenerCertificate(cluster *v1alpha1.WampCluster) *v1alpha1.ListenerCertificate {
	if tls := cluster.Spec.Listener.TLS; tls != nil {
		return tls.Certificate
	}
	return nil
}

// WantsCertificate tells whether cert-manager is to issue the certificate of the port for clients.
func WantsCertificate(cluster *v1alpha1.WampCluster) bool { return listenerCertificate(cluster) != nil }

// TLSSecretName is the Secret that the certificate of the port for clients is in; empty when that
// port speaks no TLS.
func TLSSecretName(cluster *v1alpha1.WampCluster) string {
	switch tls := cluster.Spec.Listener.TLS; {
	case tls == nil:
		return ""
	case tls.Certificate != nil:
		return CertificateName(cluster.Name)
	default:
		return tls.SecretName
	}
}

// Certificate asks cert-manager for the certificate of the port for clients, which comes in a Secret
// of the same name. The cluster must want one.
func Certificate(cluster *v1alpha1.WampCluster) *unstructured.Unstructured {
	c := listenerCertificate(cluster)
	names := make([]any, 0, 3+len(c.DNSNames))
	for _, name := range append(serviceNames(cluster), c.DNSNames...) {
		if !slices.Contains(names, any(name)) {
			names = append(names, name)
		}
	}
	spec := map[string]any{
		"secretName": CertificateName(cluster.Name),
		// cert-manager puts these on the Secret, so that it is found with the rest of the cluster.
		"secretTemplate": map[string]any{"labels": plain(Labels(cluster.Name))},
		"issuerRef": map[string]any{
			"name":  c.IssuerRef.Name,
			"kind":  cmp.Or(c.IssuerRef.Kind, "Issuer"),
			"group": cmp.Or(c.IssuerRef.Group, CertificateKind.Group),
		},
		"dnsNames": names,
		"usages":   []any{"digital signature", "key encipherment", "server auth"},
		// Routers read the key and the certificate together: nothing asks for the old key.
		"privateKey": map[string]any{"rotationPolicy": "Always"},
	}
	if c.Duration != nil {
		spec["duration"] = c.Duration.Duration.String()
	}
	return foreign(CertificateKind, cluster, CertificateName(cluster.Name), spec)
}

// serviceNames are those of the client Service, from near to far. The domain of the Kubernetes cluster
// is not known: who connects by a name with it writes it in dnsNames.
func serviceNames(cluster *v1alpha1.WampCluster) []string {
	if listenerCertificate(cluster).ServiceNames == v1alpha1.ServiceNamesOmit {
		return nil
	}
	name := ClientServiceName(cluster.Name)
	inNamespace := name + "." + cluster.Namespace
	return []string{name, inNamespace, inNamespace + ".svc"}
}
