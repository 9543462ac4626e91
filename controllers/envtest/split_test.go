package envtest

import (
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
)

// A snapshot that grows beyond a ConfigMap goes on in a second one, without another pod template; what
// others put beside a part is removed; an operator that starts anew finds all as it left it; and when the
// snapshot fits into one ConfigMap again, the second is empty and the first as it was before.
func TestSplitSnapshot(t *testing.T) {
	w := newWorld(t)
	cluster := w.cluster("demo", 1)
	w.create(cluster, w.largeRealm("a", "demo"), w.largeRealm("b", "demo"))
	w.startPods("demo", 1)
	programmed := func() metav1.Condition {
		w.kubelet("demo", 1)
		return w.condition(cluster, v1alpha1.ConditionProgrammed)()
	}
	realms := func() int32 {
		w.Expect(admin.Get(w.ctx, client.ObjectKeyFromObject(cluster), cluster)).To(Succeed())
		return cluster.Status.Realms
	}
	w.Eventually(realms).Should(BeEquivalentTo(2))
	w.Eventually(programmed).Should(be(metav1.ConditionTrue, "Programmed"))
	whole, template := w.parts("demo"), w.template("demo")
	w.Expect(whole).To(HaveLen(1))
	w.Expect(string(whole[0])).To(HavePrefix(v1alpha1.SnapshotHeader + "\n---\n"))

	third := w.largeRealm("c", "demo")
	w.create(third)
	w.Eventually(func() int { return len(w.parts("demo")) }).Should(Equal(2))
	w.Eventually(realms).Should(BeEquivalentTo(3))
	w.Eventually(programmed).Should(be(metav1.ConditionTrue, "Programmed"))
	w.Expect(w.template("demo")).To(Equal(template), "a snapshot that is split restarts no router")

	second := func() *corev1.ConfigMap {
		cm := &corev1.ConfigMap{}
		w.Expect(admin.Get(w.ctx, w.key(resource.SnapshotName("demo", 1)), cm)).To(Succeed())
		return cm
	}
	w.Expect(admin.Patch(w.ctx, second(), client.RawPatch(types.MergePatchType, []byte(`{"data":{"foreign.yaml":"kind: WampRealm"}}`)))).To(Succeed())
	w.Eventually(func() map[string]string { return second().Data }).Should(And(HaveLen(1), HaveKey("snapshot-1.yaml")))

	w.stop()
	before := w.ownedVersions("demo")
	w.startOperator()
	w.Eventually(w.shown("demo")).Should(And(HaveKeyWithValue("wamp_operator_snapshot_parts", 2.0), HaveKeyWithValue("wamp_operator_router_streams open", 1.0)))
	w.Consistently(func() map[string]string { return w.ownedVersions("demo") }, "1s").Should(Equal(before), "an operator that starts anew changes nothing")

	w.Expect(admin.Delete(w.ctx, third)).To(Succeed())
	w.Eventually(func() [][]byte { return w.parts("demo") }).Should(Equal(whole))
	w.Eventually(func() map[string]string { return second().Data }).Should(BeEmpty())
	w.Eventually(programmed).Should(be(metav1.ConditionTrue, "Programmed"))
}

// largeRealm is a realm whose document has about 400 kB.
func (w *world) largeRealm(name, cluster string) *v1alpha1.WampRealm {
	realm := w.realm(name, name, cluster)
	for role := range 10 {
		r := v1alpha1.Role{Name: fmt.Sprintf("role%d", role)}
		for i := range 128 {
			r.Permissions = append(r.Permissions, v1alpha1.Permission{
				URI: fmt.Sprintf("com.example.p%d.%s", i, strings.Repeat("x", 220)), Allow: []v1alpha1.Action{v1alpha1.ActionCall, v1alpha1.ActionRegister},
			})
		}
		realm.Spec.Roles = append(realm.Spec.Roles, r)
	}
	return realm
}
