package envtest

import (
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// events polls the events about an object: type, reason, action, and the pod that it is about.
func (w *world) events(o client.Object, kind string) func() []string {
	return func() (out []string) {
		var list eventsv1.EventList
		w.Expect(admin.List(w.ctx, &list, client.InNamespace(o.GetNamespace()))).To(Succeed())
		for _, e := range list.Items {
			if e.Regarding.Kind != kind || e.Regarding.UID != o.GetUID() {
				continue
			}
			w.Expect(e.ReportingController).To(Equal("wamp-operator"))
			w.Expect(e.Note).NotTo(BeEmpty())
			text := strings.Join([]string{e.Type, e.Reason, e.Action}, " ")
			if e.Related != nil {
				text += " " + e.Related.Kind + "/" + e.Related.Name
			}
			if e.Series != nil {
				text += " again"
			}
			out = append(out, text)
		}
		slices.Sort(out)
		return out
	}
}

// Events tell of transitions of all kinds, once; an operator that is started anew repeats none; and what
// is done to pods is told with the pod.
func TestEventsTellOfTransitions(t *testing.T) {
	w := newWorld(t)
	w.startKubernetes("com.example.add")
	cluster, realm := w.cluster("demo", 2), w.realm("realm1", "realm1", "demo")
	younger := w.realm("younger", "realm1", "demo")
	p := w.procedure("p", "com.example.add", "demo", v1alpha1.InvokeFirst)
	orphan := w.procedure("orphan", "com.example.orphan", "nobody", v1alpha1.InvokeFirst)
	w.create(cluster, realm, p, orphan)
	w.ready(cluster)
	w.Eventually(w.condition(p, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "Ready"))
	w.Eventually(w.condition(realm, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "Ready"))
	w.create(younger)

	w.Eventually(w.events(cluster, "WampCluster")).Should(ContainElement("Normal Ready Observe"))
	w.Eventually(w.events(realm, "WampRealm")).Should(ContainElement("Normal Ready Observe"))
	w.Eventually(w.events(p, "WampProcedure")).Should(ContainElement("Normal Ready Observe"))
	w.Eventually(w.events(orphan, "WampProcedure")).Should(Equal([]string{"Warning ClusterNotFound Stall"}))
	w.Eventually(w.events(younger, "WampRealm")).Should(Equal([]string{"Warning Conflict Stall"}))

	// Once more the same operator, and another one, find nothing to tell.
	told := map[client.Object][]string{}
	kinds := map[client.Object]string{cluster: "WampCluster", realm: "WampRealm", younger: "WampRealm", p: "WampProcedure", orphan: "WampProcedure"}
	w.Consistently(func() int { return len(w.events(p, "WampProcedure")()) }).WithTimeout(time.Second).Should(Equal(len(w.events(p, "WampProcedure")())))
	for o, kind := range kinds {
		told[o] = w.events(o, kind)()
	}
	connects := func() int { f := w.routers.of("demo-0"); f.mu.Lock(); defer f.mu.Unlock(); return f.connects }
	n := connects()
	w.stop()
	w.startOperator()
	w.Eventually(connects).Should(BeNumerically(">", n))
	w.Consistently(func(g Gomega) {
		for o, kind := range kinds {
			g.Expect(w.events(o, kind)()).To(Equal(told[o]), "%s %s", kind, o.GetName())
		}
	}).WithTimeout(2 * time.Second).Should(Succeed())

	w.patch(cluster, `{"spec":{"image":"example.com/wamp-router:2"}}`)
	w.Eventually(w.events(cluster, "WampCluster")).Should(And(
		ContainElement("Normal DrainingRouter Drain Pod/demo-1"), ContainElement("Normal DrainingRouter Drain Pod/demo-0")))
}
