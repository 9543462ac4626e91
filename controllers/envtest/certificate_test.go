package envtest

import (
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
)

// From cert-manager that is not there to a certificate: each step says what is waited for, and no
// router is started, nor restarted, for a certificate that does not exist.
func TestCertificate(t *testing.T) {
	w := newWorld(t)
	cluster := w.cluster("demo", 1)
	cluster.Spec.Listener.TLS = &v1alpha1.ListenerTLS{Certificate: &v1alpha1.ListenerCertificate{
		IssuerRef: v1alpha1.IssuerReference{Name: "ours"}}}
	w.create(cluster)
	ready := w.condition(cluster, v1alpha1.ConditionReady)
	w.Eventually(ready).Should(And(be(metav1.ConditionFalse, "CertManagerMissing"), HaveField("Message", And(
		ContainSubstring("kind Certificate of cert-manager.io/v1"), ContainSubstring("install cert-manager")))))
	w.Expect(admin.Get(w.ctx, w.key("demo-headless"), &corev1.Service{})).To(Succeed(), "all else is there")

	install(w, resource.CertificateKind)
	certificate := &unstructured.Unstructured{}
	there := w.foreign(resource.CertificateKind, "demo-tls", certificate)
	w.Eventually(there).Should(Succeed())
	names, _, _ := unstructured.NestedStringSlice(certificate.Object, "spec", "dnsNames")
	w.Expect(names).To(Equal([]string{"demo", "demo." + w.namespace, "demo." + w.namespace + ".svc"}))
	w.Eventually(ready).Should(And(be(metav1.ConditionFalse, "CertificateNotIssued"), HaveField("Message", ContainSubstring("has not looked at Certificate"))))
	w.Expect(w.condition(cluster, v1alpha1.ConditionProgressing)()).To(be(metav1.ConditionTrue, "CertificateNotIssued"))

	certManager := func(status, message string) {
		w.Expect(there()).To(Succeed())
		before := certificate.DeepCopy()
		w.Expect(unstructured.SetNestedSlice(certificate.Object, []any{map[string]any{
			"type": "Ready", "status": status, "message": message, "observedGeneration": certificate.GetGeneration(),
		}}, "status", "conditions")).To(Succeed())
		w.Expect(admin.Status().Patch(w.ctx, certificate, client.MergeFrom(before))).To(Succeed())
	}
	certManager("False", `Issuer "ours" not found`)
	w.Eventually(ready).Should(And(be(metav1.ConditionFalse, "CertificateNotIssued"), HaveField("Message", ContainSubstring(`Issuer "ours" not found.`))))
	certManager("True", "Certificate is up to date and has not expired")
	w.Eventually(ready).Should(And(be(metav1.ConditionFalse, "CertificateNotIssued"), HaveField("Message", ContainSubstring("lacks tls.crt or tls.key"))))
	set := func() error { return admin.Get(w.ctx, w.key("demo"), &appsv1.StatefulSet{}) }
	w.Expect(apierrors.IsNotFound(set())).To(BeTrue(), "pods would wait for the Secret, ever longer")

	w.create(w.tlsSecret("demo-tls"))
	w.Eventually(set).Should(Succeed())
	volumes := w.template("demo").Spec.Volumes
	w.Expect(volumes).To(ContainElement(HaveField("VolumeSource.Secret", HaveValue(HaveField("SecretName", "demo-tls")))))
	w.startPods("demo", 1)
	w.Eventually(w.served("demo", 1, cluster, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "Ready"))

	// A renewal that fails is told while routers go on with what they have.
	certManager("False", "The certificate request has failed")
	w.Eventually(ready).Should(And(be(metav1.ConditionFalse, "CertificateNotIssued"), HaveField("Message", ContainSubstring("request has failed"))))
	w.Expect(w.condition(cluster, v1alpha1.ConditionAvailable)()).To(be(metav1.ConditionTrue, "RoutersReady"))
	certManager("True", "")
	w.Eventually(ready).Should(be(metav1.ConditionTrue, "Ready"))

	// Back to a Secret of one's own: the Certificate goes.
	w.patch(cluster, `{"spec":{"listener":{"tls":{"secretName":"mine","certificate":null}}}}`)
	w.Eventually(func() bool { return apierrors.IsNotFound(there()) }).Should(BeTrue())
}

// A running cluster goes on with the certificate that it has until the one that is asked for is there.
func TestCertificateDoesNotBreakWhatRuns(t *testing.T) {
	w := newWorld(t)
	cluster := w.cluster("demo", 1)
	cluster.Spec.Listener.TLS = &v1alpha1.ListenerTLS{SecretName: "mine"}
	w.create(w.tlsSecret("mine"), cluster)
	w.startPods("demo", 1)
	w.Eventually(w.served("demo", 1, cluster, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "Ready"))
	before := w.template("demo")
	w.patch(cluster, `{"spec":{"listener":{"tls":{"secretName":null,"certificate":{"issuerRef":{"name":"ours"}}}}}}`)
	w.Eventually(w.condition(cluster, v1alpha1.ConditionReady)).Should(be(metav1.ConditionFalse, "CertManagerMissing"))
	w.Expect(w.template("demo")).To(Equal(before))
	w.Expect(w.condition(cluster, v1alpha1.ConditionAvailable)()).To(be(metav1.ConditionTrue, "RoutersReady"))
}
