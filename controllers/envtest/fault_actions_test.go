package envtest

import (
	"fmt"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
)

var (
	lastClusters = []string{"a", "b", "c"}
	lastURIs     = []string{"com.example.one", "com.example.two", "com.example.three", "com.example.four"}
)

// action is one thing that happens to a cluster.
type action struct {
	name string
	// slow: what follows may take seconds. lag: it is to meet caches that are behind.
	slow, lag bool
	do        func(cluster string)
}

// furnish makes clusters of two routers with a realm, a principal with a Secret, and procedures, one of them
// in the other namespace; some of it is missing, so that it can be made later.
func (l *lasts) furnish() {
	l.t.Helper()
	for i, x := range lastClusters {
		cluster := l.cluster(x, 2)
		cluster.Spec.AllowedNamespaces = []v1alpha1.AllowedNamespaces{
			{From: v1alpha1.NamespacesFromSelector, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "a"}}},
			{From: v1alpha1.NamespacesFromAll}, {From: v1alpha1.NamespacesFromSame},
		}[i]
		cluster.Spec.NetworkPolicy.Mode = pick(l.Rand, v1alpha1.NetworkPolicyManaged, v1alpha1.NetworkPolicyNone)
		l.create(cluster, l.lastProcedure(x, 0), l.lastProcedure(x, 1))
		if l.IntN(4) > 0 {
			l.create(l.lastRealm(x))
		}
		if l.IntN(4) > 0 {
			l.create(l.lastSecret(x))
		}
		if l.IntN(2) == 0 {
			l.create(l.lastProcedure(x, 2))
		}
		if l.IntN(2) == 0 {
			l.create(l.elsewhere(x))
		}
	}
}

func (l *lasts) lastRealm(x string) *v1alpha1.WampRealm {
	realm := l.realm("realm-"+x, "realm1", x)
	realm.Spec.Roles = []v1alpha1.Role{{Name: "user"}}
	realm.Spec.Principals = []v1alpha1.Principal{{AuthID: "principal", Role: "user",
		Ticket: &v1alpha1.TicketCredential{SecretRef: v1alpha1.SecretKeyReference{Name: "secret-" + x, Key: "x"}}}}
	return realm
}

func (l *lasts) lastSecret(x string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: l.meta("secret-" + x), Data: map[string][]byte{"x": []byte("value")}}
}

func (l *lasts) lastProcedure(x string, i int) *v1alpha1.WampProcedure {
	return l.procedure(fmt.Sprintf("%s-%d", x, i), lastURIs[i], x, v1alpha1.InvokeFirst)
}

// elsewhere is a procedure in the other namespace.
func (l *lasts) elsewhere(x string) *v1alpha1.WampProcedure {
	p := l.procedure(x, lastURIs[3], x, v1alpha1.InvokeFirst)
	p.Spec.ClusterRef.Namespace, p.Namespace = l.namespace, l.other
	return p
}

// actions gives all that may happen, each once.
func (l *lasts) actions() []action {
	return []action{
		{name: "a procedure changes", do: func(x string) {
			change(l, l.lastProcedure(x, 1), func(p *v1alpha1.WampProcedure) {
				p.Spec.Invoke = other(p.Spec.Invoke, v1alpha1.InvokeFirst, v1alpha1.InvokeLast)
			})
		}},
		{name: "a procedure comes or goes", do: func(x string) { l.toggle(l.lastProcedure(x, 2)) }},
		{name: "a procedure elsewhere comes or goes", do: func(x string) { l.toggle(l.elsewhere(x)) }},
		{name: "the realm changes", do: func(x string) {
			l.have(l.lastRealm(x))
			change(l, l.lastRealm(x), func(r *v1alpha1.WampRealm) { r.Spec.Roles = append(r.Spec.Roles, v1alpha1.Role{Name: "more"}) })
		}},
		{name: "the realm comes or goes", do: func(x string) { l.toggle(l.lastRealm(x)) }},
		{name: "the Secret changes", do: func(x string) {
			l.have(l.lastSecret(x))
			change(l, l.lastSecret(x), func(s *corev1.Secret) { s.Data["x"] = append(s.Data["x"], 'e') })
		}},
		{name: "the Secret comes or goes", do: func(x string) { l.toggle(l.lastSecret(x)) }},
		{name: "the other namespace gets another label", do: func(string) {
			change(l, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: l.other}}, func(n *corev1.Namespace) { n.Labels["team"] = other(n.Labels["team"], "a", "b") })
		}},
		{name: "it is scaled", do: func(x string) { l.spec(x, func(s *v1alpha1.WampClusterSpec) { *s.Replicas = int32(1 + 2*l.IntN(2)) }) }},
		{name: "it gets another image", slow: true, do: func(x string) { l.spec(x, func(s *v1alpha1.WampClusterSpec) { s.Image = "example.com/wamp-router:2" }) }},
		{name: "its policy for the network changes", do: func(x string) {
			l.spec(x, func(s *v1alpha1.WampClusterSpec) {
				s.NetworkPolicy.Mode = other(s.NetworkPolicy.Mode, v1alpha1.NetworkPolicyManaged, v1alpha1.NetworkPolicyNone)
			})
		}},
		{name: "its policy for partitions changes", do: func(x string) {
			l.spec(x, func(s *v1alpha1.WampClusterSpec) { s.PartitionPolicy = v1alpha1.PartitionMajority })
		}},
		{name: "its Service gets another port", do: func(x string) { l.spec(x, func(s *v1alpha1.WampClusterSpec) { s.Service.Port = 8000 }) }},
		{name: "another gossip key is asked for", do: func(x string) {
			change(l, l.cluster(x, 0), func(c *v1alpha1.WampCluster) {
				metav1.SetMetaDataAnnotation(&c.ObjectMeta, v1alpha1.AnnotationRotateGossipKey, "now")
			})
		}},
		{name: "procedures change quickly", slow: true, do: func(x string) {
			for i := range 12 {
				change(l, l.lastProcedure(x, i%2), func(p *v1alpha1.WampProcedure) {
					p.Spec.Invoke = other(p.Spec.Invoke, v1alpha1.InvokeFirst, v1alpha1.InvokeLast)
				})
				<-time.After(30 * time.Millisecond)
			}
		}},
		{name: "callees come or go", do: func(x string) { l.callees(x, lastURIs[0]) }},
		{name: "callees go and come back before caches know", lag: true, do: func(x string) {
			l.callees(x, lastURIs[1])
			<-time.After(200 * time.Millisecond)
			l.callees(x, lastURIs[1])
		}},
		{name: "routers lose their connections", do: func(x string) {
			for i := range 3 {
				l.routers.of(fmt.Sprintf("%s-%d", x, i)).hangUp()
			}
		}},
		{name: "somebody deletes what it owns", do: l.deleteOwned},
		{name: "somebody changes what it owns", do: l.changeOwned},
		{name: "it is made anew", do: func(x string) {
			cluster := l.cluster(x, 0)
			l.Expect(admin.Get(l.ctx, l.key(x), cluster)).To(Succeed())
			l.Expect(admin.Delete(l.ctx, cluster)).To(Succeed())
			cluster.ObjectMeta, cluster.Status = l.meta(x), v1alpha1.WampClusterStatus{}
			l.create(cluster)
		}},
	}
}

// other gives the one of two values that is not this one.
func other[T comparable](is, a, b T) T {
	if is == a {
		return b
	}
	return a
}

// change changes an object, which somebody else may write meanwhile.
func change[T client.Object](l *lasts, o T, how func(T)) {
	l.t.Helper()
	l.Eventually(func() error {
		if err := admin.Get(l.ctx, client.ObjectKeyFromObject(o), o); err != nil {
			return err
		}
		how(o)
		return admin.Update(l.ctx, o)
	}).WithPolling(5 * time.Millisecond).Should(Succeed())
}

func (l *lasts) spec(x string, how func(*v1alpha1.WampClusterSpec)) {
	l.t.Helper()
	change(l, l.cluster(x, 0), func(c *v1alpha1.WampCluster) { how(&c.Spec) })
}

// toggle deletes what is there, and makes what is not.
func (l *lasts) toggle(o client.Object) {
	l.t.Helper()
	err := admin.Delete(l.ctx, o)
	if apierrors.IsNotFound(err) {
		l.note("it comes")
		l.create(o)
		return
	}
	l.note("it goes")
	l.Expect(err).NotTo(HaveOccurred())
}

// have makes what is not there.
func (l *lasts) have(o client.Object) {
	l.t.Helper()
	if err := admin.Create(l.ctx, o); !apierrors.IsAlreadyExists(err) {
		l.Expect(err).NotTo(HaveOccurred())
	}
}

// callees lets all routers of a cluster lose their callee of a URI, or get it back.
func (l *lasts) callees(x, uri string) {
	l.t.Helper()
	key := x + " " + uri
	if _, gone := l.gone.LoadAndDelete(key); !gone {
		l.gone.Store(key, true)
	}
	pods := &corev1.PodList{}
	l.Expect(admin.List(l.ctx, pods, client.InNamespace(l.namespace), client.MatchingLabels(resource.Selector(x)))).To(Succeed())
	var names []string
	for i := range pods.Items {
		names = append(names, pods.Items[i].Name)
	}
	for _, name := range names {
		l.routers.of(name).register(l.calleesOf(x, uri, names))
	}
}

func (l *lasts) deleteOwned(x string) {
	l.t.Helper()
	owned := []client.Object{
		&corev1.ConfigMap{ObjectMeta: l.meta(resource.SnapshotName(x, 0))},
		&corev1.ConfigMap{ObjectMeta: l.meta(resource.ConfigName(x))},
		&corev1.Service{ObjectMeta: l.meta(x)},
		&corev1.ServiceAccount{ObjectMeta: l.meta(resource.ServiceAccountName(x))},
		&policyv1.PodDisruptionBudget{ObjectMeta: l.meta(resource.PodDisruptionBudgetName(x))},
		&networkingv1.NetworkPolicy{ObjectMeta: l.meta(resource.NetworkPolicyName(x))},
	}
	for _, i := range l.Perm(len(owned)) {
		err := admin.Delete(l.ctx, owned[i])
		if !apierrors.IsNotFound(err) {
			l.note("%T %s", owned[i], owned[i].GetName())
			l.Expect(err).NotTo(HaveOccurred())
			return
		}
	}
}

func (l *lasts) changeOwned(x string) {
	l.t.Helper()
	what := l.IntN(4)
	l.note("the thing number %d", what)
	switch what {
	case 0:
		change(l, &corev1.ConfigMap{ObjectMeta: l.meta(resource.SnapshotName(x, 0))}, func(c *corev1.ConfigMap) {
			c.Data["snapshot.yaml"], c.Data["foreign.yaml"] = "", "kind: Nothing"
		})
	case 1:
		change(l, &policyv1.PodDisruptionBudget{ObjectMeta: l.meta(resource.PodDisruptionBudgetName(x))}, func(b *policyv1.PodDisruptionBudget) {
			b.Spec.MaxUnavailable, b.Spec.MinAvailable = nil, &intstr.IntOrString{IntVal: 5}
		})
	case 2:
		change(l, &corev1.Service{ObjectMeta: l.meta(x)}, func(s *corev1.Service) { s.Spec.Ports[0].Port = 1 })
	case 3:
		change(l, &appsv1.StatefulSet{ObjectMeta: l.meta(x)}, func(s *appsv1.StatefulSet) { *s.Spec.Replicas++ })
	}
}
