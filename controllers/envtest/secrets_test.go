package envtest

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
)

// credentials polls what the routers are given of a Secret, by key.
func (w *world) credentials(cluster, secret string) func() map[string]string {
	return func() map[string]string {
		published := &corev1.Secret{}
		if admin.Get(w.ctx, w.key(resource.CredentialsName(cluster)), published) != nil {
			return nil
		}
		for _, part := range bytes.Split(published.Data[resource.CredentialsFile], []byte("---\n")) {
			document := &corev1.Secret{}
			if yaml.Unmarshal(part, document) != nil || document.Name != secret || document.Namespace != w.namespace {
				continue
			}
			values := map[string]string{}
			for key, value := range document.Data {
				values[key] = string(value)
			}
			return values
		}
		return nil
	}
}

func (w *world) principals(name, uri, cluster string, tickets map[string]v1alpha1.SecretKeyReference) *v1alpha1.WampRealm {
	r := w.realm(name, uri, cluster)
	r.Spec.Roles = []v1alpha1.Role{{Name: "user"}}
	for authid, ref := range tickets {
		r.Spec.Principals = append(r.Spec.Principals, v1alpha1.Principal{
			AuthID: authid, Role: "user", Ticket: &v1alpha1.TicketCredential{SecretRef: ref}})
	}
	return r
}

// The keys that a realm names reach the routers, nothing else of the Secret does, and a change of it
// is published and told of at once, without a restart of any router.
func TestSecretsReachRouters(t *testing.T) {
	w := newWorld(t)
	const hush, changed = "open-sesame", "open-barley"
	secret := &corev1.Secret{ObjectMeta: w.meta("people"), StringData: map[string]string{"alice": hush, "other": "unasked"}}
	realm := w.principals("realm1", "realm1", "demo", map[string]v1alpha1.SecretKeyReference{"alice": {Name: "people", Key: "alice"}})
	w.create(w.cluster("demo", 2), secret, realm)
	w.startPods("demo", 2)
	w.Eventually(w.credentials("demo", "people")).Should(Equal(map[string]string{"alice": hush}))
	w.Eventually(w.served("demo", 2, realm, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "Ready"))
	w.Expect(w.condition(realm, v1alpha1.ConditionResolvedRefs)()).To(be(metav1.ConditionTrue, "Resolved"))
	template, salt := w.template("demo"), w.salt("demo")

	w.patch(secret, `{"stringData":{"alice":"`+changed+`"}}`)
	w.Eventually(w.credentials("demo", "people")).WithTimeout(patient).Should(Equal(map[string]string{"alice": changed}))
	w.Eventually(w.condition(realm, v1alpha1.ConditionProgrammed)).Should(be(metav1.ConditionFalse, "Pending"))
	pod := &corev1.Pod{}
	w.Eventually(func() string {
		w.Expect(admin.Get(w.ctx, w.key("demo-1"), pod)).To(Succeed())
		return pod.Annotations[resource.AnnotationSnapshot]
	}).Should(HavePrefix(w.snapshot("demo")), "the kubelet is told")
	w.Eventually(w.served("demo", 2, realm, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "Ready"))
	w.Expect(w.template("demo")).To(Equal(template), "a changed Secret restarts no router")

	// A restarted operator publishes the same again, with the salt that there was.
	before := w.snapshot("demo")
	w.stop()
	w.startOperator()
	w.patch(secret, `{"data":{"other":null}}`)
	more := w.realm("realm2", "realm2", "demo")
	w.create(more)
	w.Eventually(w.condition(more, v1alpha1.ConditionAccepted)).Should(be(metav1.ConditionTrue, "Accepted"))
	w.Eventually(func() string { return w.snapshot("demo") }).ShouldNot(Equal(before))
	w.Expect(w.salt("demo")).To(Equal(salt))
	w.Expect(w.credentials("demo", "people")()).To(Equal(map[string]string{"alice": changed}))
	w.expectNowhere(hush, changed, "unasked")
}

// salt gives the line of the published credentials that makes their hash tell nothing.
func (w *world) salt(cluster string) string {
	published := &corev1.Secret{}
	w.Expect(admin.Get(w.ctx, w.key(resource.CredentialsName(cluster)), published)).To(Succeed())
	for line := range strings.Lines(string(published.Data[resource.CredentialsFile])) {
		if strings.HasPrefix(line, "# salt ") {
			return line
		}
	}
	return ""
}

// expectNowhere looks for secrets in everything that is no Secret.
func (w *world) expectNowhere(secrets ...string) {
	w.t.Helper()
	for _, list := range append(ownedLists(), &v1alpha1.WampClusterList{}, &v1alpha1.WampRealmList{}, &corev1.PodList{}, &corev1.EventList{}) {
		if _, keeps := list.(*corev1.SecretList); keeps {
			continue
		}
		w.Expect(admin.List(w.ctx, list, client.InNamespace(w.namespace))).To(Succeed())
		data, err := yaml.Marshal(list)
		w.Expect(err).NotTo(HaveOccurred())
		for _, s := range secrets {
			for _, form := range []string{s, base64.StdEncoding.EncodeToString([]byte(s))} {
				if strings.Contains(string(data), form) {
					w.t.Errorf("%T tells the secret %q", list, s)
				}
			}
		}
	}
}

// What is missing is said in the realm's status, and goes away as soon as it is there; other realms
// and the rest of the realm are served meanwhile.
func TestMissingSecret(t *testing.T) {
	w := newWorld(t)
	realm := w.principals("realm1", "realm1", "demo", map[string]v1alpha1.SecretKeyReference{
		"alice": {Name: "people", Key: "alice"}, "bob": {Name: "Not A Name/..", Key: "bob"}})
	other := w.realm("realm2", "realm2", "demo")
	w.create(w.cluster("demo", 1), realm, other)
	w.startPods("demo", 1)
	w.Eventually(w.condition(realm, v1alpha1.ConditionResolvedRefs)).Should(And(be(metav1.ConditionFalse, "SecretNotFound"),
		HaveField("Message", And(ContainSubstring("alice cannot log in by ticket: there is no Secret "+w.namespace+"/people: create it with the key alice."),
			ContainSubstring("is not a name that a Secret can have")))))
	w.Eventually(w.served("demo", 1, realm, v1alpha1.ConditionProgrammed)).Should(be(metav1.ConditionTrue, "Programmed"))
	w.Eventually(w.condition(realm, v1alpha1.ConditionReady)).Should(be(metav1.ConditionFalse, "SecretNotFound"))
	w.Eventually(w.served("demo", 1, other, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "Ready"))

	secret := &corev1.Secret{ObjectMeta: w.meta("people"), StringData: map[string]string{"bob": "x"}}
	w.create(secret)
	w.Eventually(w.condition(realm, v1alpha1.ConditionResolvedRefs)).Should(HaveField("Message",
		ContainSubstring("the Secret "+w.namespace+"/people has no key alice: add it.")))
	w.patch(secret, `{"stringData":{"alice":"open-sesame"}}`)
	w.Eventually(w.credentials("demo", "people")).Should(Equal(map[string]string{"alice": "open-sesame"}))
	w.Eventually(w.condition(realm, v1alpha1.ConditionResolvedRefs)).Should(HaveField("Message",
		Not(ContainSubstring("alice"))))

	w.Expect(admin.Get(w.ctx, w.key("realm1"), realm)).To(Succeed())
	for i, p := range realm.Spec.Principals {
		if p.AuthID == "bob" {
			realm.Spec.Principals[i].Ticket.SecretRef = v1alpha1.SecretKeyReference{Name: "people", Key: "bob"}
		}
	}
	w.Expect(admin.Update(w.ctx, realm)).To(Succeed())
	w.Eventually(w.credentials("demo", "people")).Should(Equal(map[string]string{"alice": "open-sesame", "bob": "x"}))
	w.Eventually(w.served("demo", 1, realm, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "Ready"))

	w.Expect(admin.Delete(w.ctx, secret)).To(Succeed())
	w.Eventually(w.condition(realm, v1alpha1.ConditionResolvedRefs)).Should(be(metav1.ConditionFalse, "SecretNotFound"))
	w.Eventually(w.credentials("demo", "people")).Should(BeNil())
}

// A realm of another namespace takes its Secrets from there, and another Secret of the same name is
// none of its business.
func TestSecretsOfTheRealmsNamespace(t *testing.T) {
	other := newNamespace(t, nil)
	w := newWorld(t, other)
	cluster := w.cluster("demo", 0)
	cluster.Spec.AllowedNamespaces.From = v1alpha1.NamespacesFromAll
	realm := w.principals("realm1", "realm1", "demo", map[string]v1alpha1.SecretKeyReference{"alice": {Name: "people", Key: "alice"}})
	realm.Namespace, realm.Spec.ClusterRef.Namespace = other, w.namespace
	foreign := &corev1.Secret{ObjectMeta: w.meta("people"), StringData: map[string]string{"alice": "not-this"}}
	theirs := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "people", Namespace: other}, StringData: map[string]string{"alice": "but-this"}}
	w.create(cluster, foreign, theirs, realm)
	published := &corev1.Secret{}
	w.Eventually(func() string {
		_ = admin.Get(w.ctx, w.key(resource.CredentialsName("demo")), published)
		return string(published.Data[resource.CredentialsFile])
	}).Should(And(ContainSubstring(`"namespace":"`+other+`"`), ContainSubstring(base64.StdEncoding.EncodeToString([]byte("but-this")))))
	w.Expect(string(published.Data[resource.CredentialsFile])).NotTo(ContainSubstring(base64.StdEncoding.EncodeToString([]byte("not-this"))))
}

// Callees of a pattern are those of the WampProcedure with that match, and of no other.
func TestPatterns(t *testing.T) {
	w := newWorld(t)
	exact := w.procedure("exact", "com.example", "demo", v1alpha1.InvokeFirst)
	prefix := w.procedure("prefix", "com.example", "demo", v1alpha1.InvokeFirst)
	prefix.Spec.Match = v1alpha1.MatchPrefix
	w.create(w.cluster("demo", 1), w.realm("realm1", "realm1", "demo"), exact, prefix)
	w.startPods("demo", 1)
	registered := callees("com.example", v1alpha1.InvokeFirst, "demo-0")
	registered.Match = v1alpha1.MatchPrefix
	w.routers.of("demo-0").register(registered)
	w.Eventually(w.served("demo", 1, prefix, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "Ready"))
	w.Expect(prefix.Status.ActiveCallee).To(Equal("demo-0/100"))
	w.Eventually(w.condition(exact, v1alpha1.ConditionReady)).Should(be(metav1.ConditionFalse, "NoCallee"))

	w.routers.of("demo-0").register(callees("com.example", v1alpha1.InvokeFirst, "demo-0"))
	w.Eventually(w.condition(exact, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "Ready"))
}
