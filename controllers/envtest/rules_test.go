package envtest

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

var testdata = filepath.Join("..", "..", "api", "v1alpha1", "testdata")

func documents(t *testing.T, path string) (out []*unstructured.Unstructured) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range bytes.Split(data, []byte("\n---\n")) {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(part, &u.Object); err != nil {
			t.Fatalf("%v in\n%s", err, part)
		}
		out = append(out, u)
	}
	return out
}

// apply is what kubectl apply does with a file: fields that the schema does not know are refused.
func apply(t *testing.T, u *unstructured.Unstructured, namespace string, options ...client.CreateOption) error {
	u.SetNamespace(namespace)
	return client.WithFieldValidation(admin, metav1.FieldValidationStrict).Create(t.Context(), u, options...)
}

// Every rule of the schema refuses what it is there for, and says what to write instead.
func TestTheServerRefuses(t *testing.T) {
	namespace := newNamespace(t, nil)
	refused := documents(t, filepath.Join(testdata, "refused.yaml"))
	for _, u := range refused {
		path, says, found := strings.Cut(u.GetAnnotations()["says"], "|")
		if !found {
			path, says = "", path
		}
		err := apply(t, u, namespace, client.DryRunAll)
		if err == nil {
			t.Errorf("%s %s is not refused", u.GetKind(), u.GetName())
		} else if !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s %s is refused with\n  %v\nwant %q at %s", u.GetKind(), u.GetName(), err, says, path)
		}
	}
}

func TestTheServerAccepts(t *testing.T) {
	namespace := newNamespace(t, nil)
	var files []string
	for _, folder := range []string{"", "people"} {
		found, err := filepath.Glob(filepath.Join("..", "..", "config", "samples", folder, "*.yaml"))
		if err != nil || len(found) == 0 {
			t.Fatal("no samples found in", folder, err)
		}
		files = append(files, found...)
	}
	for _, file := range append(files, filepath.Join(testdata, "accepted.yaml")) {
		for _, u := range documents(t, file) {
			if err := apply(t, u, namespace, client.DryRunAll); err != nil {
				t.Errorf("%s: %s %s is refused: %v", filepath.Base(file), u.GetKind(), u.GetName(), err)
			}
		}
	}
}

// What the chart's notes tell people to apply works as it stands there.
func TestTheServerAcceptsTheNotes(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "charts", "wamp-operator", "templates", "NOTES.txt"))
	if err != nil {
		t.Fatal(err)
	}
	_, manifests, _ := strings.Cut(string(data), "<<END\n")
	// Not indented: a shell would not see the end of what was copied.
	manifests, _, found := strings.Cut(manifests, "\nEND\n")
	if !found {
		t.Fatal("the notes have no manifests")
	}
	namespace := newNamespace(t, nil)
	for _, part := range strings.Split(manifests, "\n---\n") {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(part), &u.Object); err != nil {
			t.Fatalf("%v in\n%s", err, part)
		}
		if err := apply(t, u, namespace, client.DryRunAll); err != nil {
			t.Errorf("%s %s is refused: %v", u.GetKind(), u.GetName(), err)
		}
	}
}

// The defaults of the schema are those of Default: a document means the same in a file.
func TestDefaultsOfTheServer(t *testing.T) {
	g := NewWithT(t)
	namespace := newNamespace(t, nil)
	for _, u := range documents(t, filepath.Join(testdata, "accepted.yaml")) {
		var local interface {
			client.Object
			Default()
		}
		switch u.GetKind() {
		case v1alpha1.KindWampRealm:
			local = &v1alpha1.WampRealm{}
		case v1alpha1.KindWampProcedure:
			local = &v1alpha1.WampProcedure{}
		case v1alpha1.KindWampCluster:
			local = &v1alpha1.WampCluster{}
		default:
			continue
		}
		data, err := yaml.Marshal(u.Object)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(yaml.Unmarshal(data, local)).To(Succeed())
		server := local.DeepCopyObject().(client.Object)
		server.SetNamespace(namespace)
		g.Expect(admin.Create(t.Context(), server, client.DryRunAll)).To(Succeed())
		local.Default()
		switch local := local.(type) {
		case *v1alpha1.WampRealm:
			g.Expect(server.(*v1alpha1.WampRealm).Spec).To(Equal(local.Spec), u.GetName())
		case *v1alpha1.WampProcedure:
			g.Expect(server.(*v1alpha1.WampProcedure).Spec).To(Equal(local.Spec), u.GetName())
		case *v1alpha1.WampCluster: // routers read two fields of it
			g.Expect(server.(*v1alpha1.WampCluster).Spec.Replicas).To(Equal(local.Spec.Replicas), u.GetName())
			g.Expect(server.(*v1alpha1.WampCluster).Spec.PartitionPolicy).To(Equal(local.Spec.PartitionPolicy), u.GetName())
		}
	}

	cluster := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": v1alpha1.GroupVersion.String(), "kind": v1alpha1.KindWampCluster,
		"metadata": map[string]any{"name": "bare"},
	}}
	g.Expect(apply(t, cluster, namespace, client.DryRunAll)).To(Succeed())
	g.Expect(cluster.Object["spec"]).To(Equal(map[string]any{
		"replicas": int64(3), "partitionPolicy": "Available", "drainTimeout": "20s",
		"listener":          map[string]any{"port": int64(8080)},
		"allowedNamespaces": map[string]any{"from": "Same"},
		"service":           map[string]any{"type": "ClusterIP"},
		"networkPolicy":     map[string]any{"mode": "Managed"},
		"monitoring":        map[string]any{"podMonitor": "Auto"},
	}))
}

// What identifies a procedure or a realm stays; the sentence says how to get another one.
func TestWhatCannotBeChanged(t *testing.T) {
	g := NewWithT(t)
	namespace := newNamespace(t, nil)
	procedure := &v1alpha1.WampProcedure{
		ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: namespace},
		Spec: v1alpha1.WampProcedureSpec{
			ClusterRef: v1alpha1.ClusterReference{Name: "demo"}, Realm: "realm1", URI: "com.example.add",
		},
	}
	realm := &v1alpha1.WampRealm{
		ObjectMeta: metav1.ObjectMeta{Name: "r", Namespace: namespace},
		Spec:       v1alpha1.WampRealmSpec{ClusterRef: v1alpha1.ClusterReference{Name: "demo"}, Realm: "realm1"},
	}
	g.Expect(admin.Create(t.Context(), procedure)).To(Succeed())
	g.Expect(admin.Create(t.Context(), realm)).To(Succeed())
	for field, value := range map[string]string{
		"realm":      `"realm2"`,
		"uri":        `"com.example.sub"`,
		"clusterRef": `{"name":"other"}`,
		"match":      `"prefix"`,
	} {
		patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"`+field+`":`+value+`}}`))
		g.Expect(admin.Patch(t.Context(), procedure.DeepCopy(), patch)).To(MatchError(
			ContainSubstring(field + " cannot be changed: delete this WampProcedure and create it anew")))
		if field != "uri" && field != "match" {
			g.Expect(admin.Patch(t.Context(), realm.DeepCopy(), patch)).To(MatchError(
				ContainSubstring(field + " cannot be changed: delete this WampRealm and create it anew")))
		}
	}
	// The cluster's namespace written out is another reference, and is refused as well.
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"clusterRef":{"namespace":"`+namespace+`"}}}`))
	g.Expect(admin.Patch(t.Context(), procedure.DeepCopy(), patch)).To(MatchError(ContainSubstring("clusterRef cannot be changed")))

	procedure.Spec.Invoke, procedure.Spec.Standbys = v1alpha1.InvokeFirst, ptr.To[int32](2)
	procedure.Spec.Enforcement = v1alpha1.EnforceOverride
	g.Expect(admin.Update(t.Context(), procedure)).To(Succeed(), "the policy can be changed")
}

// kubectl scale and autoscalers work on a WampCluster.
func TestScale(t *testing.T) {
	g := NewWithT(t)
	cluster := &v1alpha1.WampCluster{ObjectMeta: metav1.ObjectMeta{Name: "scaled", Namespace: newNamespace(t, nil)}}
	g.Expect(admin.Create(t.Context(), cluster)).To(Succeed())
	scale := &autoscalingv1.Scale{}
	g.Expect(admin.SubResource("scale").Get(t.Context(), cluster, scale)).To(Succeed())
	g.Expect(scale.Spec.Replicas).To(BeEquivalentTo(3))
	scale.Spec.Replicas = 5
	g.Expect(admin.SubResource("scale").Update(t.Context(), cluster, client.WithSubResourceBody(scale))).To(Succeed())
	g.Expect(admin.Get(t.Context(), client.ObjectKeyFromObject(cluster), cluster)).To(Succeed())
	g.Expect(cluster.Spec.Replicas).To(Equal(ptr.To[int32](5)))
}
