package resource

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Everything that the operator makes has an owner, so that nothing stays behind, and the labels
// by which its caches find it.
func TestOwnerAndLabels(t *testing.T) {
	cluster := demo()
	for name, desired := range map[string]any{
		"StatefulSet":         StatefulSet(cluster, image, 1),
		"headless Service":    HeadlessService(cluster),
		"client Service":      ClientService(cluster),
		"router ConfigMap":    RouterConfigMap(cluster),
		"snapshot ConfigMap":  SnapshotConfigMap(cluster, 0, []byte("a"), "b"),
		"gossip Secret":       GossipSecret(cluster, []byte("a"), nil),
		"admin Secret":        AdminSecret(cluster, []byte("a")),
		"credentials Secret":  CredentialsSecret(cluster, []byte("a")),
		"PodDisruptionBudget": PodDisruptionBudget(cluster),
		"ServiceAccount":      ServiceAccount(cluster),
		"NetworkPolicy":       NetworkPolicy(cluster),
		"PodMonitor":          PodMonitor(cluster),
		"Certificate":         Certificate(certified()),
	} {
		o := as[metav1.PartialObjectMetadata](t, desired)
		if o.Namespace != "apps" || metav1.GetControllerOf(&o) == nil {
			t.Errorf("%s: namespace %q, owners %v", name, o.Namespace, o.OwnerReferences)
		}
		if !ManagedSelector().Matches(labels.Set(o.Labels)) || o.Labels[LabelCluster] != "demo" {
			t.Errorf("%s: labels %v", name, o.Labels)
		}
	}
}

// The longest name that the schema lets pass still gives valid names and labels everywhere.
func TestLongName(t *testing.T) {
	name := "a234567890123456789012345678901234567890"
	// A StatefulSet's pods have a label with its name, a dash and a hash of ten characters.
	if l := len(StatefulSetName(name) + "-0123456789"); l > validation.LabelValueMaxLength {
		t.Errorf("the revision label has %d characters", l)
	}
	for _, s := range []string{ClientServiceName(name), HeadlessServiceName(name), StatefulSetName(name) + "-63"} {
		if errs := validation.IsDNS1035Label(s); len(errs) > 0 {
			t.Errorf("%s: %v", s, errs)
		}
	}
}

func TestSecrets(t *testing.T) {
	if key := NewGossipKey(); len(key) != 32 || string(key) == string(NewGossipKey()) {
		t.Errorf("gossip key of %d bytes", len(key))
	}
	if token := NewAdminToken(); len(token) != 64 || string(token) == string(NewAdminToken()) {
		t.Errorf("token %q", token)
	}
	s := as[corev1.Secret](t, GossipSecret(demo(), []byte("abc"), map[string]string{AnnotationKeyDone: "1", AnnotationKeyNext: ""}))
	if s.Name != "demo-gossip" || string(s.Data[GossipKey]) != "abc" || len(s.Annotations) != 1 || s.Annotations[AnnotationKeyDone] != "1" {
		t.Errorf("secret %+v", s)
	}
	s = as[corev1.Secret](t, AdminSecret(demo(), []byte("abc")))
	if s.Name != "demo-admin" || string(s.Data[AdminToken]) != "abc" {
		t.Errorf("secret %+v", s)
	}
	s = as[corev1.Secret](t, CredentialsSecret(demo(), []byte("abc")))
	if s.Name != "demo-credentials" || string(s.Data[CredentialsFile]) != "abc" {
		t.Errorf("secret %+v", s)
	}
}

func TestPodDisruptionBudget(t *testing.T) {
	b := as[policyv1.PodDisruptionBudget](t, PodDisruptionBudget(demo()))
	if b.Spec.MaxUnavailable.IntValue() != 1 || b.Spec.Selector.MatchLabels[LabelCluster] != "demo" {
		t.Errorf("budget %+v", b.Spec)
	}
}

func TestSnapshotConfigMap(t *testing.T) {
	cm := as[corev1.ConfigMap](t, SnapshotConfigMap(demo(), 0, []byte("documents"), "hash"))
	if cm.Data[SnapshotFile] != "documents" || cm.Annotations[AnnotationSnapshot] != "hash" {
		t.Errorf("config map %+v", cm)
	}
}
