package envtest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
)

// foreignCRD is as much of another project's CRD as these tests need: its names, and a status.
const foreignCRD = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %[1]s.%[2]s}
spec:
  group: %[2]s
  scope: Namespaced
  names: {kind: %[3]s, plural: %[1]s}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`

// install makes a kind of another project known, until the end of the test.
func install(w *world, kind schema.GroupVersionKind) {
	w.t.Helper()
	crd := &unstructured.Unstructured{}
	manifest := fmt.Sprintf(foreignCRD, strings.ToLower(kind.Kind)+"s", kind.Group, kind.Kind)
	w.Expect(yaml.Unmarshal([]byte(manifest), &crd.Object)).To(Succeed())
	w.create(crd)
	w.t.Cleanup(func() { w.uninstall(kind) })
}

// uninstall removes the kind and returns when it is gone.
func (w *world) uninstall(kind schema.GroupVersionKind) {
	crd := &unstructured.Unstructured{}
	crd.SetAPIVersion("apiextensions.k8s.io/v1")
	crd.SetKind("CustomResourceDefinition")
	crd.SetName(strings.ToLower(kind.Kind) + "s." + kind.Group)
	ctx := context.WithoutCancel(w.ctx) // also when the test has ended
	w.Expect(client.IgnoreNotFound(admin.Delete(ctx, crd))).To(Succeed())
	w.Eventually(func() bool {
		return apierrors.IsNotFound(admin.Get(ctx, client.ObjectKeyFromObject(crd), crd))
	}).Should(BeTrue())
}

// foreign polls an object of another project's kind.
func (w *world) foreign(kind schema.GroupVersionKind, name string, into *unstructured.Unstructured) func() error {
	into.SetGroupVersionKind(kind)
	return func() error { return admin.Get(w.ctx, w.key(name), into) }
}

// Without the Prometheus Operator a cluster lacks nothing; when it is installed later the PodMonitor is
// made soon, and what somebody changes in it is undone.
func TestPodMonitor(t *testing.T) {
	w := newWorld(t)
	cluster := w.cluster("demo", 0)
	w.create(cluster)
	w.Eventually(w.condition(cluster, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "ScaledToZero"))

	install(w, resource.PodMonitorKind)
	monitor := &unstructured.Unstructured{}
	there := w.foreign(resource.PodMonitorKind, "demo-router", monitor)
	w.Eventually(there).Should(Succeed())
	w.Expect(metav1.IsControlledBy(monitor, cluster)).To(BeTrue())

	w.patch(cluster, `{"spec":{"monitoring":{"labels":{"release":"prometheus"},"interval":"15s"}}}`)
	w.Eventually(func() map[string]string {
		w.Expect(there()).To(Succeed())
		return monitor.GetLabels()
	}).Should(HaveKeyWithValue("release", "prometheus"))
	endpoints := func() any {
		w.Expect(there()).To(Succeed())
		list, _, _ := unstructured.NestedSlice(monitor.Object, "spec", "podMetricsEndpoints")
		return list
	}
	w.Expect(endpoints()).To(ConsistOf(HaveKeyWithValue("interval", "15s")))
	w.patch(monitor, `{"spec":{"podMetricsEndpoints":[]}}`)
	w.Eventually(endpoints).Should(HaveLen(1))
	version := monitor.GetResourceVersion()
	w.Expect(admin.Delete(w.ctx, monitor)).To(Succeed())
	w.Eventually(there).Should(Succeed())
	w.Expect(monitor.GetResourceVersion()).NotTo(Equal(version))

	w.patch(cluster, `{"spec":{"monitoring":{"podMonitor":"None"}}}`)
	w.Eventually(func() bool { return apierrors.IsNotFound(there()) }).Should(BeTrue())
	w.patch(cluster, `{"spec":{"monitoring":{"podMonitor":"Auto"}}}`)
	w.Eventually(there).Should(Succeed())

	// The kind goes and comes again, with an operator that knew it.
	w.uninstall(resource.PodMonitorKind)
	w.patch(cluster, `{"spec":{"service":{"port":81}}}`)
	w.Eventually(w.condition(cluster, v1alpha1.ConditionReady)).Should(And(
		be(metav1.ConditionTrue, "ScaledToZero"), HaveField("ObservedGeneration", cluster.Generation)))
	install(w, resource.PodMonitorKind)
	w.Eventually(there).Should(Succeed())
}

// A PodMonitor of somebody else is left alone, and says no more than that: all else is there.
func TestPodMonitorOfSomebodyElse(t *testing.T) {
	w := newWorld(t)
	install(w, resource.PodMonitorKind)
	mine := &unstructured.Unstructured{}
	there := w.foreign(resource.PodMonitorKind, "demo-router", mine)
	mine.SetNamespace(w.namespace)
	mine.SetName("demo-router")
	w.Eventually(func() error { return admin.Create(w.ctx, mine.DeepCopy()) }).Should(Succeed())
	cluster := w.cluster("demo", 0)
	w.create(cluster)
	w.Eventually(w.condition(cluster, v1alpha1.ConditionReady)).Should(And(
		be(metav1.ConditionFalse, "NameTaken"), HaveField("Message", ContainSubstring("PodMonitor "+w.namespace+"/demo-router"))))
	w.Eventually(func() error { return admin.Get(w.ctx, w.key("demo"), &corev1.Service{}) }).Should(Succeed())
	w.patch(cluster, `{"spec":{"monitoring":{"podMonitor":"None"}}}`)
	w.Eventually(w.condition(cluster, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "ScaledToZero"))
	w.Expect(there()).To(Succeed())
	w.Expect(mine.GetOwnerReferences()).To(BeEmpty())
}
