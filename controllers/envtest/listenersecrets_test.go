package envtest

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
)

// A renewed certificate makes the kubelets of all routers look at once, and the pod template stays.
func TestRenewedCertificateReachesRouters(t *testing.T) {
	w := newWorld(t)
	cluster := w.cluster("demo", 2)
	cluster.Spec.Listener.TLS = &v1alpha1.ListenerTLS{SecretName: "certificate"}
	secret := &corev1.Secret{ObjectMeta: w.meta("certificate"), Type: corev1.SecretTypeTLS,
		StringData: map[string]string{"tls.crt": "first", "tls.key": "key"}}
	w.create(secret, cluster)
	w.startPods("demo", 2)
	annotation := func(pod string) func() string {
		return func() string {
			p := &corev1.Pod{}
			if err := admin.Get(w.ctx, w.key(pod), p); err != nil {
				return err.Error()
			}
			return p.Annotations[resource.AnnotationListener]
		}
	}
	w.Eventually(w.condition(cluster, v1alpha1.ConditionAvailable)).Should(HaveField("Status", Not(BeEmpty())))
	w.Consistently(annotation("demo-0"), time.Second).Should(BeEmpty(), "nothing has changed yet")
	<-time.After(time.Until(secret.CreationTimestamp.Add(2 * time.Second))) // pods have ages of whole seconds

	before := secret.DeepCopy()
	secret.Data = map[string][]byte{"tls.crt": []byte("second"), "tls.key": []byte("key")}
	secret.StringData = nil
	w.Expect(admin.Patch(w.ctx, secret, client.MergeFrom(before))).To(Succeed())
	for _, pod := range []string{"demo-0", "demo-1"} {
		w.Eventually(annotation(pod)).Should(HavePrefix("certificate-" + secret.ResourceVersion))
	}
}
