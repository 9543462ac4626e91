package envtest

import (
	"maps"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
)

func ownedLists() []client.ObjectList {
	return []client.ObjectList{
		&appsv1.StatefulSetList{}, &corev1.ServiceList{}, &corev1.ConfigMapList{}, &corev1.SecretList{},
		&corev1.ServiceAccountList{}, &policyv1.PodDisruptionBudgetList{}, &networkingv1.NetworkPolicyList{},
	}
}

func items(list client.ObjectList) (out []client.Object) {
	_ = meta.EachListItem(list, func(o runtime.Object) error {
		out = append(out, o.(client.Object))
		return nil
	})
	return out
}

// template gives the pod template as it is applied.
func (w *world) template(cluster string) corev1.PodTemplateSpec {
	set := &appsv1.StatefulSet{}
	w.Expect(admin.Get(w.ctx, w.key(cluster), set)).To(Succeed())
	return set.Spec.Template
}

// Scaling, realms, procedures and a restarted operator leave the pod template as it is: no router
// is restarted. A new image is the counterexample.
func TestNothingRestartsRoutersWithoutNeed(t *testing.T) {
	w := newWorld(t)
	cluster := w.cluster("demo", 3)
	w.create(cluster)
	set := &appsv1.StatefulSet{}
	w.Eventually(func() error { return admin.Get(w.ctx, w.key("demo"), set) }).Should(Succeed())
	before := w.template("demo")
	w.Expect(before.Spec.Containers[0].Image).To(Equal(routerImage))

	w.create(w.realm("realm1", "realm1", "demo"), w.procedure("p", "com.example.add", "demo", v1alpha1.InvokeFirst))
	w.patch(cluster, `{"spec":{"replicas":5,"service":{"type":"NodePort","port":80},"allowedNamespaces":{"from":"All"}}}`)
	w.Eventually(func() int32 {
		w.Expect(admin.Get(w.ctx, w.key("demo"), set)).To(Succeed())
		return *set.Spec.Replicas
	}).Should(BeEquivalentTo(5))
	service := &corev1.Service{}
	w.Eventually(func() int32 {
		w.Expect(admin.Get(w.ctx, w.key("demo"), service)).To(Succeed())
		return service.Spec.Ports[0].Port
	}).Should(BeEquivalentTo(80))
	w.Eventually(w.condition(cluster, v1alpha1.ConditionAvailable)).Should(HaveField("ObservedGeneration", cluster.Generation))
	w.Expect(w.template("demo")).To(Equal(before))

	snapshot := &corev1.ConfigMap{}
	w.Eventually(func() string {
		w.Expect(admin.Get(w.ctx, w.key("demo-snapshot"), snapshot)).To(Succeed())
		return snapshot.Data[resource.SnapshotFile]
	}).Should(ContainSubstring("com.example.add"))
	versions := w.ownedVersions("demo")
	w.stop()
	w.startOperator()
	w.patch(cluster, `{"spec":{"replicas":4}}`)
	w.Eventually(func() int32 {
		w.Expect(admin.Get(w.ctx, w.key("demo"), set)).To(Succeed())
		return *set.Spec.Replicas
	}).Should(BeEquivalentTo(4))
	w.Expect(w.template("demo")).To(Equal(before))
	after := w.ownedVersions("demo")
	delete(versions, "StatefulSet demo")
	delete(after, "StatefulSet demo")
	w.Expect(after).To(Equal(versions), "a restarted operator wrote what was right already")

	w.patch(cluster, `{"spec":{"image":"example.com/wamp-router:2"}}`)
	w.Eventually(func() string { return w.template("demo").Spec.Containers[0].Image }).Should(Equal("example.com/wamp-router:2"))
}

// ownedVersions gives the resource versions of what a cluster owns.
func (w *world) ownedVersions(cluster string) map[string]string {
	out := map[string]string{}
	for _, list := range ownedLists() {
		w.Expect(admin.List(w.ctx, list, client.InNamespace(w.namespace), client.MatchingLabels{resource.LabelCluster: cluster})).To(Succeed())
		gvk, err := admin.GroupVersionKindFor(list)
		w.Expect(err).NotTo(HaveOccurred())
		for _, o := range items(list) {
			out[gvk.Kind[:len(gvk.Kind)-len("List")]+" "+o.GetName()] = o.GetResourceVersion()
		}
	}
	return out
}

func (w *world) patch(o client.Object, merge string) {
	w.t.Helper()
	w.Expect(admin.Patch(w.ctx, o, client.RawPatch("application/merge-patch+json", []byte(merge)))).To(Succeed())
}

// What somebody else changed or deleted comes back; the gossip key with the value that routers
// have.
func TestDriftIsUndone(t *testing.T) {
	w := newWorld(t)
	w.create(w.cluster("demo", 0))
	secret := &corev1.Secret{}
	w.Eventually(func() error { return admin.Get(w.ctx, w.key("demo-gossip"), secret) }).Should(Succeed())
	w.Eventually(func() error { return admin.Get(w.ctx, w.key("demo"), &appsv1.StatefulSet{}) }).Should(Succeed())
	key := maps.Clone(secret.Data)

	service := &corev1.Service{ObjectMeta: w.meta("demo-headless")}
	w.patch(service, `{"spec":{"publishNotReadyAddresses":false}}`)
	w.Eventually(func() bool {
		w.Expect(admin.Get(w.ctx, w.key("demo-headless"), service)).To(Succeed())
		return service.Spec.PublishNotReadyAddresses
	}).Should(BeTrue())

	for _, o := range []client.Object{
		&corev1.ConfigMap{ObjectMeta: w.meta("demo-snapshot")}, &corev1.Secret{ObjectMeta: w.meta("demo-gossip")},
		&policyv1.PodDisruptionBudget{ObjectMeta: w.meta("demo")},
	} {
		uid := func() any {
			if admin.Get(w.ctx, client.ObjectKeyFromObject(o), o) != nil {
				return nil
			}
			return o.GetUID()
		}
		w.Eventually(uid).ShouldNot(BeNil())
		before := uid()
		w.Expect(admin.Delete(w.ctx, o)).To(Succeed())
		w.Eventually(uid).Should(And(Not(BeNil()), Not(Equal(before))), "%T", o)
	}
	w.Expect(admin.Get(w.ctx, w.key("demo-gossip"), secret)).To(Succeed())
	w.Expect(secret.Data).To(Equal(key))
}

// A change by hand that contradicts what the operator applies is undone as well: server-side apply
// by itself would keep both and be refused for ever.
func TestContradictionIsUndone(t *testing.T) {
	w := newWorld(t)
	cluster := w.cluster("demo", 0)
	w.create(cluster)
	w.Eventually(w.condition(cluster, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "ScaledToZero"))

	service := &corev1.Service{ObjectMeta: w.meta("demo")}
	w.patch(service, `{"spec":{"ports":[{"name":"wamp","port":1}],"selector":{"a":"b"}}}`)
	w.Eventually(func() corev1.ServiceSpec {
		w.Expect(admin.Get(w.ctx, w.key("demo"), service)).To(Succeed())
		return service.Spec
	}).Should(And(
		HaveField("Ports", ConsistOf(HaveField("Port", int32(8080)))),
		HaveField("Selector", resource.Selector("demo"))))

	pdb := &policyv1.PodDisruptionBudget{ObjectMeta: w.meta("demo")}
	w.patch(pdb, `{"spec":{"minAvailable":2,"maxUnavailable":null}}`)
	w.Eventually(func() policyv1.PodDisruptionBudgetSpec {
		w.Expect(admin.Get(w.ctx, w.key("demo"), pdb)).To(Succeed())
		return pdb.Spec
	}).Should(And(HaveField("MinAvailable", BeNil()), HaveField("MaxUnavailable", Not(BeNil()))))

	// Routers read every file of the snapshot's folder.
	snapshot := &corev1.ConfigMap{ObjectMeta: w.meta("demo-snapshot")}
	w.patch(snapshot, `{"data":{"other.yaml":"kind: WampRealm"},"binaryData":{"more.yaml":"AAAA"}}`)
	w.Eventually(func() *corev1.ConfigMap {
		w.Expect(admin.Get(w.ctx, w.key("demo-snapshot"), snapshot)).To(Succeed())
		return snapshot
	}).Should(And(HaveField("Data", And(HaveLen(1), HaveKey(resource.SnapshotFile))), HaveField("BinaryData", BeEmpty())))
	w.Eventually(w.condition(cluster, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "ScaledToZero"))
}

// What the schema lets pass and Kubernetes refuses is a condition that names it, and keeps nobody
// from hearing the routers that run, an operator that has just started included.
func TestRefusedByKubernetes(t *testing.T) {
	w := newWorld(t)
	cluster, realm := w.cluster("demo", 1), w.realm("realm1", "realm1", "demo")
	w.create(cluster, realm)
	w.startPods("demo", 1)
	w.Eventually(w.served("demo", 1, cluster, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "Ready"))

	w.patch(cluster, `{"spec":{"pod":{"labels":{"not a label":"x"}}}}`)
	w.Eventually(w.condition(cluster, v1alpha1.ConditionReady)).Should(And(
		be(metav1.ConditionFalse, "Refused"), HaveField("Message", And(
			ContainSubstring(`Kubernetes refuses what comes of the spec: StatefulSet.apps "demo" is invalid`),
			ContainSubstring("not a label"), ContainSubstring("Correct the spec of this WampCluster.")))))

	w.stop()
	w.startOperator()
	before := w.snapshot("demo")
	p := w.procedure("p", "com.example.add", "demo", v1alpha1.InvokeFirst)
	w.create(p)
	w.Eventually(w.condition(p, v1alpha1.ConditionAccepted)).Should(be(metav1.ConditionTrue, "Accepted"))
	w.Eventually(func() string { return w.snapshot("demo") }).ShouldNot(Equal(before))
	w.Eventually(func() map[string]string {
		pod := &corev1.Pod{}
		w.Expect(admin.Get(w.ctx, w.key("demo-0"), pod)).To(Succeed())
		return pod.Annotations
	}).Should(HaveKeyWithValue(resource.AnnotationSnapshot, HavePrefix(w.snapshot("demo"))))
	w.kubelet("demo", 1)
	w.routers.of("demo-0").register(callees("com.example.add", v1alpha1.InvokeFirst, "demo-0"))
	w.Eventually(w.condition(p, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "Ready"))

	w.patch(cluster, `{"spec":{"pod":{"labels":null}}}`)
	w.Eventually(w.condition(cluster, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "Ready"))
}

// A certificate that is not there is named; nothing else tells why no router starts.
func TestMissingCertificate(t *testing.T) {
	w := newWorld(t)
	cluster := w.cluster("demo", 1)
	cluster.Spec.Listener.TLS = &v1alpha1.ListenerTLS{SecretName: "clients"}
	w.create(cluster)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "demo-0", Namespace: w.namespace, Labels: resource.Labels("demo")},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: resource.ContainerName, Image: routerImage}}},
	}
	w.create(pod)
	w.Eventually(w.condition(cluster, v1alpha1.ConditionReady)).Should(HaveField("Message",
		ContainSubstring("There is no Secret "+w.namespace+"/clients: create it with tls.crt and tls.key")))
	w.create(&corev1.Secret{ObjectMeta: w.meta("clients"), Data: map[string][]byte{"tls.crt": []byte("x")}})
	w.Eventually(w.condition(cluster, v1alpha1.ConditionReady)).Should(HaveField("Message",
		ContainSubstring("lacks tls.crt or tls.key: put both into it")))

	other := w.cluster("other", 1)
	other.Spec.Listener.TLS = &v1alpha1.ListenerTLS{SecretName: "server", ClientCA: &v1alpha1.ClientCA{ConfigMapName: "authorities"}}
	pod = pod.DeepCopy()
	pod.ObjectMeta = metav1.ObjectMeta{Name: "other-0", Namespace: w.namespace, Labels: resource.Labels("other")}
	w.create(w.tlsSecret("server"), other, pod)
	w.Eventually(w.condition(other, v1alpha1.ConditionReady)).Should(HaveField("Message",
		ContainSubstring("There is no ConfigMap "+w.namespace+"/authorities: create it with the certificates of authorities in ca.crt")))
}

// An object of somebody else is neither taken over nor overwritten; the condition says so, and the
// cluster is complete once it is gone.
func TestNameTaken(t *testing.T) {
	w := newWorld(t)
	foreign := &corev1.Service{ObjectMeta: w.meta("demo"), Spec: corev1.ServiceSpec{
		Selector: map[string]string{"app": "mine"}, Ports: []corev1.ServicePort{{Port: 1234}},
	}}
	w.create(foreign)
	cluster := w.cluster("demo", 0)
	w.create(cluster)
	w.Eventually(w.condition(cluster, v1alpha1.ConditionReady)).Should(And(
		be(metav1.ConditionFalse, "NameTaken"),
		HaveField("Message", ContainSubstring("Service "+w.namespace+"/demo is there already and was not made by the operator: delete it"))))
	w.Expect(admin.Get(w.ctx, w.key("demo"), foreign)).To(Succeed())
	w.Expect(foreign.Spec.Selector).To(Equal(map[string]string{"app": "mine"}))
	w.Expect(foreign.OwnerReferences).To(BeEmpty())
	w.Expect(admin.Delete(w.ctx, foreign)).To(Succeed())
	w.Eventually(w.condition(cluster, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "ScaledToZero"))
}

// Routers that nobody hears make status unknown, not false, after a time of grace; and an operator
// that has just started writes nothing before it has heard them.
func TestRoutersThatAreNotHeard(t *testing.T) {
	w := newWorld(t)
	cluster, realm := w.cluster("demo", 2), w.realm("realm1", "realm1", "demo")
	p := w.procedure("p", "com.example.add", "demo", v1alpha1.InvokeFirst)
	w.create(cluster, realm, p)
	w.Eventually(w.condition(p, v1alpha1.ConditionAccepted)).Should(be(metav1.ConditionTrue, "Accepted"))
	w.startPods("demo", 2)
	for _, name := range []string{"demo-0", "demo-1"} {
		w.routers.of(name).register(callees("com.example.add", v1alpha1.InvokeFirst, "demo-0", "demo-1"))
	}
	w.Eventually(w.served("demo", 2, p, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "Ready"))
	w.Eventually(w.condition(p, v1alpha1.ConditionRedundant)).Should(be(metav1.ConditionTrue, "StandbysThere"))

	before := w.versions()
	w.stop()
	w.startOperator()
	hello := w.procedure("hello", "com.example.hello", "demo", v1alpha1.InvokeFirst)
	w.create(hello)
	w.Eventually(w.condition(hello, v1alpha1.ConditionProgrammed)).Should(be(metav1.ConditionFalse, "Pending"))
	w.Expect(w.versions()["p"]).To(Equal(before["p"]), "a restarted operator wrote a status that had not changed")

	for _, name := range []string{"demo-0", "demo-1"} {
		w.routers.of(name).setSilent(true)
	}
	w.Eventually(w.condition(p, v1alpha1.ConditionReady)).Should(be(metav1.ConditionUnknown, "RoutersSilent"))
	w.Eventually(w.condition(realm, v1alpha1.ConditionReady)).Should(be(metav1.ConditionUnknown, "RoutersSilent"))
	w.Eventually(w.condition(cluster, v1alpha1.ConditionProgrammed)).Should(And(
		be(metav1.ConditionUnknown, "RouterUnreachable"), HaveField("Message", ContainSubstring("port 9090"))))
	for _, name := range []string{"demo-0", "demo-1"} {
		w.routers.of(name).setSilent(false)
	}
	w.Eventually(w.condition(p, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "Ready"))
}

// A restart of the operator is not seen in the status of a cluster: it stays as it was until every
// router has been heard again.
func TestRestartOfTheOperatorIsNotSeen(t *testing.T) {
	w := newWorld(t)
	cluster := w.cluster("demo", 2)
	w.create(cluster, w.realm("realm1", "realm1", "demo"))
	w.startPods("demo", 2)
	w.Eventually(func() int32 {
		w.kubelet("demo", 2)
		w.Expect(admin.Get(w.ctx, w.key("demo"), cluster)).To(Succeed())
		return cluster.Status.ProgrammedReplicas * cluster.Status.Realms
	}).Should(BeEquivalentTo(2))
	w.Eventually(w.condition(cluster, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "Ready"))

	before := cluster.ResourceVersion
	connected := func(name string) func() int {
		f := w.routers.of(name)
		return func() int { f.mu.Lock(); defer f.mu.Unlock(); return f.connects }
	}
	first, second := connected("demo-0"), connected("demo-1")
	n, m := first(), second()
	w.stop()
	w.startOperator()
	w.Eventually(first).Should(BeNumerically(">", n))
	w.Eventually(second).Should(BeNumerically(">", m))
	w.Consistently(func() string {
		w.Expect(admin.Get(w.ctx, w.key("demo"), cluster)).To(Succeed())
		return cluster.ResourceVersion
	}).WithTimeout(time.Second).Should(Equal(before), "a restarted operator wrote what it did not know")
}

// Routers that do not agree for a while are a condition that says what to look at.
func TestDisagreement(t *testing.T) {
	w := newWorld(t)
	cluster := w.cluster("demo", 2)
	w.create(cluster)
	w.startPods("demo", 2)
	w.Eventually(w.served("demo", 2, cluster, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "Ready"))
	w.routers.of("demo-1").report(func(s *v1alpha1.RouterReplicaState) { s.Members = []string{"demo-1"} })
	w.Eventually(w.condition(cluster, v1alpha1.ConditionConsistent)).WithTimeout(patient + 5*time.Second).Should(And(
		be(metav1.ConditionFalse, "Disagreement"), HaveField("Message", ContainSubstring("demo-1 does not see demo-0"))))
	w.Expect(w.condition(cluster, v1alpha1.ConditionReady)()).To(be(metav1.ConditionFalse, "Disagreement"))
	w.routers.of("demo-1").report(func(s *v1alpha1.RouterReplicaState) { s.Members = []string{"demo-0", "demo-1"} })
	w.Eventually(w.condition(cluster, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "Ready"))
}
