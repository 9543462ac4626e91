package envtest

import (
	"fmt"
	"math/rand/v2"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// walker does at random what users do: it makes, changes and deletes clusters, realms, procedures,
// Secrets, and labels of a namespace. Names are few, so that things meet.
type walker struct {
	*world
	*rand.Rand
	other string // another namespace
	did   []string
}

var (
	walkClusters = []string{"a", "b"}
	walkURIs     = []string{"com.example.one", "com.example.two", "com.example.three"}
)

// walk takes a number of steps, each after a moment.
func (k *walker) walk(steps int) {
	for range steps {
		k.step()
		<-time.After(time.Duration(k.IntN(150)) * time.Millisecond)
	}
}

func (k *walker) step() {
	cluster := walkClusters[k.IntN(len(walkClusters))]
	realm, secret := fmt.Sprintf("realm%d", k.IntN(2)), fmt.Sprintf("secret%d", k.IntN(2))
	procedure := fmt.Sprintf("procedure%d", k.IntN(6))
	namespace := k.namespace
	if k.IntN(4) == 0 {
		namespace = k.other
	}
	at := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name, Namespace: namespace} }
	switch k.IntN(12) {
	case 0, 1:
		k.makeOrEdit(&v1alpha1.WampCluster{ObjectMeta: k.meta(cluster)}, k.editCluster)
	case 2, 3:
		k.makeOrEdit(&v1alpha1.WampRealm{ObjectMeta: at(realm)}, k.editRealm)
	case 4, 5, 6, 7:
		k.makeOrEdit(&v1alpha1.WampProcedure{ObjectMeta: at(procedure)}, k.editProcedure)
	case 8:
		k.makeOrEdit(&corev1.Secret{ObjectMeta: at(secret)}, k.editSecret)
	case 9:
		k.label()
	case 10:
		gone := []client.Object{
			&v1alpha1.WampRealm{ObjectMeta: at(realm)}, &v1alpha1.WampProcedure{ObjectMeta: at(procedure)}, &corev1.Secret{ObjectMeta: at(secret)},
		}
		k.delete(gone[k.IntN(len(gone))])
	case 11:
		if k.IntN(3) == 0 { // it takes longest to come back from
			k.delete(&v1alpha1.WampCluster{ObjectMeta: k.meta(cluster)})
		}
	}
}

// touchAll changes everything that there is, once and quickly, and makes what is not there; last what
// only a watch tells of.
func (k *walker) touchAll() {
	for _, cluster := range walkClusters {
		k.makeOrEdit(&v1alpha1.WampCluster{ObjectMeta: k.meta(cluster)}, k.editCluster)
	}
	for i := range 6 {
		k.makeOrEdit(&v1alpha1.WampProcedure{ObjectMeta: k.meta(fmt.Sprintf("procedure%d", i))}, k.editProcedure)
	}
	for i := range 2 {
		k.makeOrEdit(&v1alpha1.WampRealm{ObjectMeta: k.meta(fmt.Sprintf("realm%d", i))}, k.editRealm)
	}
	k.label()
	for i := range 2 {
		k.makeOrEdit(&corev1.Secret{ObjectMeta: k.meta(fmt.Sprintf("secret%d", i))}, k.editSecret)
	}
}

func (k *walker) makeOrEdit(o client.Object, edit func(o client.Object, fresh bool)) {
	k.t.Helper()
	kind := fmt.Sprintf("%T %s", o, client.ObjectKeyFromObject(o))
	for range 100 { // the operator writes statuses meanwhile
		err := admin.Get(k.ctx, client.ObjectKeyFromObject(o), o)
		switch {
		case err == nil:
			edit(o, false)
			err = admin.Update(k.ctx, o)
			k.did = append(k.did, "edit "+kind)
		case apierrors.IsNotFound(err):
			edit(o, true)
			err = admin.Create(k.ctx, o)
			k.did = append(k.did, "make "+kind)
		}
		if apierrors.IsConflict(err) {
			continue
		}
		k.Expect(err).NotTo(HaveOccurred())
		return
	}
	k.t.Fatalf("%s is written by somebody all the time", kind)
}

func (k *walker) delete(o client.Object) {
	k.t.Helper()
	k.did = append(k.did, fmt.Sprintf("delete %T %s", o, client.ObjectKeyFromObject(o)))
	k.Expect(client.IgnoreNotFound(admin.Delete(k.ctx, o))).To(Succeed())
}

func (k *walker) label() {
	k.t.Helper()
	patch := fmt.Sprintf(`{"metadata":{"labels":{"team":"%c"}}}`, 'a'+k.IntN(2))
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: k.other}}
	k.did = append(k.did, "label "+patch)
	k.Expect(admin.Patch(k.ctx, namespace, client.RawPatch("application/merge-patch+json", []byte(patch)))).To(Succeed())
}

func pick[T any](dice *rand.Rand, from ...T) T { return from[dice.IntN(len(from))] }

func (k *walker) editCluster(o client.Object, _ bool) {
	spec := &o.(*v1alpha1.WampCluster).Spec
	replicas := int32(k.IntN(4))
	switch k.IntN(9) {
	case 0, 1, 2:
		spec.Replicas = &replicas
	case 3:
		spec.AllowedNamespaces = pick(k.Rand,
			v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesFromSame}, v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesFromAll},
			v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesFromSelector, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "a"}}})
	case 4:
		spec.NetworkPolicy.Mode = pick(k.Rand, v1alpha1.NetworkPolicyManaged, v1alpha1.NetworkPolicyNone)
	case 5:
		spec.Service.Port = pick[int32](k.Rand, 0, 80, 443)
	case 6:
		spec.Image = pick(k.Rand, "", "example.com/wamp-router:2")
	case 7:
		spec.PartitionPolicy = pick(k.Rand, v1alpha1.PartitionAvailable, v1alpha1.PartitionMajority)
	case 8:
		o.SetAnnotations(map[string]string{v1alpha1.AnnotationRotateGossipKey: fmt.Sprint(k.IntN(3))})
	}
	if spec.Replicas == nil {
		spec.Replicas = &replicas
	}
}

func (k *walker) editRealm(o client.Object, fresh bool) {
	realm := o.(*v1alpha1.WampRealm)
	if fresh {
		realm.Spec.ClusterRef = v1alpha1.ClusterReference{Name: pick(k.Rand, walkClusters...), Namespace: k.namespace}
		realm.Spec.Realm = pick(k.Rand, "realm1", "realm1", "realm2")
	}
	realm.Spec.Roles = []v1alpha1.Role{{Name: pick(k.Rand, "user", "guest")}}
	realm.Spec.Principals = nil
	for i := range 1 + k.IntN(3) {
		realm.Spec.Principals = append(realm.Spec.Principals, v1alpha1.Principal{
			AuthID: fmt.Sprintf("principal%d", i), Role: realm.Spec.Roles[0].Name,
			Ticket: &v1alpha1.TicketCredential{SecretRef: v1alpha1.SecretKeyReference{Name: fmt.Sprintf("secret%d", k.IntN(2)), Key: pick(k.Rand, "x", "y")}},
		})
	}
}

func (k *walker) editProcedure(o client.Object, fresh bool) {
	procedure := o.(*v1alpha1.WampProcedure)
	if fresh {
		procedure.Spec.ClusterRef = v1alpha1.ClusterReference{Name: pick(k.Rand, walkClusters...), Namespace: k.namespace}
		procedure.Spec.Realm = pick(k.Rand, "realm1", "realm1", "realm2")
		procedure.Spec.URI = pick(k.Rand, walkURIs...)
	}
	standbys := int32(k.IntN(3))
	procedure.Spec.Standbys = nil
	procedure.Spec.Invoke = pick(k.Rand, v1alpha1.InvokeFirst, v1alpha1.InvokeLast, v1alpha1.InvokeRoundRobin, v1alpha1.InvokeRandom)
	if procedure.Spec.Invoke == v1alpha1.InvokeFirst {
		procedure.Spec.Standbys = &standbys
	}
}

func (k *walker) editSecret(o client.Object, _ bool) {
	secret := o.(*corev1.Secret)
	secret.Data = map[string][]byte{"x": fmt.Appendf(nil, "value%d", k.IntN(3))}
	if k.IntN(2) == 0 {
		secret.Data["y"] = []byte("y")
	}
}
