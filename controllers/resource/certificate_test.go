package resource

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

type certificate struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		SecretName     string
		SecretTemplate struct{ Labels map[string]string }
		IssuerRef      v1alpha1.IssuerReference
		DNSNames       []string
		Usages         []string
		Duration       string
	}
}

func certified() *v1alpha1.WampCluster {
	cluster := demo()
	cluster.Spec.Listener.TLS = &v1alpha1.ListenerTLS{Certificate: &v1alpha1.ListenerCertificate{
		IssuerRef: v1alpha1.IssuerReference{Name: "ours"}}}
	return cluster
}

// The certificate is for the names of the client Service and those of the spec, each once, and comes
// in the Secret that the pods mount.
func TestCertificate(t *testing.T) {
	cluster := certified()
	cluster.Spec.Listener.TLS.Certificate.DNSNames = []string{"wamp.example.com", "demo"}
	cluster.Spec.Listener.TLS.Certificate.Duration = &metav1.Duration{Duration: 48 * time.Hour}
	c := as[certificate](t, Certificate(cluster))
	if c.APIVersion != "cert-manager.io/v1" || c.Kind != "Certificate" || c.Name != "demo-tls" || c.Spec.SecretName != "demo-tls" {
		t.Errorf("%s %s %s in %s", c.APIVersion, c.Kind, c.Name, c.Spec.SecretName)
	}
	if want := []string{"demo", "demo.apps", "demo.apps.svc", "wamp.example.com"}; !slices.Equal(c.Spec.DNSNames, want) {
		t.Errorf("names %v, want %v", c.Spec.DNSNames, want)
	}
	if c.Spec.IssuerRef != (v1alpha1.IssuerReference{Name: "ours", Kind: "Issuer", Group: "cert-manager.io"}) {
		t.Errorf("issuer %+v", c.Spec.IssuerRef)
	}
	if !slices.Contains(c.Spec.Usages, "server auth") || c.Spec.Duration != "48h0m0s" || c.Spec.SecretTemplate.Labels[LabelCluster] != "demo" {
		t.Errorf("%+v", c.Spec)
	}
	if pod := toJSON(t, template(t, cluster)); strings.Count(pod, `"secretName":"demo-tls"`) != 1 {
		t.Errorf("the pods do not mount the Secret of the certificate once:\n%s", pod)
	}
}

// Public authorities sign no names that are good inside a Kubernetes cluster only.
func TestCertificateForPublicNames(t *testing.T) {
	cluster := certified()
	cluster.Spec.Listener.TLS.Certificate.ServiceNames = v1alpha1.ServiceNamesOmit
	cluster.Spec.Listener.TLS.Certificate.DNSNames = []string{"wamp.example.com"}
	if c := as[certificate](t, Certificate(cluster)); !slices.Equal(c.Spec.DNSNames, []string{"wamp.example.com"}) {
		t.Errorf("names %v", c.Spec.DNSNames)
	}
}

func TestTLSSecretName(t *testing.T) {
	if name := TLSSecretName(demo()); name != "" || WantsCertificate(demo()) {
		t.Errorf("without TLS: %q", name)
	}
	if name := TLSSecretName(certified()); name != "demo-tls" {
		t.Errorf("with cert-manager: %q", name)
	}
	cluster := demo()
	cluster.Spec.Listener.TLS = &v1alpha1.ListenerTLS{SecretName: "mine"}
	if name := TLSSecretName(cluster); name != "mine" || WantsCertificate(cluster) {
		t.Errorf("with a Secret: %q", name)
	}
}
