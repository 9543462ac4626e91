package envtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// tlsSecret gives a Secret with a new certificate, for a day, and its key.
func (w *world) tlsSecret(name string) *corev1.Secret {
	w.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	w.Expect(err).NotTo(HaveOccurred())
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	w.Expect(err).NotTo(HaveOccurred())
	key, err := x509.MarshalPKCS8PrivateKey(private)
	w.Expect(err).NotTo(HaveOccurred())
	return &corev1.Secret{ObjectMeta: w.meta(name), Data: map[string][]byte{
		"tls.crt": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		"tls.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
	}}
}

// A certificate that cannot be used is told before somebody needs it, while the routers go on with the one
// that they have; and no router that serves is stopped for one that is not there.
func TestUnusableCertificate(t *testing.T) {
	w := newWorld(t)
	k := w.startKubernetes("com.example.add")
	defer k.stop()
	secret := w.tlsSecret("web")
	cluster := w.cluster("demo", 2)
	cluster.Spec.Listener.TLS = &v1alpha1.ListenerTLS{SecretName: "web"}
	w.create(secret, cluster, w.realm("realm1", "realm1", "demo"))
	w.ready(cluster)

	good := secret.DeepCopy()
	secret.Data["tls.crt"] = []byte("junk")
	w.Expect(admin.Patch(w.ctx, secret, client.MergeFrom(good))).To(Succeed())
	w.Eventually(w.condition(cluster, v1alpha1.ConditionReady)).Should(And(be(metav1.ConditionFalse, "CertificateInvalid"),
		HaveField("Message", ContainSubstring("The Secret "+w.namespace+"/web has no certificate that can be used"))))
	w.Expect(w.condition(cluster, v1alpha1.ConditionStalled)()).To(be(metav1.ConditionTrue, "CertificateInvalid"))
	w.Expect(w.condition(cluster, v1alpha1.ConditionAvailable)()).To(be(metav1.ConditionTrue, "RoutersReady"))
	junk := secret.DeepCopy()
	secret.Data = w.tlsSecret("web").Data
	w.Expect(admin.Patch(w.ctx, secret, client.MergeFrom(junk))).To(Succeed())
	w.ready(cluster)

	uids, _ := w.pods("demo", 2)
	w.patch(cluster, `{"spec":{"listener":{"tls":{"secretName":"other"}}}}`)
	w.Eventually(w.condition(cluster, v1alpha1.ConditionProgressing)).Should(And(be(metav1.ConditionTrue, "CertificateMissing"),
		HaveField("Message", ContainSubstring("There is no Secret "+w.namespace+"/other"))))
	w.Expect(w.condition(cluster, v1alpha1.ConditionStalled)()).To(be(metav1.ConditionTrue, "CertificateMissing"))
	w.Consistently(func() any { now, _ := w.pods("demo", 2); return now }, time.Second).Should(Equal(uids), "no pod is replaced")
	w.create(w.tlsSecret("other"))
	w.ready(cluster)
	now, _ := w.pods("demo", 2)
	for name, uid := range uids {
		w.Expect(now[name]).NotTo(Equal(uid), "%s is replaced once the Secret is there", name)
	}
}
