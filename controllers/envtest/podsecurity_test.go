package envtest

import (
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// admitted tries to make a pod of a template in a namespace; nothing is kept.
func admitted(t *testing.T, namespace string, template corev1.PodTemplateSpec) error {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "pod", Namespace: namespace, Labels: template.Labels, Annotations: template.Annotations},
		Spec: template.Spec}
	return admin.Create(t.Context(), pod, client.DryRunAll)
}

// A namespace that enforces the Restricted Pod Security Standard takes the operator and its routers, with
// all that a WampCluster can ask for. That the standard is enforced here is seen by a pod that it refuses.
func TestRestrictedPodSecurity(t *testing.T) {
	restricted := map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}
	namespace := newNamespace(t, restricted)
	g := NewWithT(t)
	plain := corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "i"}}}}
	g.Expect(admitted(t, namespace, plain)).To(MatchError(ContainSubstring(`violates PodSecurity "restricted`)))

	data, err := os.ReadFile(filepath.Join("..", "..", "config", "manager", "manager.yaml"))
	g.Expect(err).NotTo(HaveOccurred())
	operator := &appsv1.Deployment{}
	g.Expect(yaml.UnmarshalStrict(data, operator)).To(Succeed())
	g.Expect(admitted(t, namespace, operator.Spec.Template)).To(Succeed(), "the operator")
	operator.Namespace = namespace
	g.Expect(admin.Create(t.Context(), operator, client.DryRunAll)).To(Succeed())

	w := newWorld(t)
	simple, everything := w.cluster("simple", 1), w.cluster("everything", 1)
	everything.Spec.Listener.TLS = &v1alpha1.ListenerTLS{SecretName: "server", ClientCA: &v1alpha1.ClientCA{ConfigMapName: "authorities"}}
	everything.Spec.Pod.Env = []corev1.EnvVar{{Name: "GOGC", Value: "200"}}
	w.create(simple, everything)
	for _, name := range []string{"simple", "everything"} {
		w.Eventually(func() error { return admin.Get(w.ctx, w.key(name), &appsv1.StatefulSet{}) }).Should(Succeed())
		w.Expect(admitted(t, namespace, w.template(name))).To(Succeed(), "the routers of %s", name)
	}
}
